-- The days that pick_candidates__skroutz may have rows of: those with an order that is accepted, or in a state that nobody
-- knows.
SELECT DISTINCT
    source,
    order_day
FROM {{ source('core', 'orders') }}
WHERE source = 'skroutz' AND order_status IN ('accepted', 'unknown')
