-- One row an order: its status, how far its lines and shipments are, and what stands in its way.
WITH findings AS MATERIALIZED (
    SELECT
        finding,
        order_id,
        hold_reason,
        hold_detail
    FROM {{ ref('pick_findings') }}
),

lines AS (
    SELECT
        order_id,
        count(*) AS order_lines,
        sum(quantity_ordered) AS quantity_ordered,
        count(*) FILTER (line_status = 'cancelled') AS cancelled_lines,
        count(*) FILTER (line_status = 'backordered') AS backordered_lines
    FROM {{ source('core', 'order_lines') }}
    GROUP BY order_id
),

shipments AS (
    SELECT
        order_id,
        count(*) AS shipments,
        count(*) FILTER (shipment_status = 'ready') AS ready_shipments,
        count(*) FILTER (shipment_status = 'shipped') AS shipped_shipments
    FROM {{ source('core', 'shipments') }}
    GROUP BY order_id
),

parcels AS (
    SELECT
        order_id,
        list_sort(list_distinct(list(tracking_number))) AS tracking_numbers
    FROM {{ source('core', 'parcels') }}
    WHERE tracking_number IS NOT NULL
    GROUP BY order_id
),

picks AS (
    SELECT
        order_id,
        count(*) AS pick_lines,
        any_value(hold_reason) AS hold_reason,
        any_value(hold_detail) AS hold_detail
    FROM findings
    WHERE finding = 'to pick'
    GROUP BY order_id
),

without_picks AS (
    SELECT
        order_id,
        hold_reason AS reason,
        hold_detail AS detail
    FROM findings
    WHERE finding = 'nothing to pick'
),

rejects AS (
    SELECT
        order_id,
        count(*) AS open_rejects
    FROM {{ all_rows(source('quarantine', 'rejects')) }}
    WHERE resolved_at IS NULL AND order_id IS NOT NULL
    GROUP BY order_id
)

SELECT
    orders.source,
    orders.account,
    orders.order_id,
    orders.order_number,
    orders.order_day,
    orders.ordered_at,
    orders.order_status,
    orders.source_status,
    orders.is_test,
    orders.is_fraud_locked,
    orders.currency,
    orders.total_amount,
    coalesce(lines.order_lines, 0) AS order_lines,
    lines.quantity_ordered,
    coalesce(lines.cancelled_lines, 0) AS cancelled_lines,
    coalesce(lines.backordered_lines, 0) AS backordered_lines,
    coalesce(shipments.shipments, 0) AS shipments,
    coalesce(shipments.ready_shipments, 0) AS ready_shipments,
    coalesce(shipments.shipped_shipments, 0) AS shipped_shipments,
    parcels.tracking_numbers,
    coalesce(picks.pick_lines, 0) AS pick_lines,
    coalesce(picks.hold_reason, without_picks.reason) AS hold_reason,
    coalesce(picks.hold_detail, without_picks.detail) AS hold_detail,
    coalesce(rejects.open_rejects, 0) AS open_rejects,
    orders.fetched_at
FROM {{ source('core', 'orders') }} AS orders
LEFT JOIN lines ON lines.order_id = orders.order_id
LEFT JOIN shipments ON shipments.order_id = orders.order_id
LEFT JOIN parcels ON parcels.order_id = orders.order_id
LEFT JOIN picks ON picks.order_id = orders.order_id
LEFT JOIN without_picks ON without_picks.order_id = orders.order_id
LEFT JOIN rejects ON rejects.order_id = orders.order_id
