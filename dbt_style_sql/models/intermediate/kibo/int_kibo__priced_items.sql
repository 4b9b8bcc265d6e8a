-- What each item's prices mean (docs/apis/kibo.md section 7): the vendor does not say per unit or per line, the sums
-- tell.
{{ config(materialized='ephemeral') }}
WITH items AS (
    SELECT
        *,
        {{ kibo_line_status() }} AS line_status
    FROM {{ ref('int_kibo__items') }}
),

containers AS (
    SELECT
        record_id,
        shipment_number,
        sum(CAST(subtotal AS DOUBLE)) AS sum_of_subtotals,
        sum(CAST(subtotal AS DOUBLE) * CAST(quantity AS DOUBLE)) AS sum_of_subtotals_by_quantity
    FROM items
    WHERE record_id IN (SELECT record_id FROM items WHERE quantity > 1 AND abs({{ wide('subtotal') }} - actual_price) <= 0.01)
    GROUP BY record_id, shipment_number
),

judged AS (
    SELECT
        items.*,
        CASE
            WHEN quantity = 1 AND actual_price IS NOT NULL THEN 'one piece'
            WHEN quantity > 1 AND (
                abs({{ wide('actual_price') }} * quantity - coalesce(discount_amount, 0) - subtotal) <= 0.01
                OR abs({{ wide('actual_price') }} * quantity - subtotal) <= 0.01
            ) THEN 'price per unit, subtotal per line'
            WHEN quantity > 1 AND abs({{ wide('subtotal') }} - actual_price) <= 0.01 THEN CASE
                WHEN abs(container_subtotal - sum_of_subtotals) <= 0.01 THEN 'both per line'
                WHEN abs(container_subtotal - sum_of_subtotals_by_quantity) <= 0.01 THEN 'both per unit'
            END
        END AS reading
    FROM items
    LEFT JOIN containers
        ON containers.record_id = items.record_id
        AND containers.shipment_number IS NOT DISTINCT FROM items.shipment_number
)

SELECT
    * EXCLUDE (reading),
    CASE WHEN reading IS NULL THEN 'unknown' WHEN reading = 'both per line' THEN 'line' ELSE 'unit' END AS price_basis,
    CASE
        WHEN reading = 'both per line' THEN TRY_CAST(actual_price / quantity AS DECIMAL(18, 4))
        WHEN reading IS NOT NULL THEN actual_price
    END AS unit_price,
    CASE
        WHEN reading = 'both per unit' THEN TRY_CAST({{ wide('subtotal') }} * quantity AS DECIMAL(18, 4))
        WHEN reading IS NOT NULL THEN subtotal
    END AS line_amount
FROM judged
