-- One row an order: its current observation, and what earlier ones said of keys that an omission does not clear
-- (commission, fees, replaced order: common_schema.md 1.6).
WITH remembered AS (
    SELECT
        record_id,
        arg_max("order".commission, (effective_at, sequence)) FILTER ("order".commission IS NOT NULL) AS commission,
        arg_max("order".fees, (effective_at, sequence)) FILTER ("order".fees IS NOT NULL) AS fees,
        arg_max(
            coalesce({{ text('"order".replaced') }}, {{ text('"order".replaced_suborder') }}), (effective_at, sequence)
        ) FILTER (
            coalesce({{ text('"order".replaced') }}, {{ text('"order".replaced_suborder') }}) IS NOT NULL
        ) AS replaced,
        max(event_time) AS last_event_time,
        arg_max(event_time_text, event_time) AS last_event_time_text
    FROM {{ ref('stg_skroutz__observations') }}
    GROUP BY record_id
)

SELECT
    observed.record_id,
    observed.partition_day,
    observed.content_sha256,
    observed.fetched_at,
    container_faults.faults,
    {{ skroutz_account() }} AS account,
    'skroutz:' || {{ skroutz_account() }} || ':' || {{ text('observed."order".code') }} AS order_id,
    coalesce(mapping.status, 'unknown') AS order_status,
    observed.masked_phone,
    remembered.commission,
    remembered.fees,
    remembered.replaced,
    remembered.last_event_time,
    remembered.last_event_time_text,
    observed."order" AS document
FROM {{ ref('stg_skroutz__observations') }} AS observed
INNER JOIN remembered ON remembered.record_id = observed.record_id
LEFT JOIN {{ ref('stg_skroutz__container_faults') }} AS container_faults
    ON container_faults.record_id = observed.record_id
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'skroutz'
    AND mapping.entity = 'order'
    AND mapping.source_value = lower(trim(observed."order".state))
WHERE observed.is_current
