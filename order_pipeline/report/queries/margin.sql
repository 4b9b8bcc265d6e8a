-- Margin before and after goods, of the orders whose parts are all known; never summed across currencies.
SELECT
    source AS channel,
    currency,
    count(*) AS orders,
    count(margin_before_goods_amount) AS orders_with_known_fees,
    sum(net_revenue_amount) FILTER (margin_before_goods_amount IS NOT NULL) AS net_revenue_amount,
    sum(margin_before_goods_amount) AS margin_before_goods_amount,
    round(100.0 * sum(margin_before_goods_amount) / nullif(sum(net_revenue_amount) FILTER (margin_before_goods_amount IS NOT NULL), 0), 1)
        AS before_goods_percent,
    count(margin_amount) AS orders_with_known_cost,
    sum(margin_amount) AS margin_amount
FROM marts.order_margin
GROUP BY ALL
ORDER BY channel, currency
