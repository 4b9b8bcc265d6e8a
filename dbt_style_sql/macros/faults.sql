{# Faults of the rule bad_json (docs/apis/common_schema.md 13): lists of (rule, field, value) that staged rows carry in
   `faults`. #}

{# SELECT of record_id, rule, field, value: a text that is no JSON, or a container of a wrong type. `relation` has record_id
   and payload, of suspects alone, for each is parsed again; `containers`: JSON path -> OBJECT or ARRAY; `prefix` stands
   before the field's name. One SELECT a path with a star: a document that is parsed takes four times its text. #}
{% macro wrong_containers(relation, containers, prefix='') -%}
{%- set single = [] -%}
{%- set repeated = [] -%}
{%- for path in containers -%}
{%- set _ = (repeated if '*' in path else single).append(path) -%}
{%- endfor -%}
WITH payloads AS MATERIALIZED (
    SELECT record_id, payload FROM {{ relation }}
),

found AS (
    SELECT
        record_id,
        unnest([{% for path in single %}'{{ prefix ~ container_field(path) }}'{{ ', ' if not loop.last }}{% endfor %}]) AS field,
        unnest([{% for path in single %}'{{ containers[path] }}'{{ ', ' if not loop.last }}{% endfor %}]) AS wanted,
        unnest(coalesce(TRY(json_type(payload, {{ single }})), ['not JSON'])) AS found
    FROM payloads
    {%- for path in repeated %}
    UNION ALL
    SELECT
        record_id,
        '{{ prefix ~ container_field(path) }}',
        '{{ containers[path] }}',
        unnest(TRY(json_type(payload, '{{ path }}')))
    FROM payloads
    {%- endfor %}
)

SELECT
    record_id,
    'bad_json' AS rule,
    field,
    found AS value
FROM found
WHERE found <> wanted AND (found <> 'NULL' OR field = '{{ prefix }}payload')
{%- endmacro %}

{% macro container_field(path) -%}
{{ 'payload' if path == '$' else path | replace('$.', '') | replace('$[', '[') | replace('[*]', '[]') | replace('[].', '.') }}
{%- endmacro %}

{# Ids that cannot be one: a list or an object, or a text with a character that could not be read (a NUL is one).
   `columns`: field -> its text; NULL where none is wrong. #}
{% macro unreadable_ids(columns) -%}
CASE
    WHEN {% for value in columns.values() -%}
        contains({{ value }}, chr(65533)) OR left({{ value }}, 1) IN ('[', '{'){{ ' OR ' if not loop.last }}
    {%- endfor %}
        THEN list_filter(
            {{ faults_of(columns) }},
            lambda fault: contains(fault.value, chr(65533)) OR {{ is_container('fault.value') }}
        )
END
{%- endmacro %}

{# Flags that say neither yes nor no: field -> its text. NULL where all are understood. #}
{% macro unreadable_flags(columns) -%}
CASE
    WHEN {% for value in columns.values() -%}
        lower({{ value }}) NOT IN ('true', 'false', ''){{ ' OR ' if not loop.last }}
    {%- endfor %}
        THEN list_filter({{ faults_of(columns) }}, lambda fault: lower(fault.value) NOT IN ('true', 'false', ''))
END
{%- endmacro %}

{% macro faults_of(columns) -%}
[{% for field, value in columns.items() %}{'rule': 'bad_json', 'field': '{{ field }}', 'value': {{ value }}}{{ ', ' if not loop.last }}{% endfor %}]
{%- endmacro %}

{# The fault of a payload that should be an object and is none; it is parsed again only where a key that every object has
   was not found. #}
{% macro odd_answer(payload, key) -%}
CASE
    WHEN {{ key }} IS NULL AND coalesce(TRY(json_type({{ payload }})), 'not JSON') <> 'OBJECT'
        THEN [{'rule': 'bad_json', 'field': 'payload', 'value': coalesce(TRY(json_type({{ payload }})), 'not JSON')}]
END
{%- endmacro %}
