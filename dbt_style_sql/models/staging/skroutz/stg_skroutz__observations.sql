-- One row an observation of an order (a webhook or a read), with the little that decides what counts. `is_current` marks the
-- latest by the time of what it tells, whenever it arrived: late and repeated events make history, not state.
-- At the same second an event beats a read: either the read shows it already, or the event came after it. A read
-- that was asked for after an event had arrived follows it (`follows_event`): of these the later one in raw counts. An event counts
-- no later than its arrival: webhooks are not signed, and one that is stamped ahead must not outlast the reads that follow.
-- Nor must a clock of ours that stood ahead: a read that was stored later and says an earlier time (by more than runs side by
-- side differ) proves it, and what was stored before it counts as before it.
WITH extracted AS MATERIALIZED (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        sequence,
        {{ read_json(skroutz_payload('payload'), '{
            "event_type": "VARCHAR", "event_time": "VARCHAR", "received_at": "VARCHAR", "observed_at": "VARCHAR",
            "observed_by": "VARCHAR", "follows_event": "VARCHAR",
            "order": {
                "state": "VARCHAR", "commission": "VARCHAR", "fees": "JSON", "replaced": "VARCHAR",
                "replaced_suborder": "VARCHAR"
            }
        }') }} AS facts
    FROM {{ source('raw', 'skroutz_orders') }}
),

named AS (
    SELECT
        * EXCLUDE (facts),
        facts IS NOT NULL AS is_json,
        facts.event_type AS event_type,
        facts.event_time AS event_time_text,
        least(fetched_at, {{ time_with_offset('facts.received_at') }}) AS arrived_at,
        {{ any_time_with_offset('facts.event_time') }} AS stated_time,
        {{ time_with_offset('facts.observed_at') }} AS observed_at,
        coalesce(facts.observed_by = 'read' AND facts.received_at IS NULL AND facts.event_time IS NULL, false) AS is_read,
        is_read AND coalesce({{ flag('facts.follows_event') }}, false) AS follows_event,
        CASE WHEN is_read THEN {{ time_with_offset('facts.observed_at') }} END AS read_at,
        coalesce(facts.observed_by, 'webhook') AS observed_by,
        facts."order".state AS state,
        facts."order".commission AS commission,
        CASE WHEN NOT {{ is_no_object('facts."order".fees') }} THEN facts."order".fees END AS fees,
        coalesce({{ text('facts."order".replaced') }}, {{ text('facts."order".replaced_suborder') }}) AS replaced
    FROM extracted
),

followed AS (
    SELECT
        *,
        min(read_at) OVER (
            PARTITION BY record_id ORDER BY fetched_at, sequence ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS read_after
    FROM named
),

ordered AS (
    SELECT
        * REPLACE (
            CASE
                WHEN coalesce(observed_at, arrived_at) > read_after + INTERVAL 5 MINUTE
                THEN read_after - INTERVAL 1 MICROSECOND
                ELSE arrived_at
            END AS arrived_at
        )
    FROM followed
),

placed AS (
    SELECT
        * EXCLUDE (stated_time, observed_at, read_at, read_after),
        CASE WHEN stated_time IS NOT NULL THEN {{ plausible('least(stated_time, arrived_at)') }} END AS event_time,
        coalesce(event_time, least(observed_at, arrived_at)) AS effective_at
    FROM ordered
)

SELECT
    *,
    row_number() OVER (
        PARTITION BY record_id
        ORDER BY effective_at DESC, event_time IS NULL AND NOT follows_event, fetched_at DESC, sequence DESC
    ) = 1 AS is_current
FROM placed
