-- What keeps ScanSource orders from being picked whole, one row each, without a pick id: lines of which pieces are not
-- committed, beside lines that are, and orders Open or Partially Shipped that have nothing to pick.
-- The variable scansource_pick_whole decides whether the rest of the order counts: `order` or `committed`.
WITH open_days AS MATERIALIZED (
    {{ open_days_of('scansource') }}
),

orders AS MATERIALIZED (
    SELECT
        source,
        account,
        order_id,
        order_number,
        order_day,
        ordered_at,
        source_status
    FROM {{ of_open_days('orders', [
        'source', 'account', 'order_id', 'order_number', 'order_day', 'ordered_at', 'order_status', 'source_status', 'is_test'
    ]) }}
    WHERE source = 'scansource'
        AND order_status IN ('open', 'partially_shipped')
        AND NOT is_test
),

lines AS MATERIALIZED (
    SELECT
        order_id,
        line_id,
        line_key,
        sku,
        line_status,
        quantity_ordered,
        coalesce(quantity_committed, 0) AS committed,
        {{ wide('quantity_ordered') }} - coalesce(quantity_shipped, 0) - coalesce(quantity_cancelled, 0) AS outstanding
    FROM {{ of_open_days('order_lines', [
        'source', 'order_id', 'line_id', 'line_key', 'sku', 'line_status', 'quantity_ordered', 'quantity_committed',
        'quantity_shipped', 'quantity_cancelled'
    ]) }}
    WHERE source = 'scansource'
),

of_order AS (
    SELECT
        order_id,
        bool_or(committed > 0) AS has_committed,
        bool_and(line_status = 'cancelled') AS all_cancelled
    FROM lines
    GROUP BY order_id
),

found AS (
    SELECT
        orders.order_id,
        NULL AS line_id,
        NULL AS sku,
        'nothing_to_pick' AS hold_reason,
        concat(
            'the order is ', orders.source_status, ' and has ',
            CASE WHEN of_order.order_id IS NULL THEN 'no line' ELSE 'only cancelled lines' END
        ) AS hold_detail
    FROM orders
    LEFT JOIN of_order ON of_order.order_id = orders.order_id
    WHERE coalesce(of_order.all_cancelled, true)
    {% if var('scansource_pick_whole', 'order') == 'order' -%}
    UNION ALL
    SELECT
        lines.order_id,
        lines.line_id,
        lines.sku,
        'line_not_ready',
        concat(
            'item ', lines.sku, ' (line ', lines.line_key, '): ', {{ plain_number('lines.committed') }}, ' of ',
            {{ plain_number('lines.outstanding') }}, ' pieces still to come are committed'
        )
    FROM lines
    INNER JOIN of_order ON of_order.order_id = lines.order_id
    WHERE of_order.has_committed AND lines.outstanding > lines.committed
    {%- endif %}
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
    found.sku,
    found.hold_reason,
    found.hold_detail
FROM found
INNER JOIN orders ON orders.order_id = found.order_id
