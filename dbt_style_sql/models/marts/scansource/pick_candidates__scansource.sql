-- Who is picked, ScanSource: orders Open or Partially Shipped; quantity = Committed (allocated stock not yet shipped).
-- A lot that is allocated after everything before it had left is a pick of its own (`:after-<shipped>`); while goods of a
-- lot are still here, a changed quantity belongs to the pick that was made for it.
WITH lines AS (
    SELECT
        *,
        list_last({{ json_quantities_at('extras', '$.allocated_after') }}) AS allocated_after
    FROM {{ source('core', 'order_lines') }}
    WHERE source = 'scansource'
        AND quantity_committed > 0
)

SELECT
    lines.line_id || coalesce(':after-' || {{ plain_number('lines.allocated_after') }}, '') AS pick_id,
    orders.source,
    orders.account,
    orders.order_id,
    orders.order_number,
    orders.order_day,
    orders.ordered_at,
    lines.line_id,
    CAST(NULL AS VARCHAR) AS shipment_id,
    lines.sku,
    lines.description AS product_name,
    lines.quantity_committed AS quantity,
    orders.ship_to_name AS customer_name,
    {{ address_line('orders') }} AS ship_to,
    orders.external_reference AS marketplace_order_id,
    CAST(NULL AS VARCHAR) AS hold_reason,
    CAST(NULL AS VARCHAR) AS hold_detail
FROM lines
INNER JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = lines.order_id
WHERE orders.order_status IN ('open', 'partially_shipped')
    AND NOT orders.is_test
