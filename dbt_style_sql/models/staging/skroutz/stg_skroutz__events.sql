-- The history of every order, for people: what was told, by whom, about when, and whether it came too late to matter.
SELECT
    record_id AS order_number,
    effective_at,
    event_type,
    observed_by,
    {{ text('"order".state') }} AS state,
    json_keys(changes) AS changed_keys,
    is_current,
    effective_at < max(effective_at) OVER (
        PARTITION BY record_id ORDER BY fetched_at, sequence ROWS UNBOUNDED PRECEDING
    ) AS came_late,
    partition_day AS order_day,
    content_sha256 AS raw_sha256,
    fetched_at
FROM {{ ref('stg_skroutz__observations') }}
