-- One row a fault of the rule bad_json: the payload is no JSON, or a container in it has the wrong type. Containers that are
-- kept as JSON text show their type by the first letter.
WITH suspects AS (
    SELECT record_id, odd_payload AS payload
    FROM {{ ref('stg_kibo__parsed') }}
    WHERE odd_payload IS NOT NULL
),

read_as_null AS (
    {{ wrong_containers('suspects', {
        '$': 'OBJECT',
        '$.shipments': 'ARRAY',
        '$.tax': 'OBJECT',
        '$.customer': 'OBJECT',
        '$.shippingAddressInformation': 'OBJECT',
        '$.shipments[*]': 'OBJECT',
        '$.shipments[*].items': 'ARRAY',
        '$.shipments[*].items[*]': 'OBJECT',
        '$.shipments[*].shippingAddressInformation': 'OBJECT'
    }) }}
)

SELECT record_id, rule, field, value
FROM read_as_null
UNION ALL
SELECT record_id, 'bad_json', 'orderItems', 'no list'
FROM {{ ref('stg_kibo__parsed') }}
WHERE {{ is_no_list('document.orderItems') }}
UNION ALL
SELECT record_id, 'bad_json', 'shipments.trackingInformation', 'no list'
FROM {{ ref('stg_kibo__parsed') }}
WHERE list_contains([{{ is_no_list('shipment.trackingInformation') }} FOR shipment IN document.shipments], true)
