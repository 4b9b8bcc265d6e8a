-- Skroutz orders still open after their time to accept: the channel should have expired them (rule test_in_live).
SELECT
    source,
    order_day,
    'test_in_live' AS rule,
    'expires_at' AS field,
    order_number AS key
FROM {{ source('core', 'orders') }}
WHERE source = 'skroutz'
    AND order_status = 'open'
    AND expires_at < fetched_at
