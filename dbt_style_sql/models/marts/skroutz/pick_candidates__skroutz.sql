-- Who is picked, Skroutz: orders in state `accepted`, not fulfilled by Skroutz itself, not DEMO-*; whole line quantities.
-- A rejected line rejects the order (docs/apis/skroutz.md 3.3), so one in an accepted order contradicts it: the order is held.
WITH orders AS (
    SELECT *
    FROM {{ source('core', 'orders') }}
    WHERE source = 'skroutz'
        AND order_status = 'accepted'
        AND fulfilled_by = 'merchant'
        AND NOT is_test
),

lines AS (
    SELECT
        orders.*,
        shipments.ship_from_name AS location,
        order_lines.line_id,
        order_lines.line_status,
        order_lines.sku,
        order_lines.ean,
        order_lines.description AS product_name,
        order_lines.quantity_ordered AS quantity,
        CASE
            WHEN order_lines.line_id IS NULL THEN concat('the order is ', orders.source_status, ' and has no line')
            WHEN orders.status_reason IS NOT NULL
                THEN concat('order ', orders.source_status, ', with a reason for its rejection')
            WHEN coalesce(order_lines.reject_reason, order_lines.return_reason) IS NOT NULL OR order_lines.line_status <> 'open'
                THEN concat(
                    'order ', orders.source_status, ', item ', order_lines.sku, ' (line ', order_lines.line_key, ') ',
                    coalesce('rejected: ' || order_lines.reject_reason, 'returned: ' || order_lines.return_reason, order_lines.line_status)
                )
        END AS hold_detail
    FROM orders
    LEFT JOIN {{ source('core', 'order_lines') }} AS order_lines ON order_lines.order_id = orders.order_id
    LEFT JOIN {{ source('core', 'shipments') }} AS shipments ON shipments.order_id = orders.order_id  -- one at most
)

SELECT
    CASE WHEN line_status = 'open' THEN line_id END AS pick_id,
    source,
    account,
    order_id,
    order_number,
    order_day,
    ordered_at,
    CAST(ordered_at AT TIME ZONE 'Europe/Athens' AS DATE) AS ordered_on,
    ship_by_at,
    is_express,
    line_id,
    CAST(NULL AS VARCHAR) AS shipment_id,
    location,
    sku,
    ean,
    product_name,
    quantity,
    ship_to_name AS customer_name,
    {{ address_line('lines') }} AS ship_to,
    order_number AS marketplace_order_id,
    CASE
        WHEN line_id IS NULL THEN 'nothing_to_pick'
        WHEN hold_detail IS NOT NULL THEN 'contradictory_levels'
    END AS hold_reason,
    hold_detail
FROM lines
