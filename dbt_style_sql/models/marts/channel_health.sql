-- One row a channel, resource and watermark (the account or stream whose progress it is; empty for a resource that has
-- none): how far behind we are, which windows are not proved complete, and what it cost in calls.
-- lag_minutes counts from the last reading that was proved complete and reached the day on which it was made. A resource
-- that is read only where another one has changes has a lag that says little; has_watermark tells those that are read by
-- themselves. Days and weeks end now.
-- The quota that an API grants is stated nowhere: call_budget is our own bound of one run (NULL: none is set), beside the
-- most calls that one run of the channel made in a week. Both are of the channel and stand in each of its rows.
{{ config(meta={'rows': 'few'}) }}
WITH reports AS (
    SELECT
        source,
        resource,
        coalesce(watermark, '') AS watermark,
        window_start,
        window_end,
        complete,
        records,
        calls,
        calls_saved,
        new_versions,
        dead_letters,
        fetched_at,
        run_id,
        CAST(window_end AT TIME ZONE 'UTC' AS DATE) >= CAST(fetched_at AT TIME ZONE 'UTC' AS DATE) AS is_current
    FROM {{ source('raw', 'fetches') }}
),

-- The last word on each window.
windows AS (
    SELECT
        source,
        resource,
        watermark,
        window_start,
        window_end,
        arg_max(complete, fetched_at) AS complete,
        max(fetched_at) AS fetched_at
    FROM reports
    GROUP BY source, resource, watermark, window_start, window_end
),

unproved AS (
    SELECT
        windows.source,
        windows.resource,
        windows.watermark,
        count(*) AS windows,
        min(windows.window_start) AS since
    FROM windows
    ANTI JOIN reports AS later
        ON later.source = windows.source
        AND later.resource = windows.resource
        AND later.watermark = windows.watermark
        AND later.complete
        AND later.fetched_at > windows.fetched_at
        AND later.window_start <= windows.window_start
        AND later.window_end >= windows.window_end
    WHERE NOT windows.complete
    GROUP BY windows.source, windows.resource, windows.watermark
),

runs AS (
    SELECT
        source,
        run_id,
        sum(calls) AS calls
    FROM reports
    WHERE fetched_at > now() - INTERVAL 7 DAY
    GROUP BY source, run_id
),

channels AS (
    SELECT
        source,
        CAST(max(calls) AS BIGINT) AS most_calls_of_a_run
    FROM runs
    GROUP BY source
),

readings AS (
    SELECT
        source,
        resource,
        watermark,
        max(fetched_at) AS last_tried_at,
        max(fetched_at) FILTER (complete AND is_current) AS last_proved_at,
        count(*) AS readings,
        CAST(coalesce(sum(calls) FILTER (fetched_at > now() - INTERVAL 1 DAY), 0) AS BIGINT) AS calls_of_a_day,
        CAST(coalesce(sum(calls) FILTER (fetched_at > now() - INTERVAL 7 DAY), 0) AS BIGINT) AS calls_of_a_week,
        CAST(coalesce(sum(calls_saved) FILTER (fetched_at > now() - INTERVAL 7 DAY), 0) AS BIGINT)
            AS calls_saved_of_a_week,
        CAST(coalesce(sum(records) FILTER (fetched_at > now() - INTERVAL 7 DAY), 0) AS BIGINT) AS records_of_a_week,
        CAST(coalesce(sum(new_versions) FILTER (fetched_at > now() - INTERVAL 7 DAY), 0) AS BIGINT)
            AS new_versions_of_a_week,
        CAST(coalesce(sum(dead_letters) FILTER (fetched_at > now() - INTERVAL 7 DAY), 0) AS BIGINT)
            AS dead_letters_of_a_week
    FROM reports
    GROUP BY source, resource, watermark
)

SELECT
    concat_ws(' ', readings.source, readings.resource, nullif(readings.watermark, '')) AS reading_id,
    readings.source,
    readings.resource,
    readings.watermark,
    readings.watermark <> '' AS has_watermark,
    readings.last_tried_at,
    readings.last_proved_at,
    date_sub('minute', readings.last_proved_at, now()) AS lag_minutes,
    readings.readings,
    coalesce(unproved.windows, 0) AS unproved_windows,
    unproved.since AS unproved_since,
    readings.calls_of_a_day,
    readings.calls_of_a_week,
    readings.calls_saved_of_a_week,
    channels.most_calls_of_a_run,
    CASE readings.source
        {% for channel, budget in var('call_budgets', {}).items() %}
        WHEN {{ literal(channel) }} THEN CAST({{ budget if budget is not none else 'NULL' }} AS BIGINT)
        {% endfor %}
        WHEN '' THEN CAST(NULL AS BIGINT)
    END AS call_budget,
    readings.records_of_a_week,
    readings.new_versions_of_a_week,
    readings.dead_letters_of_a_week
FROM readings
LEFT JOIN unproved
    ON unproved.source = readings.source
    AND unproved.resource = readings.resource
    AND unproved.watermark = readings.watermark
LEFT JOIN channels ON channels.source = readings.source
