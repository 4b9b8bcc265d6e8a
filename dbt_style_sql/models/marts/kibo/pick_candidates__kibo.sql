-- Who is picked, Kibo: items NORMAL of shipments READY, not of test orders. Levels that contradict each other, an order
-- status that is not known and a fraud lock hold a line; pick_obstacles__kibo adds what else keeps its order here.
-- A Kibo order comes as one record, so all its rows are of one day: one that is settled has no pick.
WITH open_days AS MATERIALIZED (
    {{ open_days_of('kibo') }}
),

shipment_lines AS MATERIALIZED (
    SELECT *
    FROM {{ of_open_days('shipment_lines', [
        'source', 'shipment_id', 'line_id', 'line_status', 'sku', 'quantity_ordered', 'source_line_status'
    ]) }}
    WHERE source = 'kibo' AND line_status <> 'cancelled'
),

order_lines AS MATERIALIZED (
    SELECT *
    FROM {{ of_open_days('order_lines', [
        'source', 'order_id', 'line_id', 'line_status', 'sku', 'description', 'quantity_ordered', 'source_line_status'
    ]) }}
    WHERE source = 'kibo'
),

placed AS (
    SELECT
        line_id,
        sum(quantity_ordered) AS quantity_in_shipments
    FROM shipment_lines
    GROUP BY line_id
),

waiting_orders AS (
    SELECT DISTINCT order_id
    FROM order_lines
    WHERE line_status IN ('backordered', 'unknown')
),

picks AS (
    SELECT
        orders.*,
        shipment_lines.line_id,
        shipment_lines.shipment_id,
        shipments.shipment_number,
        shipments.ship_from_code AS location,
        shipment_lines.sku,
        order_lines.description AS product_name,
        shipment_lines.quantity_ordered AS quantity,
        CASE
            WHEN
                orders.order_status NOT IN
                ('open', 'accepted', 'backordered', 'partially_shipped', 'partially_delivered', 'unknown')
                OR (orders.order_status = 'backordered' AND waiting_orders.order_id IS NULL)
                THEN concat(
                    'order ', orders.source_status, ', shipment ', shipments.shipment_number, ' ',
                    shipments.source_status, ', item ', shipment_lines.sku, ' ', shipment_lines.source_line_status
                )
            WHEN upper(trim(order_lines.source_line_status)) <> 'NORMAL' OR order_lines.sku <> shipment_lines.sku
                THEN concat(
                    'item ', order_lines.sku, ' ', order_lines.source_line_status, ' on the order, item ',
                    shipment_lines.sku, ' ', shipment_lines.source_line_status, ' in shipment ', shipments.shipment_number
                )
            WHEN placed.quantity_in_shipments > order_lines.quantity_ordered
                THEN concat(
                    'item ', shipment_lines.sku, ': ', {{ plain_number('order_lines.quantity_ordered') }}, ' ordered, ',
                    {{ plain_number('placed.quantity_in_shipments') }}, ' in shipments'
                )
        END AS contradiction
    FROM {{ of_open_days('orders', ['*']) }} AS orders
    INNER JOIN {{ of_open_days('shipments', [
        'order_id', 'shipment_id', 'shipment_number', 'shipment_status', 'source_status', 'ship_from_code'
    ]) }} AS shipments
        ON shipments.order_id = orders.order_id
        AND shipments.shipment_status = 'ready'
    INNER JOIN shipment_lines
        ON shipment_lines.shipment_id = shipments.shipment_id
        AND shipment_lines.line_status = 'open'
    LEFT JOIN order_lines ON order_lines.line_id = shipment_lines.line_id
    LEFT JOIN placed ON placed.line_id = shipment_lines.line_id
    LEFT JOIN waiting_orders ON waiting_orders.order_id = orders.order_id
    WHERE orders.source = 'kibo'
        AND NOT orders.is_test
)

SELECT
    line_id || ':' || shipment_number AS pick_id,
    source,
    account,
    order_id,
    order_number,
    order_day,
    ordered_at,
    CAST(ordered_at AT TIME ZONE '{{ var("kibo_timezone", "UTC") }}' AS DATE) AS ordered_on,
    is_express,
    line_id,
    shipment_id,
    location,
    sku,
    product_name,
    quantity,
    ship_to_name AS customer_name,
    {{ address_line('picks') }} AS ship_to,
    external_reference AS marketplace_order_id,
    CASE
        WHEN contradiction IS NOT NULL THEN 'contradictory_levels'
        WHEN order_status = 'unknown' THEN 'unknown_status'
        WHEN is_fraud_locked THEN 'fraud_locked'
    END AS hold_reason,
    CASE
        WHEN contradiction IS NOT NULL THEN contradiction
        WHEN order_status = 'unknown' THEN 'order status ' || source_status || ' is not in the seed status_mappings'
        WHEN is_fraud_locked THEN 'Kibo holds the order for fraud' || coalesce(': ' || status_reason, '')
    END AS hold_detail
FROM picks
UNION ALL BY NAME
SELECT * FROM {{ ref('pick_obstacles__kibo') }}
