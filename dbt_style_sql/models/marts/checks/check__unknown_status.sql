-- Status texts that no mapping knows (docs/apis/common_schema.md 14): kept as `unknown`. One row each, key is the text.
SELECT source, order_day, 'unknown_status' AS rule, 'orders.source_status' AS field, source_status AS key
FROM {{ source('core', 'orders') }}
WHERE order_status = 'unknown'
UNION ALL
SELECT source, order_day, 'unknown_status', 'shipments.source_status', coalesce(source_status, 'none')
FROM {{ source('core', 'shipments') }}
WHERE shipment_status = 'unknown'
UNION ALL
SELECT source, order_day, 'unknown_status', 'order_lines.source_line_status', coalesce(source_line_status, 'none')
FROM {{ source('core', 'order_lines') }}
WHERE line_status = 'unknown'
