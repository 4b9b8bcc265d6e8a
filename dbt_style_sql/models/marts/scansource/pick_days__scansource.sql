-- The days that pick_candidates__scansource may have rows of. An order, its lines and its deliveries come as records of
-- their own, and goods may be committed whatever the order's status says. So no day is left out.
SELECT
    source,
    order_day
FROM {{ source('core', 'orders') }}
WHERE source = 'scansource'
UNION
SELECT
    source,
    order_day
FROM {{ source('core', 'order_lines') }}
WHERE source = 'scansource'
UNION
SELECT
    source,
    order_day
FROM {{ source('core', 'shipments') }}
WHERE source = 'scansource'
UNION
SELECT
    source,
    order_day
FROM {{ source('core', 'shipment_lines') }}
WHERE source = 'scansource'
