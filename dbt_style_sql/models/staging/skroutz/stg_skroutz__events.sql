-- The history of every order, for people: what was told, by whom, about when, and whether it came too late to matter.
SELECT
    observed.record_id AS order_number,
    observed.effective_at,
    observed.event_type,
    observed.observed_by,
    observed.state,
    {{ json_keys_at('raw_orders.payload', '$.changes') }} AS changed_keys,
    observed.is_current,
    observed.effective_at < max(observed.effective_at) OVER (
        PARTITION BY observed.record_id ORDER BY observed.fetched_at, observed.sequence ROWS UNBOUNDED PRECEDING
    ) AS came_late,
    observed.partition_day AS order_day,
    observed.content_sha256 AS raw_sha256,
    observed.fetched_at
FROM {{ ref('stg_skroutz__observations') }} AS observed
INNER JOIN {{ source('raw', 'skroutz_orders') }} AS raw_orders
    ON raw_orders.record_id = observed.record_id
    AND raw_orders.content_sha256 = observed.content_sha256
