-- One row a source, account, day, status and currency: how many orders, how much. Test orders are left out.
WITH lines AS (
    SELECT
        order_id,
        count(*) AS order_lines,
        sum(quantity_ordered) AS quantity_ordered
    FROM {{ source('core', 'order_lines') }}
    GROUP BY order_id
)

SELECT
    orders.source,
    orders.account,
    orders.order_day,
    orders.order_status,
    orders.currency,
    count(*) AS orders,
    CAST(sum(coalesce(lines.order_lines, 0)) AS BIGINT) AS order_lines,
    sum(lines.quantity_ordered) AS quantity_ordered,
    sum(orders.subtotal_amount) AS subtotal_amount,
    sum(orders.total_amount) AS total_amount
FROM {{ source('core', 'orders') }} AS orders
LEFT JOIN lines ON lines.order_id = orders.order_id
WHERE NOT orders.is_test
GROUP BY orders.source, orders.account, orders.order_day, orders.order_status, orders.currency
