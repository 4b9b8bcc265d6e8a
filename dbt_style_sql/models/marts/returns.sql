-- One row an order line of an order that comes back, has come back in part or whole, or of which the channel names returns.
-- Test orders are left out.
-- is_returned: whether this line comes back. A line says so itself, or its whole order does; NULL where only some of the
-- order comes back and the channel does not say what. returned_amount is the line's amount then, as the channel states it.
-- No channel states when goods came back: marts.order_timeline says when we first saw it.
{{ config(meta={'rows': 'few'}) }}
WITH coming_back AS (
    SELECT
        source,
        account,
        order_id,
        order_number,
        order_day,
        order_status,
        source_status,
        ordered_at,
        {{ read_json_list('returns', '[{"return_uuid": "VARCHAR", "tracking_ids": ["VARCHAR"]}]') }} AS named_returns
    FROM {{ source('core', 'orders') }}
    WHERE NOT is_test
        AND (order_status IN ('return_pending', 'partially_returned', 'returned') OR returns IS NOT NULL)
),

lines AS (
    SELECT
        order_id,
        source,
        order_day,
        line_id,
        sku,
        description,
        quantity_ordered,
        currency,
        line_amount,
        line_status,
        return_reason
    FROM {{ source('core', 'order_lines') }}
    WHERE order_id IN (SELECT order_id FROM coming_back)
        OR line_status = 'returned'
        OR return_reason IS NOT NULL
),

of_other_orders AS (
    SELECT
        orders.source,
        orders.account,
        orders.order_id,
        orders.order_number,
        orders.order_day,
        orders.order_status,
        orders.source_status,
        orders.ordered_at,
        NULL AS named_returns
    FROM {{ source('core', 'orders') }} AS orders
    WHERE NOT orders.is_test
        AND orders.order_id IN (SELECT order_id FROM lines)
        AND orders.order_id NOT IN (SELECT order_id FROM coming_back)
),

orders AS (
    SELECT * FROM coming_back
    UNION ALL
    SELECT * FROM of_other_orders
)

SELECT
    coalesce(lines.line_id, orders.order_id) AS return_id,
    orders.source,
    orders.account,
    orders.order_id,
    orders.order_number,
    orders.order_day,
    orders.order_status,
    orders.source_status,
    orders.ordered_at,
    lines.line_id,
    lines.sku,
    lines.quantity_ordered,
    lines.return_reason,
    CASE
        WHEN lines.return_reason IS NOT NULL OR lines.line_status = 'returned' THEN true
        WHEN lines.line_status IN ('cancelled', 'rejected') THEN false
        WHEN orders.order_status = 'returned' THEN true
    END AS is_returned,
    lines.currency,
    CASE WHEN is_returned THEN lines.line_amount END AS returned_amount,
    [named.return_uuid FOR named IN orders.named_returns] AS return_numbers,
    flatten([named.tracking_ids FOR named IN orders.named_returns]) AS tracking_numbers
FROM orders
LEFT JOIN lines ON lines.order_id = orders.order_id
