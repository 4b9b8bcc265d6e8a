-- One row a line that our floor may have to pick; what others pick is in marts.picks_elsewhere.
-- hold_reason NULL: pickable. An order is whole or held: when anything of
-- it cannot be picked, all its lines carry the order's reason, and hold_detail names the lines. hold_scope tells a line
-- that cannot be picked itself (`line`) from one that waits for the rest of its order (`order`).
-- The rules stand in marts.pick_findings.
SELECT
    pick_id,
    source,
    account,
    order_id,
    order_number,
    order_day,
    ordered_at,
    ordered_on,
    ship_by_at,
    is_express,
    line_id,
    shipment_id,
    location,
    floor,
    sku,
    barcode,
    bin_location,
    further_bins,
    warehouse,
    product_name,
    quantity,
    customer_name,
    ship_to,
    marketplace_order_id,
    hold_reason,
    hold_detail,
    hold_scope
FROM {{ ref('pick_findings') }}
WHERE finding = 'to pick'
