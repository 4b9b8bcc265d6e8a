-- The days of which something is still open, one row a source and day: an order or a line that marts.backlog has, a shipment
-- that is ready, an order that may have to be picked, goods that are committed, a row whose order is of another day.
-- A build asks this of the days that it builds and notes the answer in core.builds (docs/decisions/0059); marts that show
-- what is open read no day that was found settled. A day too many costs time, a day too few would hide a pick: whoever
-- makes this list shorter gives the column in core.builds a new name, for the days of before were judged by the old rule.
WITH tracked_shipments AS (
    SELECT DISTINCT shipment_id
    FROM {{ source('core', 'parcels') }}
    WHERE tracking_number IS NOT NULL
),

-- As in marts.backlog.
departed AS (
    SELECT
        shipment_lines.line_id,
        sum(shipment_lines.quantity_ordered) AS quantity
    FROM {{ source('core', 'shipment_lines') }} AS shipment_lines
    INNER JOIN {{ source('core', 'shipments') }} AS shipments ON shipments.shipment_id = shipment_lines.shipment_id
    LEFT JOIN tracked_shipments ON tracked_shipments.shipment_id = shipment_lines.shipment_id
    WHERE shipment_lines.line_status <> 'cancelled'
        AND shipments.shipment_status <> 'cancelled'
    GROUP BY shipment_lines.line_id
    HAVING bool_and(
            shipments.shipment_status IN ('shipped', 'partially_delivered', 'delivered', 'returning', 'returned')
            OR (shipments.shipment_status = 'unknown' AND tracked_shipments.shipment_id IS NOT NULL)
        )
),

-- An order without a line of its own day is open whatever its status: its lines may lie elsewhere.
open_orders AS (
    SELECT
        orders.source,
        orders.order_day
    FROM {{ source('core', 'orders') }} AS orders
    LEFT JOIN {{ source('core', 'order_lines') }} AS lines
        ON lines.order_id = orders.order_id
        AND lines.source = orders.source
        AND lines.order_day = orders.order_day
    LEFT JOIN departed ON departed.line_id = lines.line_id
    WHERE lines.line_id IS NULL
        OR orders.order_status IN ('open', 'accepted', 'partially_shipped')
        OR (
            orders.order_status IN ('on_hold', 'backordered', 'partially_delivered', 'unknown')
            AND lines.line_status IN ('open', 'backordered', 'partially_shipped', 'unknown')
            AND (
                departed.line_id IS NULL
                OR lines.quantity_shipped IS NOT NULL
                OR departed.quantity < lines.quantity_ordered
            )
        )
)

SELECT
    source,
    order_day
FROM open_orders
UNION
SELECT
    source,
    order_day
FROM {{ source('core', 'shipments') }}
WHERE shipment_status = 'ready'
UNION
SELECT
    source,
    order_day
FROM {{ source('core', 'order_lines') }}
WHERE quantity_committed > 0
UNION
SELECT
    lines.source,
    lines.order_day
FROM {{ source('core', 'order_lines') }} AS lines
ANTI JOIN {{ source('core', 'orders') }} AS orders
    ON orders.order_id = lines.order_id
    AND orders.source = lines.source
    AND orders.order_day = lines.order_day
UNION
SELECT
    shipments.source,
    shipments.order_day
FROM {{ source('core', 'shipments') }} AS shipments
ANTI JOIN {{ source('core', 'orders') }} AS orders
    ON orders.order_id = shipments.order_id
    AND orders.source = shipments.source
    AND orders.order_day = shipments.order_day
