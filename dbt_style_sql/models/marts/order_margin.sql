-- One row an order and currency: what its lines were sold at, less what the platform takes. Never summed across
-- currencies; cost is not known to the channels, so this is the margin before goods. Test orders are left out.
WITH lines AS (
    SELECT
        order_id,
        currency,
        sum(line_amount) FILTER (line_status NOT IN ('cancelled', 'rejected')) AS revenue_amount,
        sum(discount_amount) FILTER (line_status NOT IN ('cancelled', 'rejected')) AS discount_amount,
        sum(commission_amount) FILTER (line_status NOT IN ('cancelled', 'rejected')) AS line_commission_amount,
        count(*) FILTER (line_amount IS NULL AND line_status NOT IN ('cancelled', 'rejected')) AS lines_without_amount
    FROM {{ source('core', 'order_lines') }}
    GROUP BY order_id, currency
)

SELECT
    orders.source,
    orders.account,
    orders.order_id,
    orders.order_number,
    orders.order_day,
    orders.order_status,
    lines.currency,
    lines.revenue_amount,
    lines.discount_amount,
    coalesce(orders.commission_amount, lines.line_commission_amount) AS commission_amount,
    orders.platform_fee_amount,
    lines.lines_without_amount,
    CASE WHEN lines.lines_without_amount = 0 THEN
        lines.revenue_amount
        - coalesce(orders.commission_amount, lines.line_commission_amount, 0)
        - coalesce(orders.platform_fee_amount, 0)
    END AS margin_amount
FROM lines
INNER JOIN {{ source('core', 'orders') }} AS orders
    ON orders.order_id = lines.order_id
    AND orders.currency IS NOT DISTINCT FROM lines.currency
WHERE NOT orders.is_test
