-- The days that pick_candidates__kibo may have rows of: those with a shipment READY, or an order accepted that may have
-- nothing to pick. A Kibo order and its shipments come as one record, so they are of one day.
SELECT DISTINCT
    source,
    order_day
FROM {{ source('core', 'shipments') }}
WHERE source = 'kibo' AND shipment_status = 'ready'
UNION
SELECT
    source,
    order_day
FROM {{ source('core', 'orders') }}
WHERE source = 'kibo' AND order_status = 'accepted'
