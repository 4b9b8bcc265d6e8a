-- The days that no build found settled (docs/decisions/0059), one row a source and day. What is open, waits, or is to be
-- picked is of these days. A built day of which nobody noted it is one of them.
SELECT
    source,
    order_day
FROM (SELECT source, order_day, is_settled FROM {{ source('core', 'builds') }} OFFSET 0)
WHERE is_settled IS DISTINCT FROM true
