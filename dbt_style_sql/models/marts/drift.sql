-- Drift: what of a channel's payloads is not as its contract or earlier records are, one row each. Keys that are new or
-- gone, values of another type (noted by the run that first saw them, with how many of the objects it looked at), and
-- status texts that no mapping knows. Paths are JSON pointers, `*` for every place of a list; of a status the column.
SELECT
    source,
    resource,
    kind,
    path,
    type AS found,
    min(seen_at) AS first_seen_at,
    max(seen_at) AS last_noted_at,
    arg_max(occurrences, seen_at) AS occurrences,
    arg_max(objects, seen_at) AS objects,
    arg_max(example, seen_at) AS example
FROM {{ source('raw', 'shapes') }}
WHERE kind IN ('new key', 'gone key', 'another type')
GROUP BY source, resource, kind, path, type
UNION ALL
SELECT
    source,
    split_part(field, '.', 1) AS resource,
    'new value' AS kind,
    field AS path,
    'text' AS found,
    CAST(min(order_day) AS TIMESTAMP) AT TIME ZONE 'UTC' AS first_seen_at,
    CAST(max(order_day) AS TIMESTAMP) AT TIME ZONE 'UTC' AS last_noted_at,
    count(*) AS occurrences,
    NULL AS objects,
    left(key, 40) AS example
FROM {{ ref('check__unknown_status') }}
GROUP BY source, field, key
