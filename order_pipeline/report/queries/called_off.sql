-- What was on the floor when its order was called off, of the last 30 days of sending.
WITH newest AS (
    SELECT max(sent_on) AS day
    FROM marts.pick_service_level
)

SELECT
    source AS channel,
    CAST(sum(lines_sent) AS BIGINT) AS lines_sent,
    CAST(sum(changed_after_send) AS BIGINT) AS changed_after_send,
    CAST(sum(picked_but_cancelled) AS BIGINT) AS picked_but_cancelled,
    CAST(sum(cancelled_but_picked) AS BIGINT) AS cancelled_but_picked
FROM marts.pick_service_level
CROSS JOIN newest
WHERE sent_on > newest.day - 30
GROUP BY ALL
ORDER BY channel
