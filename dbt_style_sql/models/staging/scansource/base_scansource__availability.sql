-- Every observation of availability: each distinct answer when it first came, and when it came back after another one.
{{ config(materialized='ephemeral') }}
SELECT record_id, partition_day, content_sha256, payload, fetched_at
FROM {{ source('raw', 'scansource_availability') }}
UNION ALL
SELECT
    answers.record_id,
    reappearances.partition_day,
    answers.content_sha256,
    answers.payload,
    reappearances.fetched_at
FROM {{ source('raw', 'reappearances') }} AS reappearances
INNER JOIN {{ source('raw', 'scansource_availability') }} AS answers USING (record_id, content_sha256)
WHERE reappearances.source = 'scansource' AND reappearances.resource = 'availability'
