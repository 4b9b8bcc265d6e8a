-- Who is picked, Skroutz: orders in state `accepted`, not fulfilled by Skroutz itself, not DEMO-*; whole line quantities.
-- A line that was rejected is not picked; an order on the way, delivered or cancelled has left the state.
SELECT
    order_lines.line_id AS pick_id,
    orders.source,
    orders.account,
    orders.order_id,
    orders.order_number,
    orders.order_day,
    orders.ordered_at,
    order_lines.line_id,
    NULL AS shipment_id,
    order_lines.sku,
    order_lines.description AS product_name,
    order_lines.quantity_ordered AS quantity,
    orders.ship_to_name AS customer_name,
    {{ address_line('orders') }} AS ship_to,
    orders.order_number AS marketplace_order_id,
    NULL AS hold_reason,
    NULL AS hold_detail
FROM {{ source('core', 'orders') }} AS orders
INNER JOIN {{ source('core', 'order_lines') }} AS order_lines
    ON order_lines.order_id = orders.order_id
    AND order_lines.line_status = 'open'
WHERE orders.source = 'skroutz'
    AND orders.order_status = 'accepted'
    AND orders.fulfilled_by = 'merchant'
    AND NOT orders.is_test
