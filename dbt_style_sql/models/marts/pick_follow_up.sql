-- What core knows of every line that may have been sent, by pick id: read for lines that left marts.pick_lines.
-- A line with shipments has one row a shipment, with the shipment number at the end of its pick id (as in pick_lines).
-- A parcel with a tracking number proves a shipment whose status text nobody has documented (Kibo after READY).
WITH tracked_shipments AS (
    SELECT DISTINCT shipment_id
    FROM {{ source('core', 'parcels') }}
    WHERE tracking_number IS NOT NULL
)

SELECT
    order_lines.line_id AS pick_id,
    orders.order_status,
    order_lines.line_status,
    NULL::VARCHAR AS shipment_status,
    order_lines.quantity_shipped
FROM {{ source('core', 'order_lines') }} AS order_lines
INNER JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = order_lines.order_id
UNION ALL
SELECT
    shipment_lines.line_id || ':' || shipments.shipment_number,
    orders.order_status,
    shipment_lines.line_status,
    CASE
        WHEN shipments.shipment_status = 'unknown' AND tracked_shipments.shipment_id IS NOT NULL THEN 'shipped'
        ELSE shipments.shipment_status
    END,
    shipment_lines.quantity_shipped
FROM {{ source('core', 'shipment_lines') }} AS shipment_lines
INNER JOIN {{ source('core', 'shipments') }} AS shipments ON shipments.shipment_id = shipment_lines.shipment_id
INNER JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = shipment_lines.order_id
LEFT JOIN tracked_shipments ON tracked_shipments.shipment_id = shipments.shipment_id
UNION ALL
-- Later lots of a line, of channels that say after which quantity each was allocated (pick_candidates__scansource).
SELECT
    lots.line_id || ':after-' || {{ plain_number('lots.allocated_after') }},
    orders.order_status,
    lots.line_status,
    NULL::VARCHAR,
    lots.quantity_shipped - lots.allocated_after
FROM (
    SELECT
        order_id,
        line_id,
        line_status,
        quantity_shipped,
        unnest({{ json_quantities_at('extras', '$.allocated_after') }}) AS allocated_after
    FROM {{ source('core', 'order_lines') }}
    WHERE contains(CAST(extras AS VARCHAR), '"allocated_after"')
) AS lots
INNER JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = lots.order_id
