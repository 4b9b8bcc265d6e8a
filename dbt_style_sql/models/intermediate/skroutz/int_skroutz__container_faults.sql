-- One row an order whose payload is no JSON or has a container of the wrong type: rule bad_json. A wrong container reads as
-- NULL, so only orders with a NULL container are looked at again.
WITH suspects AS (
    SELECT record_id, content_sha256
    FROM {{ ref('stg_skroutz__parsed') }}
    WHERE
        document.line_items IS NULL OR document.customer.address IS NULL OR document.courier_tracking_codes IS NULL
        OR document.invoice_details IS NULL OR fees IS NULL
),

-- Materialized, and no filter on the types before that: a JSON call takes memory each time it stands in the plan.
types AS MATERIALIZED (
    SELECT
        raw_orders.record_id,
        CASE WHEN json_valid(raw_orders.payload) THEN json_type(raw_orders.payload, [
            '$.order', '$.order.line_items', '$.order.customer', '$.order.customer.address',
            '$.order.courier_tracking_codes', '$.order.fees', '$.order.invoice_details'
        ]) END AS found
    FROM {{ source('raw', 'skroutz_orders') }} AS raw_orders
    INNER JOIN suspects
        ON suspects.record_id = raw_orders.record_id
        AND suspects.content_sha256 = raw_orders.content_sha256
),

containers AS (
    SELECT
        record_id,
        unnest([
            'order', 'line_items', 'customer', 'customer.address', 'courier_tracking_codes', 'fees', 'invoice_details'
        ]) AS field,
        unnest(['OBJECT', 'ARRAY', 'OBJECT', 'OBJECT', 'ARRAY', 'OBJECT', 'OBJECT']) AS wanted,
        unnest(coalesce(found, ['not JSON', NULL, NULL, NULL, NULL, NULL, NULL])) AS found
    FROM types
)

SELECT
    record_id,
    list({'rule': 'bad_json', 'field': field, 'value': found}) AS faults
FROM containers
WHERE found NOT IN (wanted, 'NULL')
GROUP BY record_id
