-- More serial numbers than shipped pieces, and serial numbers that stand on two orders.
WITH counted AS (
    SELECT
        source,
        order_day,
        order_id,
        line_key,
        count(*) AS serials
    FROM {{ source('core', 'serial_numbers') }}
    GROUP BY source, order_day, order_id, line_key
)

SELECT
    counted.source,
    counted.order_day,
    'serial_count' AS rule,
    'quantity_shipped' AS field,
    lines.line_id AS key
FROM counted
INNER JOIN {{ source('core', 'order_lines') }} AS lines
    ON lines.order_id = counted.order_id AND lines.line_key = counted.line_key
WHERE counted.serials > coalesce(lines.quantity_shipped, lines.quantity_ordered)
UNION ALL
SELECT
    source,
    max(order_day),
    'serial_count',
    'serial_number',
    serial_number
FROM {{ source('core', 'serial_numbers') }}
GROUP BY source, serial_number
HAVING count(DISTINCT order_id) > 1
