-- Who is picked, ScanSource: orders Open or Partially Shipped; quantity = Committed (allocated stock not yet shipped).
-- A lot that is allocated after everything before it had left is a pick of its own (`:after-<shipped>`); while goods of a
-- lot are still here, a changed quantity belongs to the pick that was made for it. Committed goods of an order whose status
-- says that nothing is left to pick, or whose own quantities say so,
-- or of which list and detail say different things, are held; so is an order whose rest is not committed.
-- A row whose order is of another day makes its day an open one, and so does an order without lines of its own day.
WITH open_days AS MATERIALIZED (
    {{ open_days_of('scansource') }}
),

delivered AS (
    SELECT
        shipment_lines.line_id,
        sum(shipment_lines.quantity_shipped) AS quantity
    FROM {{ of_open_days('shipment_lines', ['source', 'shipment_id', 'line_id', 'quantity_shipped']) }} AS shipment_lines
    INNER JOIN {{ of_open_days('shipments', ['shipment_id', 'shipment_status']) }} AS shipments
        ON shipments.shipment_id = shipment_lines.shipment_id
        AND shipments.shipment_status = 'shipped'
    WHERE shipment_lines.source = 'scansource'
    GROUP BY shipment_lines.line_id
),

lines AS (
    SELECT
        orders.*,
        order_lines.line_id,
        order_lines.line_key,
        order_lines.sku,
        order_lines.description AS product_name,
        order_lines.quantity_committed,
        list_last({{ json_quantities_at('order_lines.extras', '$.allocated_after') }}) AS allocated_after,
        CASE
            WHEN orders.order_status IN ('cancelled', 'shipped', 'rejected', 'expired')
                THEN concat('order ', orders.source_status)
            WHEN orders.status_reason IS NOT NULL THEN concat('order ', orders.source_status, ', but ', orders.status_reason)
            WHEN {{ json_text_at('order_lines.extras', '$.list_says') }} IS NOT NULL
                THEN concat('the list says ', {{ json_text_at('order_lines.extras', '$.list_says') }})
            WHEN order_lines.reject_reason IS NOT NULL THEN 'line rejected: ' || order_lines.reject_reason
            WHEN {{ wide('greatest(coalesce(order_lines.quantity_shipped, 0), coalesce(delivered.quantity, 0))') }}
                + order_lines.quantity_committed + coalesce(order_lines.quantity_cancelled, 0) > order_lines.quantity_ordered
                THEN concat(
                    {{ plain_number('order_lines.quantity_ordered') }}, ' ordered, ',
                    {{ plain_number('coalesce(order_lines.quantity_cancelled, 0)') }}, ' cancelled, ',
                    {{ plain_number('coalesce(order_lines.quantity_shipped, 0)') }}, ' shipped by the line, ',
                    {{ plain_number('coalesce(delivered.quantity, 0)') }}, ' by deliveries'
                )
        END AS contradiction
    FROM {{ of_open_days('order_lines', ['*']) }} AS order_lines
    INNER JOIN {{ of_open_days('orders', ['*']) }} AS orders ON orders.order_id = order_lines.order_id
    LEFT JOIN delivered ON delivered.line_id = order_lines.line_id
    WHERE order_lines.source = 'scansource'
        AND order_lines.quantity_committed > 0
        AND orders.order_status NOT IN ('on_hold', 'quoted')
        AND NOT orders.is_test
)

SELECT
    line_id || coalesce(':after-' || {{ plain_number('allocated_after') }}, '') AS pick_id,
    source,
    account,
    order_id,
    order_number,
    order_day,
    ordered_at,
    CAST(ordered_at AT TIME ZONE {{ scansource_zone() }} AS DATE) AS ordered_on,
    line_id,
    CAST(NULL AS VARCHAR) AS shipment_id,
    sku,
    product_name,
    quantity_committed AS quantity,
    ship_to_name AS customer_name,
    {{ address_line('lines') }} AS ship_to,
    external_reference AS marketplace_order_id,
    CASE
        WHEN contradiction IS NOT NULL THEN 'contradictory_levels'
        WHEN order_status NOT IN ('open', 'partially_shipped') THEN 'unknown_status'
    END AS hold_reason,
    CASE
        WHEN contradiction IS NOT NULL THEN concat(
            contradiction, ', and ', {{ plain_number('quantity_committed') }}, ' of item ', sku, ' (line ', line_key,
            ') are committed'
        )
        WHEN order_status NOT IN ('open', 'partially_shipped')
            THEN 'order status ' || source_status || ' is not in the seed status_mappings'
    END AS hold_detail
FROM lines
UNION ALL BY NAME
SELECT * FROM {{ ref('pick_obstacles__scansource') }}
