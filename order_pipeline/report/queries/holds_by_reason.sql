-- What is held, and why.
SELECT
    reason,
    source AS channel,
    count(DISTINCT order_id) AS orders,
    count(line_id) AS lines,
    max(age_hours) AS oldest_order_hours
FROM marts.backlog
WHERE stage = 'held'
GROUP BY ALL
ORDER BY orders DESC, reason, channel
