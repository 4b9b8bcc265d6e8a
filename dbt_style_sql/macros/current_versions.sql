{# The current raw version of every record of a resource: new content or older content that came back, seen last. #}
{% macro current_versions(source_name, resource) -%}
SELECT
    record_id,
    partition_day,
    content_sha256,
    payload,
    fetched_at
FROM {{ source('raw', source_name ~ '_' ~ resource ~ '_current') }}
{%- endmacro %}
