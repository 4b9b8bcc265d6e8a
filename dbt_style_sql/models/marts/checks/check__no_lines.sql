-- Orders without a line: nothing of them can be picked.
SELECT orders.source, orders.order_day, 'no_lines' AS rule, 'order_lines' AS field, orders.order_number AS key
FROM {{ source('core', 'orders') }} AS orders
ANTI JOIN {{ source('core', 'order_lines') }} AS lines USING (order_id)
