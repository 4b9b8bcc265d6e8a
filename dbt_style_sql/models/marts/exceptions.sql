-- Everything that wants a person's eye, one row each, with a key that stays while the thing stays: open rejects, held
-- orders, orders to be picked that have nothing to pick, soft warnings, unproved windows.
-- `since` of a held order is the last move of its held lines in the outbox, or when its reject was first seen: when the
-- planner noted this reason.
{{ config(meta={'rows': 'few'}) }}
WITH findings AS MATERIALIZED (
    SELECT
        finding,
        source,
        order_day,
        order_id,
        hold_reason,
        hold_detail
    FROM {{ ref('pick_findings') }}
),

rejects AS MATERIALIZED (
    SELECT
        source,
        order_day,
        order_id,
        table_name,
        key,
        rule,
        field,
        value,
        raw_record_id,
        first_seen_at
    FROM {{ all_rows(source('quarantine', 'rejects')) }}
    WHERE resolved_at IS NULL
),

rejects_of_orders AS (
    SELECT
        order_id,
        min(first_seen_at) AS first_seen_at
    FROM rejects
    WHERE order_id IS NOT NULL
    GROUP BY order_id
),

noted_holds AS (
    SELECT
        order_id,
        min(updated_at) AS noted_at
    FROM {{ source('core', 'pick_status') }}
    WHERE state = 'held'
    GROUP BY order_id
),

held AS (
    SELECT
        source,
        order_day,
        order_id,
        any_value(hold_reason) AS hold_reason,
        any_value(hold_detail) AS hold_detail
    FROM findings
    WHERE finding = 'to pick' AND hold_reason IS NOT NULL
    GROUP BY source, order_day, order_id
)

SELECT
    concat_ws(' ', 'reject', source, table_name, key, rule, field, raw_record_id) AS exception_id,
    'reject' AS kind,
    source,
    order_day,
    order_id,
    table_name || ' ' || key AS subject,
    rule AS reason,
    field || coalesce(' = ' || value, '') AS detail,
    first_seen_at AS since
FROM rejects
UNION ALL
SELECT
    'held ' || held.order_id,
    'held',
    held.source,
    held.order_day,
    held.order_id,
    held.order_id,
    held.hold_reason,
    held.hold_detail,
    CASE WHEN held.hold_reason = 'quarantined' THEN rejects_of_orders.first_seen_at ELSE noted_holds.noted_at END
FROM held
LEFT JOIN rejects_of_orders ON rejects_of_orders.order_id = held.order_id
LEFT JOIN noted_holds ON noted_holds.order_id = held.order_id
UNION ALL
SELECT
    'nothing to pick ' || order_id,
    'nothing to pick',
    source,
    order_day,
    order_id,
    order_id,
    hold_reason,
    hold_detail,
    NULL
FROM findings
WHERE finding = 'nothing to pick' AND hold_reason = 'nothing_to_pick'
UNION ALL
SELECT
    concat_ws(' ', 'warning', source, order_day, rule, field),
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
    concat_ws(' ', 'incomplete window', source, resource, epoch_us(window_start)),
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
