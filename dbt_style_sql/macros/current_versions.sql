{# The current raw version of every record of a resource: the one seen last, counting versions that came back. #}
{% macro current_versions(source_name, resource) -%}
WITH seen AS (
    SELECT record_id, content_sha256, sequence
    FROM {{ source('raw', source_name ~ '_' ~ resource) }}
    UNION ALL
    SELECT record_id, content_sha256, sequence
    FROM {{ source('raw', 'reappearances') }}
    WHERE source = '{{ source_name }}' AND resource = '{{ resource }}'
),

latest AS (
    SELECT record_id, arg_max(content_sha256, sequence) AS content_sha256
    FROM seen
    GROUP BY record_id
)

SELECT
    versions.record_id,
    versions.partition_day,
    versions.content_sha256,
    versions.payload,
    versions.fetched_at
FROM {{ source('raw', source_name ~ '_' ~ resource) }} AS versions
INNER JOIN latest USING (record_id, content_sha256)
{%- endmacro %}
