-- One row a fault of the rule bad_json: the payload is no JSON, or a container in it has the wrong type. A wrong container
-- reads as NULL, so only orders with a NULL container are looked at again; those kept as text show it by their first letter.
WITH documents AS (
    SELECT
        record_id,
        document.shipments AS shipments,
        document.orderItems AS order_items,
        document IS NULL OR document.shipments IS NULL OR document.tax IS NULL OR document.customer IS NULL
            OR document.shippingAddressInformation IS NULL AS lacks_container,
        len(list_filter(document.shipments, lambda s: s.items IS NULL)) > 0 AS lacks_items
    FROM {{ ref('stg_kibo__parsed') }}
),

-- Materialized, and no filter on the types after it: a JSON call takes memory for every time it stands in the plan.
types AS MATERIALIZED (
    SELECT
        record_id,
        TRY(json_type(payload, ['$', '$.shipments', '$.tax', '$.customer', '$.shippingAddressInformation'])) AS found
    FROM {{ ref('base_kibo__orders') }}
    WHERE record_id IN (SELECT record_id FROM documents WHERE lacks_container)
),

types_of_items AS MATERIALIZED (
    SELECT
        record_id,
        json_type(payload, '$.shipments[*].items') AS found
    FROM {{ ref('base_kibo__orders') }}
    WHERE record_id IN (SELECT record_id FROM documents WHERE lacks_items)
),

containers AS (
    SELECT
        record_id,
        unnest(['payload', 'shipments', 'tax', 'customer', 'shippingAddressInformation']) AS field,
        unnest(['OBJECT', 'ARRAY', 'OBJECT', 'OBJECT', 'OBJECT']) AS wanted,
        unnest(coalesce(found, ['not JSON', NULL, NULL, NULL, NULL])) AS found
    FROM types
    UNION ALL
    SELECT record_id, 'shipments.items', 'ARRAY', unnest(found) FROM types_of_items
    UNION ALL
    SELECT record_id, 'orderItems', 'ARRAY', CASE WHEN order_items LIKE '[%' THEN 'ARRAY' ELSE 'no list' END
    FROM documents WHERE order_items IS NOT NULL
    UNION ALL
    SELECT record_id, 'shipments.trackingInformation', 'ARRAY',
        unnest([CASE WHEN s.trackingInformation LIKE '[%' THEN 'ARRAY' ELSE 'no list' END
            FOR s IN shipments IF s.trackingInformation IS NOT NULL])
    FROM documents
)

SELECT
    record_id,
    'bad_json' AS rule,
    field,
    found AS value
FROM containers
WHERE found NOT IN (wanted, 'NULL')
