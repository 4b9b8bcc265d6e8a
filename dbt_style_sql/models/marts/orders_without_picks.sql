-- One row an order that its channel wants picked and that has nothing to pick, with the reason. An order with an open reject
-- is left out: what it lacks stands in the quarantine.
SELECT
    candidates.source,
    candidates.account,
    candidates.order_id,
    candidates.order_number,
    candidates.order_day,
    'nothing_to_pick' AS reason,
    array_to_string(list_sort(list_distinct(list(candidates.hold_detail)))[:5], '; ') AS detail
FROM {{ ref('pick_candidates') }} AS candidates
WHERE candidates.order_id NOT IN (
    SELECT order_id
    FROM {{ source('quarantine', 'rejects') }}
    WHERE resolved_at IS NULL AND order_id IS NOT NULL
)
GROUP BY candidates.source, candidates.account, candidates.order_id, candidates.order_number, candidates.order_day
HAVING count(candidates.pick_id) = 0
