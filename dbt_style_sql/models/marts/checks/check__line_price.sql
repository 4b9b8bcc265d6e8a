-- Lines whose price is not understood, or whose unit price x quantity is not the line amount.
SELECT
    source,
    order_day,
    'line_price' AS rule,
    CASE WHEN price_basis = 'unknown' THEN 'price_basis' ELSE 'line_amount' END AS field,
    line_id AS key
FROM {{ source('core', 'order_lines') }}
WHERE price_basis = 'unknown'
    OR (
        abs(CAST(unit_price AS DOUBLE) * CAST(quantity_ordered AS DOUBLE) - CAST(line_amount AS DOUBLE))
        > 0.01 + CASE WHEN price_basis = 'line' THEN 0.00005 * CAST(quantity_ordered AS DOUBLE) ELSE 0 END
        AND abs(
            CAST(unit_price AS DOUBLE) * CAST(quantity_ordered AS DOUBLE) - CAST(line_amount AS DOUBLE)
            - coalesce(CAST(discount_amount AS DOUBLE), 0)
        ) > 0.01 + CASE WHEN price_basis = 'line' THEN 0.00005 * CAST(quantity_ordered AS DOUBLE) ELSE 0 END
    )
