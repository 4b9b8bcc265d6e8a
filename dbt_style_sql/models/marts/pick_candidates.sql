-- What the picked channels want picked, one row a line. A row without pick id is no pick: it says what keeps its order from
-- going whole, or why an order that should be picked has nothing to pick.
-- The union is over pick_candidates__<channel> of the channels that settings name.
SELECT *
FROM (
    SELECT
        NULL::VARCHAR AS pick_id, NULL::VARCHAR AS source, NULL::VARCHAR AS account, NULL::VARCHAR AS order_id,
        NULL::VARCHAR AS order_number, NULL::DATE AS order_day, NULL::TIMESTAMPTZ AS ordered_at,
        NULL::VARCHAR AS line_id, NULL::VARCHAR AS shipment_id, NULL::VARCHAR AS sku,
        NULL::VARCHAR AS product_name, NULL::DECIMAL(18, 3) AS quantity, NULL::VARCHAR AS customer_name,
        NULL::VARCHAR AS ship_to, NULL::VARCHAR AS marketplace_order_id, NULL::VARCHAR AS hold_reason,
        NULL::VARCHAR AS hold_detail
)
WHERE false
{% for channel in var('picked_channels') %}
UNION ALL BY NAME SELECT * FROM {{ ref('pick_candidates__' ~ channel) }}
{% endfor %}
