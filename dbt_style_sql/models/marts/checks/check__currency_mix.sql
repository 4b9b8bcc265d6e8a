-- Orders with more than one currency.
SELECT
    orders.source,
    orders.order_day,
    'currency_mix' AS rule,
    'currency' AS field,
    orders.order_number || ': ' || orders.currency || ', ' || lines.currency AS key
FROM {{ source('core', 'orders') }} AS orders
INNER JOIN (
    SELECT DISTINCT order_id, currency
    FROM {{ source('core', 'order_lines') }}
    WHERE currency IS NOT NULL
) AS lines ON lines.order_id = orders.order_id
WHERE lines.currency <> orders.currency
