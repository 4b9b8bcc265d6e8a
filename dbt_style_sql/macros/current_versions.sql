{# The current raw version of every record of a resource: new content or older content that came back, seen last.
   `objects`: see readable_payload; without it a repeated key is not looked for. #}
{% macro current_versions(source_name, resource, objects=none) -%}
SELECT
    record_id,
    partition_day,
    content_sha256,
    {{ without_nul('payload') if objects is none else readable_payload('payload', objects) }} AS payload,
    fetched_at
FROM {{ source('raw', source_name ~ '_' ~ resource ~ '_current') }}
{%- endmacro %}
