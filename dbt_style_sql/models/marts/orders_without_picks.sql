-- One row an order that its channel wants picked and that has nothing to pick, with the reason: what is missing
-- (nothing_to_pick), or that none of its items is a thing on a shelf (nothing_stocked). An order with an open reject
-- is left out: what it lacks stands in the quarantine. So is one of which others pick all that has a location.
SELECT
    source,
    account,
    order_id,
    order_number,
    order_day,
    hold_reason AS reason,
    hold_detail AS detail
FROM {{ ref('pick_findings') }}
WHERE finding = 'nothing to pick'
