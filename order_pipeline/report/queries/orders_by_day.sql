-- Orders of the last days by channel, as the channels date them.
WITH newest AS (
    SELECT max(order_day) AS day
    FROM marts.daily_orders
)

SELECT
    order_day,
    source AS channel,
    CAST(sum(orders) AS BIGINT) AS orders
FROM marts.daily_orders
CROSS JOIN newest
WHERE order_day > newest.day - 14
GROUP BY ALL
ORDER BY order_day, channel
