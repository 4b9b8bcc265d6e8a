-- Who is picked, Kibo: shipments READY with items NORMAL, not test orders; a fraud lock holds the order.
SELECT
    shipment_lines.line_id || ':' || shipments.shipment_number AS pick_id,
    orders.source,
    orders.account,
    orders.order_id,
    orders.order_number,
    orders.order_day,
    orders.ordered_at,
    shipment_lines.line_id,
    shipment_lines.shipment_id,
    shipment_lines.sku,
    order_lines.description AS product_name,
    shipment_lines.quantity_ordered AS quantity,
    orders.ship_to_name AS customer_name,
    {{ address_line('orders') }} AS ship_to,
    orders.external_reference AS marketplace_order_id,
    CASE WHEN orders.is_fraud_locked THEN 'fraud_locked' END AS hold_reason,
    CASE WHEN orders.is_fraud_locked THEN 'Kibo holds the order for fraud' END AS hold_detail
FROM {{ source('core', 'orders') }} AS orders
INNER JOIN {{ source('core', 'shipments') }} AS shipments
    ON shipments.order_id = orders.order_id
    AND shipments.shipment_status = 'ready'
INNER JOIN {{ source('core', 'shipment_lines') }} AS shipment_lines
    ON shipment_lines.shipment_id = shipments.shipment_id
    AND shipment_lines.line_status = 'open'
LEFT JOIN {{ source('core', 'order_lines') }} AS order_lines
    ON order_lines.line_id = shipment_lines.line_id
WHERE orders.source = 'kibo'
    AND NOT orders.is_test
