-- Every observation of availability: each distinct answer of a day when it first came, and when it came back after another one.
{{ config(materialized='ephemeral') }}
SELECT record_id, partition_day, content_sha256, {{ readable_payload('payload', {}) }} AS payload, fetched_at, fetched_at AS as_of
FROM {{ source('raw', 'scansource_availability') }}
UNION ALL
SELECT record_id, partition_day, content_sha256, {{ readable_payload('payload', {}) }}, fetched_at, current_since
FROM {{ source('raw', 'scansource_availability_current') }}
WHERE current_since > fetched_at
