-- One row an order line that is still open, and one for an open order without lines: how old it is, what it waits for, and
-- since when. Test orders are left out, and so is what was cancelled, has left or was never an order (a quotation).
-- What the floor has tells more than what the channel says, so its state comes first; then what holds the line.
-- `since` is when we noted the reason: the outbox's last move of the line, or when the reject was first seen. NULL where
-- nothing tells. age_hours counts from the order's own time, waiting_hours from `since`.
{{ config(meta={'rows': 'few'}) }}
-- Only days are read that no build found settled (marts.open_days): what is open is of these days.
WITH open_days AS MATERIALIZED (
    {{ open_days_of() }}
),

findings AS MATERIALIZED (
    SELECT
        finding,
        order_id,
        line_id,
        location,
        hold_reason,
        hold_detail
    FROM {{ ref('pick_findings') }}
),

open_orders AS (
    SELECT
        source,
        account,
        order_id,
        order_number,
        order_day,
        order_status,
        source_status,
        fulfilled_by,
        ordered_at,
        ship_by_at
    FROM {{ of_open_days('orders', [
        'source', 'account', 'order_id', 'order_number', 'order_day', 'order_status', 'source_status', 'fulfilled_by', 'ordered_at',
        'ship_by_at', 'is_test'
    ]) }}
    WHERE order_status IN (
            'open', 'accepted', 'on_hold', 'backordered', 'partially_shipped', 'partially_delivered', 'unknown'
        )
        AND NOT is_test
),

tracked_shipments AS (
    SELECT DISTINCT shipment_id
    FROM {{ of_open_days('parcels', ['shipment_id', 'tracking_number']) }}
    WHERE tracking_number IS NOT NULL
),

-- Of a channel that states no shipped quantities: lines whose every shipment has left. A parcel with a tracking number
-- proves it where nobody has documented the shipment's status text (as in marts.pick_follow_up).
departed AS (
    SELECT
        shipment_lines.line_id,
        sum(shipment_lines.quantity_ordered) AS quantity
    FROM {{ of_open_days('shipment_lines', ['shipment_id', 'line_id', 'line_status', 'quantity_ordered']) }} AS shipment_lines
    INNER JOIN {{ of_open_days('shipments', ['shipment_id', 'shipment_status']) }} AS shipments ON shipments.shipment_id = shipment_lines.shipment_id
    LEFT JOIN tracked_shipments ON tracked_shipments.shipment_id = shipment_lines.shipment_id
    WHERE shipment_lines.line_status <> 'cancelled'
        AND shipments.shipment_status <> 'cancelled'
    GROUP BY shipment_lines.line_id
    HAVING bool_and(
            shipments.shipment_status IN ('shipped', 'partially_delivered', 'delivered', 'returning', 'returned')
            OR (shipments.shipment_status = 'unknown' AND tracked_shipments.shipment_id IS NOT NULL)
        )
),

open_lines AS MATERIALIZED (
    SELECT
        open_orders.*,
        lines.line_id,
        lines.sku,
        lines.line_status,
        lines.quantity_ordered,
        lines.quantity_shipped,
        lines.quantity_cancelled,
        lines.currency,
        lines.line_amount
    FROM open_orders
    LEFT JOIN {{ of_open_days('order_lines', [
        'source', 'order_day', 'order_id', 'line_id', 'sku', 'line_status', 'quantity_ordered', 'quantity_shipped',
        'quantity_cancelled', 'currency', 'line_amount'
    ]) }} AS lines
        ON lines.order_id = open_orders.order_id
        AND lines.source = open_orders.source
        AND lines.order_day = open_orders.order_day
    LEFT JOIN departed ON departed.line_id = lines.line_id
    WHERE lines.line_id IS NULL
        OR (
            lines.line_status IN ('open', 'backordered', 'partially_shipped', 'unknown')
            AND (
                departed.line_id IS NULL
                OR lines.quantity_shipped IS NOT NULL
                OR departed.quantity < lines.quantity_ordered
            )
        )
),

rejects AS (
    SELECT
        order_id,
        min(first_seen_at) AS first_seen_at
    FROM {{ all_rows(source('quarantine', 'rejects')) }}
    WHERE resolved_at IS NULL AND order_id IS NOT NULL
    GROUP BY order_id
),

holds AS (
    SELECT
        line_id,
        any_value(hold_reason) AS hold_reason,
        any_value(hold_detail) AS hold_detail
    FROM findings
    WHERE finding = 'to pick' AND hold_reason IS NOT NULL
    GROUP BY line_id
),

-- A line of several picks stands where the one does that needs a person most; of equal ones the first to get there.
picks AS (
    SELECT
        line_id,
        state,
        reason,
        sent_at,
        updated_at,
        CASE state
            WHEN 'in_doubt' THEN 1 WHEN 'sending' THEN 2 WHEN 'cancelled_after_send' THEN 3
            WHEN 'changed_after_send' THEN 4 WHEN 'rejected' THEN 5 WHEN 'held' THEN 6
            WHEN 'planned' THEN 7 WHEN 'resolved_not_sent' THEN 8 ELSE 9
        END AS urgency
    FROM {{ source('core', 'pick_status') }}
    WHERE line_id IN (SELECT line_id FROM open_lines)
),

outbox AS (
    SELECT
        line_id,
        arg_min(state, (urgency, updated_at)) AS state,
        arg_min(reason, (urgency, updated_at)) AS reason,
        arg_min(updated_at, (urgency, updated_at)) AS updated_at,
        min(sent_at) AS sent_at
    FROM picks
    GROUP BY line_id
),

elsewhere AS (
    SELECT
        line_id,
        any_value(location) AS location
    FROM findings
    WHERE finding = 'elsewhere'
    GROUP BY line_id
),

without_picks AS (
    SELECT
        order_id,
        hold_reason AS reason,
        hold_detail AS detail
    FROM findings
    WHERE finding = 'nothing to pick'
),

judged AS (
    SELECT
        open_lines.*,
        outbox.state,
        outbox.sent_at,
        outbox.updated_at,
        rejects.first_seen_at,
        CASE
            WHEN outbox.state IN ('in_doubt', 'sending') THEN 'in_doubt'
            WHEN outbox.state IN ('sent', 'resolved_sent', 'changed_after_send', 'cancelled_after_send') THEN 'on_the_floor'
            WHEN holds.line_id IS NOT NULL OR rejects.order_id IS NOT NULL OR outbox.state IN ('held', 'rejected') THEN 'held'
            WHEN without_picks.order_id IS NOT NULL THEN 'nothing_to_pick'
            WHEN outbox.state IS NOT NULL THEN 'to_be_sent'
            WHEN elsewhere.line_id IS NOT NULL OR open_lines.fulfilled_by = 'marketplace' THEN 'with_others'
            ELSE 'at_the_channel'
        END AS stage,
        CASE stage
            WHEN 'in_doubt' THEN outbox.state
            WHEN 'on_the_floor' THEN outbox.state
            WHEN 'held' THEN coalesce(
                holds.hold_reason, CASE WHEN rejects.order_id IS NOT NULL THEN 'quarantined' END, outbox.reason, outbox.state
            )
            WHEN 'nothing_to_pick' THEN without_picks.reason
            WHEN 'to_be_sent' THEN outbox.state
            WHEN 'with_others' THEN CASE WHEN elsewhere.line_id IS NOT NULL THEN 'picked_elsewhere' ELSE 'fulfilled_by_marketplace' END
            ELSE CASE WHEN open_lines.line_status = 'backordered' THEN 'backordered' ELSE open_lines.order_status END
        END AS reason,
        CASE stage
            WHEN 'held' THEN holds.hold_detail
            WHEN 'nothing_to_pick' THEN without_picks.detail
            WHEN 'with_others' THEN elsewhere.location
            WHEN 'at_the_channel' THEN open_lines.source_status
        END AS detail
    FROM open_lines
    LEFT JOIN outbox ON outbox.line_id = open_lines.line_id
    LEFT JOIN holds ON holds.line_id = open_lines.line_id
    LEFT JOIN rejects ON rejects.order_id = open_lines.order_id
    LEFT JOIN elsewhere ON elsewhere.line_id = open_lines.line_id
    LEFT JOIN without_picks ON without_picks.order_id = open_lines.order_id
),

waiting AS (
    SELECT
        *,
        CASE
            WHEN stage = 'on_the_floor' THEN coalesce(sent_at, updated_at)
            WHEN reason = 'quarantined' THEN first_seen_at
            -- A hold that the planner has not seen yet has no time.
            WHEN stage IN ('in_doubt', 'to_be_sent') OR (stage = 'held' AND state IN ('held', 'rejected')) THEN updated_at
            WHEN reason = 'open' THEN ordered_at
        END AS since
    FROM judged
)

SELECT
    coalesce(line_id, order_id) AS backlog_id,
    source,
    account,
    order_id,
    order_number,
    order_day,
    order_status,
    ordered_at,
    ship_by_at,
    ship_by_at < now() AS is_overdue,
    line_id,
    sku,
    line_status,
    quantity_ordered,
    quantity_shipped,
    quantity_cancelled,
    currency,
    line_amount,
    stage,
    reason,
    detail,
    since,
    date_sub('hour', ordered_at, now()) AS age_hours,
    date_sub('hour', since, now()) AS waiting_hours
FROM waiting
