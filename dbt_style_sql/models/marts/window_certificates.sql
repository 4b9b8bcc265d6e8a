-- What is proved of each window that was asked for: one row a channel, account, resource, reading and window, with the
-- figures of the run that asked last. A window is proved where every answer came to its end, nothing speaks against it,
-- and no fewer records came than an earlier proof had; or where a later proof of the same reading covers it.
WITH by_run AS (
    SELECT
        source,
        coalesce(account, '') AS account,
        resource,
        coalesce(reading, '') AS reading,
        window_start,
        window_end,
        run_id,
        max(fetched_at) AS fetched_at,
        bool_and(complete) AND bool_and(coalesce(doubt, '') = '') AS is_sound,
        bool_or(lists_window) AS lists_window,
        CAST(sum(pages) AS BIGINT) AS pages,
        CAST(sum(records) AS BIGINT) AS records,
        CAST(sum(ids) AS BIGINT) AS ids,
        CAST(sum(claimed_total) AS BIGINT) AS claimed_total,
        string_agg(doubt, '; ') FILTER (doubt <> '') AS doubt,
        string_agg(note, '; ') FILTER (NOT complete) AS note
    FROM {{ source('raw', 'fetches') }}
    WHERE coalesce(watermark, '') = ''
    GROUP BY ALL
),

compared AS (
    SELECT
        *,
        greatest(0, max(ids) FILTER (is_sound AND lists_window) OVER earlier_runs - ids) AS ids_gone
    FROM by_run
    WINDOW earlier_runs AS (
        PARTITION BY source, account, resource, reading, window_start, window_end
        ORDER BY fetched_at
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    )
),

judged AS (
    SELECT
        *,
        is_sound AND coalesce(ids_gone, 0) = 0 AS is_proved,
        CAST(window_end AT TIME ZONE 'UTC' AS DATE) >= CAST(fetched_at AT TIME ZONE 'UTC' AS DATE) AS is_current,
        CASE
            WHEN NOT is_sound THEN coalesce(doubt, note)
            WHEN ids_gone > 0 THEN ids_gone || ' fewer than an earlier run found'
        END AS why
    FROM compared
),

unproved AS (
    SELECT *
    FROM judged
    WHERE NOT is_proved
),

-- Each run asks again for what the run before it missed, so a current window is healed by one that reaches as far.
-- Reports without a reading are of before 2026-12, or of days that no reading asked for: any reading heals them.
healed AS (
    SELECT DISTINCT
        unproved.source,
        unproved.account,
        unproved.resource,
        unproved.reading,
        unproved.window_start,
        unproved.window_end,
        unproved.run_id
    FROM unproved
    INNER JOIN judged AS later
        ON later.source = unproved.source
        AND later.resource = unproved.resource
        AND later.is_proved
        AND later.fetched_at > unproved.fetched_at
        AND later.window_end >= unproved.window_end
        AND (unproved.is_current OR later.window_start <= unproved.window_start)
        AND (unproved.reading = '' OR (later.account = unproved.account AND later.reading = unproved.reading))
),

remaining AS (
    SELECT
        source,
        account,
        resource,
        reading,
        window_start,
        window_end,
        min(fetched_at) AS unproved_since,
        arg_max(run_id, fetched_at) AS run_id,
        arg_max(why, fetched_at) AS why
    FROM unproved
    ANTI JOIN healed USING (source, account, resource, reading, window_start, window_end, run_id)
    GROUP BY source, account, resource, reading, window_start, window_end
),

last_runs AS (
    SELECT *
    FROM judged
    QUALIFY row_number() OVER (
        PARTITION BY source, account, resource, reading, window_start, window_end ORDER BY fetched_at DESC
    ) = 1
)

SELECT
    last_runs.source,
    last_runs.account,
    last_runs.resource,
    last_runs.reading,
    last_runs.window_start,
    last_runs.window_end,
    remaining.unproved_since IS NULL AS is_proved,
    CASE
        WHEN remaining.unproved_since IS NOT NULL THEN remaining.why
        WHEN last_runs.claimed_total IS NOT NULL THEN 'all that were claimed came'
        ELSE 'the answer came to its end'
    END AS why,
    remaining.unproved_since,
    last_runs.lists_window,
    last_runs.pages,
    last_runs.records,
    last_runs.ids,
    last_runs.claimed_total,
    last_runs.fetched_at,
    coalesce(remaining.run_id, last_runs.run_id) AS run_id
FROM last_runs
LEFT JOIN remaining USING (source, account, resource, reading, window_start, window_end)
