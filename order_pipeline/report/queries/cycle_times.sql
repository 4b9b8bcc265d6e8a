-- How long orders took, of the orders of the last 30 order days. A time that nobody stated counts from when we first saw it.
WITH newest AS (
    SELECT max(order_day) AS day
    FROM marts.order_cycle_time
)

SELECT
    source AS channel,
    count(*) AS orders,
    count(minutes_to_sent) AS sent,
    CAST(quantile_disc(minutes_to_sent, 0.5) AS BIGINT) AS median_minutes_to_sent,
    count(days_to_shipped) AS shipped,
    CAST(quantile_disc(days_to_shipped, 0.5) AS BIGINT) AS median_days_to_shipped,
    CAST(quantile_disc(days_to_shipped, 0.9) AS BIGINT) AS slow_days_to_shipped,
    count(is_on_time) AS judged_on_time,
    round(100.0 * count(*) FILTER (is_on_time) / nullif(count(is_on_time), 0), 1) AS on_time_percent
FROM marts.order_cycle_time
CROSS JOIN newest
WHERE order_day > newest.day - 30
GROUP BY ALL
ORDER BY channel
