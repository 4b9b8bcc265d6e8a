-- What keeps Kibo orders from being picked whole, one row each, without a pick id: items of a shipment READY that are not
-- NORMAL, the rest of the order that is not ready, and orders and shipments READY that have nothing to pick. A shipment
-- whose items are all cancelled stands in nobody's way.
-- The variable kibo_pick_whole decides whether the rest of the order counts: `order` or `shipment`.
WITH open_days AS MATERIALIZED (
    {{ open_days_of('kibo') }}
),

orders AS MATERIALIZED (
    SELECT * EXCLUDE (is_test)
    FROM {{ of_open_days('orders', [
        'source', 'account', 'order_id', 'order_number', 'order_day', 'ordered_at', 'order_status', 'source_status', 'is_test'
    ]) }}
    WHERE source = 'kibo' AND NOT is_test
),

tracked_shipments AS (
    SELECT DISTINCT shipment_id
    FROM {{ of_open_days('parcels', ['source', 'shipment_id', 'tracking_number']) }}
    WHERE source = 'kibo' AND tracking_number IS NOT NULL
),

shipment_lines AS MATERIALIZED (
    SELECT *
    FROM {{ of_open_days('shipment_lines', [
        'source', 'shipment_id', 'shipment_line_key', 'line_id', 'line_status', 'sku', 'quantity_ordered', 'source_line_status'
    ]) }}
    WHERE source = 'kibo'
),

shipments AS MATERIALIZED (
    SELECT
        shipments.order_id,
        shipments.shipment_id,
        shipments.shipment_number,
        shipments.source_status,
        shipments.ship_from_code AS location,
        CASE
            WHEN shipments.shipment_status = 'unknown' AND tracked_shipments.shipment_id IS NOT NULL THEN 'shipped'
            ELSE shipments.shipment_status
        END AS shipment_status
    FROM {{ of_open_days('shipments', [
        'source', 'order_id', 'shipment_id', 'shipment_number', 'shipment_status', 'source_status', 'ship_from_code'
    ]) }} AS shipments
    LEFT JOIN tracked_shipments ON tracked_shipments.shipment_id = shipments.shipment_id
    WHERE shipments.source = 'kibo'
),

ready_orders AS (
    SELECT DISTINCT order_id
    FROM shipments
    WHERE shipment_status = 'ready'
),

of_order AS (
    SELECT
        order_id,
        concat('only the shipments ', string_agg(
            concat(shipment_number, ' ', source_status), ', ' ORDER BY shipment_number
        )) AS listed,
        bool_and(shipment_status IN ('cancelled', 'backordered', 'unknown')) AS none_ready
    FROM shipments
    GROUP BY order_id
),

items AS (
    SELECT
        shipments.*,
        shipment_lines.line_id,
        shipment_lines.sku,
        shipment_lines.quantity_ordered,
        shipment_lines.line_status,
        shipment_lines.source_line_status,
        concat('item ', shipment_lines.sku, ' (line ', shipment_lines.shipment_line_key, ')') AS item_name
    FROM shipment_lines
    INNER JOIN shipments ON shipments.shipment_id = shipment_lines.shipment_id
    WHERE shipment_lines.line_status <> 'cancelled'
),

placed AS (
    SELECT
        line_id,
        sum(quantity_ordered) AS quantity
    FROM items
    GROUP BY line_id
),

found AS (
    SELECT
        order_id,
        shipment_id,
        line_id,
        sku,
        'line_not_ready' AS hold_reason,
        concat(
            item_name, ' is ', coalesce(source_line_status, 'without a state'), ' in shipment ', shipment_number,
            ', which is ', source_status
        ) AS hold_detail
    FROM items
    WHERE shipment_status = 'ready' AND line_status <> 'open'
    {% if var('kibo_pick_whole', 'order') == 'order' -%}
    UNION ALL
    SELECT
        order_id,
        shipment_id,
        line_id,
        sku,
        CASE WHEN shipment_status = 'unknown' THEN 'unknown_status' ELSE 'line_not_ready' END,
        concat(item_name, ' is in shipment ', shipment_number, ', which is ', source_status)
    FROM items
    SEMI JOIN ready_orders ON ready_orders.order_id = items.order_id
    WHERE shipment_status IN ('pending', 'backordered', 'unknown')
    UNION ALL
    SELECT
        order_lines.order_id,
        NULL,
        order_lines.line_id,
        order_lines.sku,
        'line_not_ready',
        concat(
            'item ', order_lines.sku, ' (line ', order_lines.line_key, '): ',
            {{ plain_number(wide('order_lines.quantity_ordered') ~ ' - coalesce(placed.quantity, 0)') }}, ' of ',
            {{ plain_number('order_lines.quantity_ordered') }}, ' pieces are in no shipment'
        )
    FROM {{ of_open_days('order_lines', [
        'order_id', 'line_id', 'line_key', 'line_status', 'sku', 'quantity_ordered'
    ]) }} AS order_lines
    SEMI JOIN ready_orders ON ready_orders.order_id = order_lines.order_id
    LEFT JOIN placed ON placed.line_id = order_lines.line_id
    WHERE order_lines.line_status <> 'cancelled'
        AND coalesce(placed.quantity, 0) < order_lines.quantity_ordered
    {%- endif %}
    UNION ALL
    SELECT
        shipments.order_id,
        shipments.shipment_id,
        NULL,
        NULL,
        'nothing_to_pick',
        concat('shipment ', shipments.shipment_number, ' is ', shipments.source_status, ' and has nothing to pick')
    FROM shipments
    INNER JOIN orders ON orders.order_id = shipments.order_id
    WHERE shipments.shipment_status = 'ready'
        AND orders.order_status <> 'cancelled'
        AND (
            shipments.shipment_id NOT IN (SELECT shipment_id FROM shipment_lines)
            OR shipments.order_id NOT IN (SELECT order_id FROM items)
        )
    UNION ALL
    SELECT
        orders.order_id,
        NULL,
        NULL,
        NULL,
        'nothing_to_pick',
        concat('the order is ', orders.source_status, ' and has ', coalesce(of_order.listed, 'no shipment'))
    FROM orders
    LEFT JOIN of_order ON of_order.order_id = orders.order_id
    WHERE orders.order_status = 'accepted' AND coalesce(of_order.none_ready, true)
)

SELECT
    CAST(NULL AS VARCHAR) AS pick_id,
    orders.source,
    orders.account,
    orders.order_id,
    orders.order_number,
    orders.order_day,
    orders.ordered_at,
    found.line_id,
    found.shipment_id,
    shipments.location,
    found.sku,
    found.hold_reason,
    found.hold_detail
FROM found
INNER JOIN orders ON orders.order_id = found.order_id
LEFT JOIN shipments ON shipments.shipment_id = found.shipment_id
