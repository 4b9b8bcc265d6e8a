-- One row an observation of an order (a webhook or a read), with the little that decides what counts. `is_current` marks the
-- latest by the time of what it tells, whenever it arrived: late and repeated events make history, not state.
-- At the same second an event beats a read: either the read shows it already, or the event came after it. An event from a
-- future day counts from its arrival: webhooks are not signed, and a forged one must not outlast the reads that follow.
WITH extracted AS MATERIALIZED (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        sequence,
        CASE WHEN json_valid(payload) THEN json_extract_string(payload, [
            '$.event_type', '$.event_time', '$.observed_at', '$.observed_by', '$.order.state', '$.order.commission',
            '$.order.fees', '$.order.replaced', '$.order.replaced_suborder', '$.order.customer.mobile',
            '$.order.customer.phone'
        ]) END AS facts
    FROM {{ source('raw', 'skroutz_orders') }}
),

named AS (
    SELECT
        * EXCLUDE (facts),
        facts IS NOT NULL AS is_json,
        facts[1] AS event_type,
        facts[2] AS event_time_text,
        {{ time_with_offset('facts[2]') }} AS event_time,
        coalesce(facts[4], 'webhook') AS observed_by,
        facts[5] AS state,
        facts[6] AS commission,
        facts[7] AS fees,
        coalesce({{ text('facts[8]') }}, {{ text('facts[9]') }}) AS replaced,
        {{ masked_phone('coalesce(facts[10], facts[11])') }} AS masked_phone,
        coalesce({{ time_with_offset('facts[2]') }}, {{ time_with_offset('facts[3]') }}, fetched_at) AS stated_at
    FROM extracted
),

placed AS (
    SELECT
        * EXCLUDE (stated_at),
        CASE WHEN stated_at > fetched_at + INTERVAL 1 DAY THEN fetched_at ELSE stated_at END AS effective_at
    FROM named
)

SELECT
    *,
    row_number() OVER (
        PARTITION BY record_id
        ORDER BY effective_at DESC, event_time IS NULL, fetched_at DESC, sequence DESC
    ) = 1 AS is_current
FROM placed
