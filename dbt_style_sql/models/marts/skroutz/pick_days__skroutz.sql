-- The days that pick_candidates__skroutz may have rows of: those with an accepted order.
SELECT DISTINCT
    source,
    order_day
FROM {{ source('core', 'orders') }}
WHERE source = 'skroutz' AND order_status = 'accepted'
