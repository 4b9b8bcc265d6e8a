-- One row a fault of the rule bad_json: the payload is no JSON, or a container in it has the wrong type. Containers that are
-- kept as text show their type by the first letter.
WITH types AS MATERIALIZED (
    SELECT
        record_id,
        TRY(json_type(
            odd_payload, ['$', '$.shipments', '$.tax', '$.customer', '$.shippingAddressInformation']
        )) AS found,
        TRY(json_type(odd_payload, '$.shipments[*].items')) AS items
    FROM {{ ref('stg_kibo__parsed') }}
    WHERE odd_payload IS NOT NULL
),

containers AS (
    SELECT
        record_id,
        unnest(['payload', 'shipments', 'tax', 'customer', 'shippingAddressInformation']) AS field,
        unnest(['OBJECT', 'ARRAY', 'OBJECT', 'OBJECT', 'OBJECT']) AS wanted,
        unnest(coalesce(found, ['not JSON', NULL, NULL, NULL, NULL])) AS found
    FROM types
    UNION ALL
    SELECT record_id, 'shipments.items', 'ARRAY', unnest(items) FROM types
    UNION ALL
    SELECT record_id, 'orderItems', 'ARRAY', 'no list'
    FROM {{ ref('stg_kibo__parsed') }}
    WHERE document.orderItems NOT LIKE '[%'
    UNION ALL
    SELECT
        record_id,
        'shipments.trackingInformation',
        'ARRAY',
        unnest([
            'no list' FOR shipment IN document.shipments IF shipment.trackingInformation NOT LIKE '[%'
        ])
    FROM {{ ref('stg_kibo__parsed') }}
    WHERE list_contains([shipment.trackingInformation NOT LIKE '[%' FOR shipment IN document.shipments], true)
)

SELECT
    record_id,
    'bad_json' AS rule,
    field,
    found AS value
FROM containers
WHERE found NOT IN (wanted, 'NULL')
