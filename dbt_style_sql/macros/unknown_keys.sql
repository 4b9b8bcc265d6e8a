{# Keys that a contract does not name: one row a record and key. `known`: path of an object (`$.a`) or of a list's objects
   (`$.a[*]`) -> the keys it may have. With `any_case` keys are compared without case. Text that is no JSON has no keys. #}
{% macro unknown_keys(resource, relation, known, any_case=false) -%}
SELECT
    '{{ resource }}' AS resource,
    seen.container,
    unnest(list_filter(
        list_distinct(list_transform(seen.found, lambda key_name: trim(key_name))),
        lambda key_name: NOT list_contains(seen.known, {{ 'lower(key_name)' if any_case else 'key_name' }})
    )) AS key_name,
    partition_day,
    fetched_at,
    record_id
FROM (
    SELECT
        record_id,
        partition_day,
        fetched_at,
        unnest([
            {%- for path, keys in known.items() %}
            {
                'container': '{{ path }}',
                'found': TRY({{ 'flatten' if '*' in path }}(json_keys(payload, '{{ path }}'))),
                'known': [{% for key in keys %}'{{ key | lower if any_case else key }}'{{ ', ' if not loop.last }}{% endfor %}]
            }{{ ',' if not loop.last }}
            {%- endfor %}
        ]) AS seen
    FROM {{ relation }}
)
{%- endmacro %}

{# What the rows of `unknown_keys` amount to: one row a resource, place, key and day. #}
{% macro count_unknown_keys(relation) -%}
SELECT
    resource,
    container,
    key_name,
    partition_day,
    count(*) AS observations,
    min(fetched_at) AS first_seen_at,
    any_value(record_id) AS example_record_id
FROM {{ relation }}
GROUP BY ALL
{%- endmacro %}
