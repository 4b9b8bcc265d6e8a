-- Orders whose payload is no JSON or holds a container of the wrong type (rule bad_json). Such a container reads as NULL,
-- so only records with a NULL container are looked at again.
WITH odd AS (
    SELECT
        base.record_id,
        base.payload,
        parsed.document IS NOT NULL AS is_json
    FROM {{ ref('stg_kibo__parsed') }} AS parsed
    INNER JOIN {{ ref('base_kibo__orders') }} AS base USING (record_id)
    WHERE parsed.document IS NULL
        OR parsed.document.shipments IS NULL
        OR parsed.document.tax IS NULL
        OR parsed.document.customer IS NULL
        OR parsed.document.shippingAddressInformation IS NULL
        OR len(list_filter(
            parsed.document.shipments, lambda s: s.items IS NULL OR s.trackingInformation IS NULL
        )) > 0
        OR parsed.document.orderItems IS NULL
),

types AS MATERIALIZED (
    SELECT
        record_id,
        is_json,
        CASE WHEN is_json THEN json_type(payload, [
            '$.shipments', '$.orderItems', '$.tax', '$.customer', '$.shippingAddressInformation'
        ]) END AS containers,
        CASE WHEN is_json THEN json_type(payload, '$.shipments[*].items') END AS items,
        CASE WHEN is_json THEN json_type(payload, '$.shipments[*].trackingInformation') END AS tracking
    FROM odd
)

-- No filter here: it would be pushed down and repeat every JSON call, each with its own memory.
SELECT
    record_id,
    list_filter([
        {{ fault_unless('is_json', 'payload', "'not JSON'") }},
        {{ wrong_container('containers[1]', 'shipments', 'ARRAY') }},
        {{ wrong_container('containers[2]', 'orderItems', 'ARRAY') }},
        {{ wrong_container('containers[3]', 'tax', 'OBJECT') }},
        {{ wrong_container('containers[4]', 'customer', 'OBJECT') }},
        {{ wrong_container('containers[5]', 'shippingAddressInformation', 'OBJECT') }},
        {{ wrong_containers_within('items', 'shipments.items', 'ARRAY') }},
        {{ wrong_containers_within('tracking', 'shipments.trackingInformation', 'ARRAY') }}
    ], lambda fault: fault IS NOT NULL) AS faults
FROM types
