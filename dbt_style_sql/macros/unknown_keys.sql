{# Keys that a contract does not name: one row a record and key. `known`: path of an object (`$.a`) or of a list's objects
   (`$.a[*]`) -> the keys it may have. With `any_case` keys are compared without case. Text that is no JSON has no keys.
   One SELECT a place: in one SELECT, every place would hold the parsed documents of a whole chunk of rows.
   With the variable `keys_as_shapes` (`warehouse/raw/shapes.py` sets it) one row a place, with the shape of its objects. #}
{% macro unknown_keys(resource, relation, known, any_case=false) -%}
{%- for path, keys in known.items() %}
{{ 'UNION ALL' if not loop.first }}
{%- if var('keys_as_shapes', false) %}
SELECT
    '{{ resource }}' AS resource,
    '{{ path }}' AS container,
    {{ 'true' if any_case else 'false' }} AS any_case,
    [{% for key in keys %}'{{ key }}'{{ ', ' if not loop.last }}{% endfor %}] AS known_keys,
    count(*) AS objects,
    {{ json_shape_of('object') }} AS shape
FROM (SELECT {{ json_values_at('payload', path) }} AS object FROM {{ relation }})
WHERE {{ is_json_object('object') }}
{%- else %}
SELECT
    '{{ resource }}' AS resource,
    '{{ path }}' AS container,
    unnest(list_filter(
        list_distinct(list_transform(
            {{ json_keys_at('payload', path) }}, lambda key_name: trim(key_name)
        )),
        lambda key_name: {{ 'lower(key_name)' if any_case else 'key_name' }} NOT IN (
            {%- for key in keys %}'{{ key | lower if any_case else key }}'{{ ', ' if not loop.last }}{% endfor -%}
        )
    )) AS key_name,
    partition_day,
    fetched_at,
    record_id
FROM {{ relation }}
{%- endif %}
{%- endfor %}
{%- endmacro %}

{# What the rows of `unknown_keys` amount to: one row a resource, place, key and day. #}
{% macro count_unknown_keys(relation) -%}
{%- if var('keys_as_shapes', false) %}
SELECT * FROM {{ relation }}
{%- else %}
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
{%- endif %}
{%- endmacro %}
