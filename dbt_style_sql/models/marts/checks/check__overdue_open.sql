-- Orders still open after the time by which they had to be accepted: the channel should have expired them.
-- Skroutz is the one channel that states such a time (rule test_in_live).
SELECT
    source,
    order_day,
    'test_in_live' AS rule,
    'expires_at' AS field,
    order_number AS key
FROM {{ source('core', 'orders') }}
WHERE order_status = 'open'
    AND expires_at < fetched_at
