-- How well the floor and the orders kept in step, a source and day of sending (UTC).
-- picked_but_cancelled: the line was on the floor, then its order was called off or taken away.
-- cancelled_but_picked: of those, the pick was completed all the same: the goods left upstream, `Picked` was pushed, or
-- ScanOrders showed one of the status codes that the variable picked_status_codes names (the vendor publishes none).
WITH lines AS (
    SELECT
        source,
        CAST(sent_at AT TIME ZONE 'UTC' AS DATE) AS sent_on,
        state,
        state = 'cancelled_after_send' AS is_called_off,
        {{ is_picked() }} AS is_picked
    FROM {{ source('core', 'pick_status') }}
    WHERE sent_at IS NOT NULL
)

SELECT
    source,
    sent_on,
    count(*) AS lines_sent,
    count(*) FILTER (WHERE state = 'changed_after_send') AS changed_after_send,
    count(*) FILTER (WHERE is_called_off) AS picked_but_cancelled,
    count(*) FILTER (WHERE is_called_off AND is_picked) AS cancelled_but_picked,
    round(100.0 * count(*) FILTER (WHERE is_called_off) / count(*), 2) AS picked_but_cancelled_percent
FROM lines
GROUP BY source, sent_on
