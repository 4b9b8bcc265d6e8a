-- Who is picked, Skroutz: orders in state `accepted`, not fulfilled by Skroutz itself, not DEMO-*; whole line quantities.
-- What an event alone has told is held until the order was read: events are not signed, and it may be cancelled since. A row
-- of an earlier version does not say whether there was a read.
-- An order whose state nobody knows is no pick, and is not silent either: what it has is named, without a pick id.
-- A rejected line rejects the order (docs/apis/skroutz.md 3.3), so one in an accepted order contradicts it: the order is held.
WITH orders AS (
    SELECT * REPLACE (coalesce(awaits_read, true) AS awaits_read)
    FROM {{ source('core', 'orders') }}
    WHERE source = 'skroutz'
        AND order_status IN ('accepted', 'unknown')
        AND fulfilled_by = 'merchant'
        AND NOT is_test
),

refused_reads AS (
    SELECT
        raw_record_id,
        arg_max(concat(rule, ' ', field, ': ', value), last_seen_at) AS refusal
    FROM {{ all_rows(source('quarantine', 'rejects')) }}
    WHERE source = 'skroutz' AND table_name = 'raw.skroutz_orders' AND resolved_at IS NULL
    GROUP BY raw_record_id
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
            WHEN orders.order_status = 'unknown'
                THEN concat('order state ', orders.source_status, ' is not in the seed status_mappings')
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
    LEFT JOIN {{ source('core', 'order_lines') }} AS order_lines
        ON order_lines.order_id = orders.order_id
        AND order_lines.source = 'skroutz'
    LEFT JOIN {{ source('core', 'shipments') }} AS shipments  -- one at most
        ON shipments.order_id = orders.order_id
        AND shipments.source = 'skroutz'
)

SELECT
    CASE WHEN line_status = 'open' AND order_status = 'accepted' THEN line_id END AS pick_id,
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
        WHEN line_id IS NULL OR order_status = 'unknown' THEN 'nothing_to_pick'
        WHEN hold_detail IS NOT NULL THEN 'contradictory_levels'
        WHEN awaits_read THEN 'awaiting_read'
    END AS hold_reason,
    CASE
        WHEN hold_detail IS NULL AND awaits_read
            THEN concat(
                'order ', order_number, ' is known from a webhook alone; each run asks to read it',
                ' (' || refused_reads.refusal || ')'
            )
        ELSE hold_detail
    END AS hold_detail
FROM lines
LEFT JOIN refused_reads ON refused_reads.raw_record_id = lines.raw_record_id
