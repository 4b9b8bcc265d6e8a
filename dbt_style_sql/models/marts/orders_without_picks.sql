-- One row an order that its channel wants picked and that has nothing to pick, with the reason: what is missing
-- (nothing_to_pick), or that none of its items is a thing on a shelf (nothing_stocked). An order with an open reject
-- is left out: what it lacks stands in the quarantine. So is one of which others pick all that has a location.
SELECT
    candidates.source,
    candidates.account,
    candidates.order_id,
    candidates.order_number,
    candidates.order_day,
    CASE WHEN bool_or(candidates.is_stocked) FILTER (candidates.is_ours) THEN 'nothing_to_pick' ELSE 'nothing_stocked' END AS reason,
    CASE
        WHEN bool_or(candidates.is_stocked) FILTER (candidates.is_ours)
            THEN array_to_string(
                list_sort(list_distinct(list(candidates.hold_detail) FILTER (candidates.is_ours)))[:5], '; '
            )
        ELSE 'no thing on a shelf: item '
            || array_to_string(
                list_sort(list_distinct(list(candidates.sku) FILTER (candidates.is_ours)))[:5], ', item '
            )
    END AS detail
FROM {{ ref('pick_candidates') }} AS candidates
WHERE candidates.order_id NOT IN (
    SELECT order_id
    FROM {{ source('quarantine', 'rejects') }}
    WHERE resolved_at IS NULL AND order_id IS NOT NULL
)
GROUP BY candidates.source, candidates.account, candidates.order_id, candidates.order_number, candidates.order_day
HAVING count(candidates.pick_id) FILTER (candidates.is_stocked AND candidates.is_ours IS DISTINCT FROM false) = 0
    AND count(*) FILTER (candidates.is_ours) > 0
    AND (bool_and(candidates.is_ours) OR count(candidates.location) FILTER (candidates.is_ours) > 0)
