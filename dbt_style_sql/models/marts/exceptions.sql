-- Everything that wants a person's eye, one row each: open rejects, held orders, orders to be picked that have nothing to
-- pick, soft warnings, unproved windows.
WITH held AS (
    SELECT
        source,
        order_day,
        order_id,
        any_value(hold_reason) AS hold_reason,
        any_value(hold_detail) AS hold_detail
    FROM {{ ref('pick_lines') }}
    WHERE hold_reason IS NOT NULL
    GROUP BY source, order_day, order_id
)

SELECT
    'reject' AS kind,
    source,
    order_day,
    order_id,
    table_name || ' ' || key AS subject,
    rule AS reason,
    field || coalesce(' = ' || value, '') AS detail,
    first_seen_at AS since
FROM {{ source('quarantine', 'rejects') }}
WHERE resolved_at IS NULL
UNION ALL
SELECT
    'held',
    source,
    order_day,
    order_id,
    order_id,
    hold_reason,
    hold_detail,
    NULL
FROM held
UNION ALL
SELECT
    'nothing to pick',
    source,
    order_day,
    order_id,
    order_id,
    reason,
    detail,
    NULL
FROM {{ ref('orders_without_picks') }}
WHERE reason = 'nothing_to_pick'
UNION ALL
SELECT
    'warning',
    source,
    order_day,
    NULL,
    array_to_string(sample, ', '),
    rule,
    field || ': ' || occurrences || ' rows',
    seen_at
FROM {{ source('quarantine', 'warnings') }}
UNION ALL
SELECT
    'incomplete window',
    source,
    CAST(window_start AS DATE),
    NULL,
    resource,
    'incomplete',
    why,
    unproved_since
FROM {{ ref('window_certificates') }}
WHERE NOT is_proved
