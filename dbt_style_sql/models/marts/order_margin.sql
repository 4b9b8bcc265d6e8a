-- One row an order and currency: what its lines were sold at without tax, less what the platform takes, less what the
-- goods cost. What is not known is NULL, and so is every sum that needs it: never 0. Never summed across currencies.
-- stated_revenue_amount is what the channel states, on tax_basis: two channels compare in net_revenue_amount alone.
-- Test orders are left out.
WITH sold AS (
    SELECT
        lines.order_id,
        lines.source,
        lines.account,
        lines.sku,
        lines.currency,
        orders.ordered_at,
        lines.line_amount,
        lines.discount_amount,
        lines.commission_amount,
        lines.tax_amount,
        lines.tax_rate,
        {{ wide('lines.quantity_ordered') }} - coalesce(lines.quantity_cancelled, 0) AS quantity,
        coalesce(lines.price_includes_tax, orders.subtotal_includes_tax) AS includes_tax
    FROM {{ source('core', 'order_lines') }} AS lines
    INNER JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = lines.order_id
    WHERE lines.line_status NOT IN ('cancelled', 'rejected')
        AND NOT orders.is_test
),

-- Where no line says its basis, the order's total does: goods and tax are stated apart, and they add up to it.
adding_up AS (
    SELECT orders.order_id
    FROM {{ source('core', 'orders') }} AS orders
    INNER JOIN sold ON sold.order_id = orders.order_id
    WHERE orders.tax_amount IS NOT NULL
    GROUP BY orders.order_id, orders.total_amount, orders.tax_amount, orders.shipping_amount, orders.insurance_amount
    HAVING count(sold.includes_tax) = 0
        AND count(*) = count(sold.line_amount)
        AND abs(
            sum(sold.line_amount) + orders.tax_amount + coalesce(orders.shipping_amount, 0)
            + coalesce(orders.insurance_amount, 0) - orders.total_amount
        ) <= 0.01
),

-- What the price list answered at a moment. The answer states no currency of its cost: that of its price is meant.
costs AS (
    SELECT
        source,
        account,
        requested_item AS sku,
        currency,
        as_of,
        arg_min(cost, (deal_id, requested_quantity, warehouse, business_unit, part_number_type)) AS cost
    FROM {{ source('core', 'prices') }}
    WHERE origin = 'pricing_api'
        AND NOT is_error
        AND cost IS NOT NULL
    GROUP BY source, account, requested_item, currency, as_of
),

-- The last cost known when the order was placed; where none was known yet, the first one afterwards.
costed AS (
    SELECT
        sold.*,
        coalesce(earlier.cost, later.cost) AS unit_cost,
        coalesce(earlier.as_of, later.as_of) AS cost_as_of
    FROM sold
    ASOF LEFT JOIN costs AS earlier
        ON earlier.source = sold.source
        AND earlier.account = sold.account
        AND earlier.sku = sold.sku
        AND earlier.currency = sold.currency
        AND sold.ordered_at >= earlier.as_of
    ASOF LEFT JOIN costs AS later
        ON later.source = sold.source
        AND later.account = sold.account
        AND later.sku = sold.sku
        AND later.currency = sold.currency
        AND sold.ordered_at < later.as_of
),

valued AS (
    SELECT
        costed.*,
        CASE WHEN adding_up.order_id IS NOT NULL THEN false ELSE costed.includes_tax END AS with_tax,
        CASE
            WHEN NOT with_tax THEN costed.line_amount
            WHEN costed.tax_amount IS NOT NULL THEN {{ wide('costed.line_amount') }} - costed.tax_amount
            ELSE TRY_CAST(costed.line_amount / (1 + costed.tax_rate) AS DECIMAL(18, 4))
        END AS net_amount,
        TRY_CAST({{ wide('costed.unit_cost') }} * costed.quantity AS DECIMAL(18, 4)) AS cost_amount
    FROM costed
    LEFT JOIN adding_up ON adding_up.order_id = costed.order_id
),

-- A sum over a line that is not known is not known.
summed AS (
    SELECT
        order_id,
        currency,
        CASE
            WHEN bool_or(with_tax IS NULL) THEN 'unknown'
            WHEN bool_and(with_tax) THEN 'with_tax'
            WHEN NOT bool_or(with_tax) THEN 'without_tax'
            ELSE 'mixed'
        END AS tax_basis,
        CASE WHEN count(*) = count(line_amount) THEN sum(line_amount) END AS stated_revenue_amount,
        CASE WHEN count(*) = count(net_amount) THEN sum(net_amount) END AS net_revenue_amount,
        sum(discount_amount) AS discount_amount,
        CASE WHEN count(*) = count(commission_amount) THEN sum(commission_amount) END AS line_commission_amount,
        CASE WHEN count(*) = count(cost_amount) THEN sum(cost_amount) END AS cost_amount,
        min(cost_as_of) AS cost_as_of,
        count(*) - count(line_amount) AS lines_without_amount,
        count(*) - count(cost_amount) AS lines_without_cost
    FROM valued
    GROUP BY order_id, currency
),

-- Orders of which nothing is sold any more have their row too.
every_one AS (
    SELECT DISTINCT order_id, currency
    FROM {{ source('core', 'order_lines') }}
),

-- The order's own fees are in the order's currency. A fee that a channel does not have is none, and not an unknown one.
with_fees AS (
    SELECT
        orders.source,
        orders.account,
        orders.order_id,
        orders.order_number,
        orders.order_day,
        orders.order_status,
        every_one.currency,
        coalesce(summed.tax_basis, 'unknown') AS tax_basis,
        coalesce(summed.lines_without_amount, 0) AS lines_without_amount,
        coalesce(summed.lines_without_cost, 0) AS lines_without_cost,
        summed.* EXCLUDE (
            order_id, currency, tax_basis, lines_without_amount, lines_without_cost, line_commission_amount
        ),
        coalesce(
            CASE WHEN (every_one.currency IS NOT DISTINCT FROM orders.currency) THEN orders.commission_amount END,
            summed.line_commission_amount
        ) AS commission_amount,
        CASE WHEN (every_one.currency IS NOT DISTINCT FROM orders.currency) THEN orders.platform_fee_amount END
            AS platform_fee_amount,
        CASE orders.source
            {% for channel, fees in var('fees_of_channels').items() %}
            WHEN '{{ channel }}'
                THEN {{ wide('commission_amount') if 'commission' in fees else '0' }}
                    + {{ 'platform_fee_amount' if 'platform_fee' in fees else '0' }}
            {% endfor %}
            ELSE {{ wide('commission_amount') }} + platform_fee_amount
        END AS fees_amount
    FROM every_one
    INNER JOIN {{ source('core', 'orders') }} AS orders
        ON orders.order_id = every_one.order_id
        AND NOT orders.is_test
    LEFT JOIN summed
        ON summed.order_id = every_one.order_id
        AND summed.currency IS NOT DISTINCT FROM every_one.currency
)

SELECT
    source,
    account,
    order_id,
    order_number,
    order_day,
    order_status,
    currency,
    tax_basis,
    stated_revenue_amount,
    net_revenue_amount,
    discount_amount,
    commission_amount,
    platform_fee_amount,
    fees_amount,
    cost_amount,
    cost_as_of,
    lines_without_amount,
    lines_without_cost,
    {{ wide('net_revenue_amount') }} - fees_amount AS margin_before_goods_amount,
    {{ wide('net_revenue_amount') }} - fees_amount - cost_amount AS margin_amount
FROM with_fees
