-- What the picked channels want picked, one row a line. A row without pick id is no pick: it says what keeps its order from
-- going whole, or why an order that should be picked has nothing to pick. What the item master calls no thing on a shelf is
-- not stocked. The union is over pick_candidates__<channel> of the channels that settings name.
WITH candidates AS (
    SELECT *
    FROM (
        SELECT
            NULL::VARCHAR AS pick_id, NULL::VARCHAR AS source, NULL::VARCHAR AS account, NULL::VARCHAR AS order_id,
            NULL::VARCHAR AS order_number, NULL::DATE AS order_day, NULL::TIMESTAMPTZ AS ordered_at,
            NULL::DATE AS ordered_on, NULL::TIMESTAMPTZ AS ship_by_at, NULL::BOOLEAN AS is_express,
            NULL::VARCHAR AS line_id, NULL::VARCHAR AS shipment_id, NULL::VARCHAR AS sku, NULL::VARCHAR AS ean,
            NULL::VARCHAR AS product_name, NULL::DECIMAL(18, 3) AS quantity, NULL::VARCHAR AS customer_name,
            NULL::VARCHAR AS ship_to, NULL::VARCHAR AS marketplace_order_id, NULL::VARCHAR AS hold_reason,
            NULL::VARCHAR AS hold_detail
    )
    WHERE false
    {% for channel in var('picked_channels') %}
    UNION ALL BY NAME SELECT * FROM {{ ref('pick_candidates__' ~ channel) }}
    {% endfor %}
)

SELECT
    candidates.*,
    not_stocked.sku IS NULL AS is_stocked
FROM candidates
LEFT JOIN (
    SELECT source, sku
    FROM {{ source('reference', 'item_locations') }}
    WHERE lower(not_stocked) IN ('true', 'yes')
) AS not_stocked
    ON not_stocked.source = candidates.source AND not_stocked.sku = candidates.sku
