-- Is a day of a channel proved to be all there? One row a channel, account, kind of record and day: a day of which a
-- list was asked for, or that core has orders of. Of a resource `order_details` the kind is `order`. `certified`: every
-- list that covers it is proved, and was read when the day was over. `no list`: the channel has none to ask (Skroutz),
-- so webhooks and re-reading are all there is.
WITH listed AS (
    SELECT
        source,
        account,
        rtrim(split_part(resource, '_', 1), 's') AS kind,
        resource,
        reading,
        unnest(generate_series(
            CAST(window_start AT TIME ZONE 'UTC' AS DATE),
            CAST(window_end AT TIME ZONE 'UTC' AS DATE) - INTERVAL 1 DAY,
            INTERVAL 1 DAY
        ))::DATE AS order_day,
        is_proved,
        why,
        fetched_at,
        coalesce(lists_window, true) AS lists_window,
        reading <> '' AS is_told
    FROM {{ ref('window_certificates') }}
),

-- The last window of each reading decides.
by_reading AS (
    SELECT
        source,
        account,
        kind,
        order_day,
        resource,
        arg_max(is_proved, fetched_at) AS is_proved,
        arg_max(resource || ' (' || reading || '): ' || coalesce(why, ''), fetched_at) AS why,
        max(fetched_at) AS fetched_at
    FROM listed
    WHERE is_told AND lists_window
    GROUP BY source, account, kind, order_day, resource, reading
),

by_list AS (
    SELECT
        source,
        account,
        kind,
        order_day,
        count(*) AS lists,
        count(*) FILTER (is_proved) AS lists_proved,
        min(fetched_at) AS as_of,
        string_agg(why, '; ' ORDER BY resource) FILTER (NOT is_proved) AS why
    FROM by_reading
    GROUP BY source, account, kind, order_day
),

sources AS (
    SELECT
        source,
        bool_or(is_told AND lists_window) AS has_lists
    FROM listed
    GROUP BY source
),

-- Days that core has orders of, and days that were asked for before readings were told.
other_days AS (
    SELECT
        days.source,
        days.order_day,
        bool_or(days.is_asked) AS is_asked
    FROM (
        SELECT source, order_day, true AS is_asked FROM listed WHERE NOT is_told AND kind = 'order'
        UNION ALL
        SELECT source, order_day, false AS is_asked FROM {{ source('core', 'builds') }} WHERE orders > 0
    ) AS days
    ANTI JOIN by_list
        ON by_list.source = days.source
        AND by_list.kind = 'order'
        AND by_list.order_day = days.order_day
    GROUP BY days.source, days.order_day
)

SELECT
    source,
    account,
    kind,
    order_day,
    CASE
        WHEN lists_proved < lists THEN 'not proved'
        WHEN as_of < (order_day + INTERVAL 1 DAY) AT TIME ZONE 'UTC' THEN 'in progress'
        ELSE 'certified'
    END AS state,
    lists,
    lists_proved,
    as_of,
    why
FROM by_list
UNION ALL
SELECT
    other_days.source,
    '' AS account,
    'order' AS kind,
    other_days.order_day,
    CASE
        WHEN other_days.is_asked THEN 'not recorded'
        WHEN coalesce(sources.has_lists, false) THEN 'never asked'
        ELSE 'no list'
    END AS state,
    0 AS lists,
    0 AS lists_proved,
    NULL AS as_of,
    NULL AS why
FROM other_days
LEFT JOIN sources ON sources.source = other_days.source
