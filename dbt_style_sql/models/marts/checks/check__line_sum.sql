-- Orders whose lines do not add up: to the subtotal, or to the total less charges where the channel has no subtotal.
WITH sums AS (
    SELECT
        order_id,
        sum(line_amount) AS lines_amount,
        count(*) FILTER (line_amount IS NULL) AS lines_without_amount
    FROM {{ source('core', 'order_lines') }}
    WHERE line_status <> 'cancelled'
    GROUP BY order_id
),

stated AS (
    SELECT
        source,
        order_day,
        order_id,
        order_number,
        CASE
            WHEN subtotal_amount IS NULL AND subtotal_includes_tax IS NULL
                THEN {{ wide('total_amount') }} - coalesce(tax_amount, 0) - coalesce(shipping_amount, 0)
                    - coalesce(insurance_amount, 0)
            ELSE subtotal_amount
        END AS goods_amount
    FROM {{ source('core', 'orders') }}
    WHERE order_status <> 'cancelled'
)

SELECT
    stated.source,
    stated.order_day,
    'line_sum' AS rule,
    'line_amount' AS field,
    stated.order_number || ': ' || sums.lines_amount || ' <> ' || stated.goods_amount AS key
FROM stated
INNER JOIN sums ON sums.order_id = stated.order_id
WHERE sums.lines_without_amount = 0
    AND abs(sums.lines_amount - stated.goods_amount) > 0.01
