{# Reading JSON that others wrote. No model calls a JSON function itself: whatever a text holds, these yield NULL and never
   an error, so that one record cannot stop a statement. A test holds this. #}

{# A payload as models read it: without NULs, and of a key that an object repeats with the last value (docs/apis/common_schema.md
   1.10), where DuckDB would take the first. `objects`: the keys below which objects stand that are read, in a list where
   the source has a list of them. Only a payload that repeats a key is written anew. #}
{% macro readable_payload(payload, objects) -%}
CASE
    WHEN {{ repeats_a_key(payload) }}
        THEN coalesce({{ last_key_wins(without_nul(payload), objects) }}, {{ without_nul(payload) }})
    ELSE {{ without_nul(payload) }}
END
{%- endmacro %}

{# The text with every escaped NUL as U+FFFD, for a real NUL ends texts in files, in catalogs and at the floor's API.
   Doubled backslashes are set aside first: behind one of them, `u0000` is no NUL. chr(1) cannot stand in JSON. #}
{% macro without_nul(value) -%}
CASE
    WHEN contains({{ value }}, '\u0000') AND NOT contains({{ value }}, chr(1))
        THEN replace(replace(replace({{ value }}, '\\', chr(1)), '\u0000', '\ufffd'), chr(1), '\\')
    ELSE {{ value }}
END
{%- endmacro %}

{# Whether an object, at any depth, has two members of one name. #}
{% macro repeats_a_key(value) -%}
coalesce(list_contains(list_transform(
    TRY(json_keys('[' || {{ value }} || ']', '$.**')), lambda names: list_unique(names) < len(names)
), true), false)
{%- endmacro %}

{# JSON text whose objects have their members in reverse order, so that the last one of a name is found first; NULL where it
   is not the object, or the list of objects, that `objects` says, or is an empty one. The texts are joined by
   list_aggregate: DuckDB's array_to_string is a macro that repeats its argument, so each level would double the statement. #}
{% macro last_key_wins(value, objects, depth=1) -%}
{%- set part = 'part_' ~ depth -%}
{%- if objects is mapping -%}
'{' || list_aggregate(list_reverse(list_transform(
    map_entries(TRY(from_json({{ value }}, '"MAP(VARCHAR, JSON)"'))),
    lambda {{ part }}: to_json({{ part }}.key) || ':' || coalesce(
        {%- for name, inner in objects.items() %}
        CASE WHEN {{ part }}.key = '{{ name }}' THEN {{ last_key_wins(part ~ '.value', inner, depth + 1) }} END,
        {%- endfor %}
        {{ part }}.value,
        'null'
    )
)), 'string_agg', ',') || '}'
{%- else -%}
'[' || list_aggregate(list_transform(
    {{ read_json_list(value, '["JSON"]') }},
    lambda {{ part }}: coalesce({{ last_key_wins(part, objects[0], depth + 1) }}, {{ part }}, 'null')
), 'string_agg', ',') || ']'
{%- endif -%}
{%- endmacro %}

{# A JSON text read as `shape` (DuckDB's JSON structure); NULL where it is no JSON. A wrong object reads as a struct of
   NULLs, a wrong list as NULL: `wrong_containers` finds them. A container that is kept as text has the type JSON, not
   VARCHAR: its first letter is then that of its type, whatever a text in its place looks like. #}
{% macro read_json(value, shape) -%}
TRY(from_json({{ value }}, '{{ shape }}'))
{%- endmacro %}

{# A leaf of the type JSON that should be a list: read if it is one, else NULL. #}
{% macro read_json_list(leaf, shape) -%}
CASE WHEN starts_with({{ leaf }}, '[') THEN TRY(from_json({{ leaf }}, '{{ shape }}')) END
{%- endmacro %}

{# A leaf of the type JSON that should be an object: read if it is one, else NULL. #}
{% macro read_json_object(leaf, shape) -%}
CASE WHEN starts_with({{ leaf }}, '{') THEN TRY(from_json({{ leaf }}, '{{ shape }}')) END
{%- endmacro %}

{# The values of a map that was read from an object, by name; of a repeated name the first, see `last_key_wins`. #}
{% macro values_by_name(read) -%}
list_transform({{ names_in_order(read) }}, lambda name: {{ read }}[name])
{%- endmacro %}
{% macro names_in_order(read) -%}
list_sort(list_distinct(map_keys({{ read }})))
{%- endmacro %}

{# Whether leaves of the type JSON that should be lists or objects are anything else; NULL and absent ones are not. #}
{% macro is_no_list(leaf) -%}
coalesce(NOT starts_with({{ leaf }}, '['), false)
{%- endmacro %}
{% macro is_no_object(leaf) -%}
coalesce(NOT starts_with({{ leaf }}, '{'), false)
{%- endmacro %}

{# The list at a path of a JSON text that the pipeline wrote, as exact numbers. #}
{% macro json_quantities_at(value, path) -%}
TRY(from_json({{ value }} -> '{{ path }}', '["DECIMAL(18,3)"]'))
{%- endmacro %}

{# The text at a path of a JSON text that the pipeline wrote. #}
{% macro json_text_at(value, path) -%}
TRY({{ value }} ->> '{{ path }}')
{%- endmacro %}

{# The keys of the objects at a path, as one list. #}
{% macro json_keys_at(value, path) -%}
TRY({{ 'flatten' if '*' in path }}(json_keys({{ without_nul(value) }}, '{{ path }}')))
{%- endmacro %}

{# What stands at a path, one row each where the path goes through lists; objects or anything else, NULL where nothing is. #}
{% macro json_values_at(value, path) -%}
{{ 'unnest' if '*' in path }}(TRY(json_extract({{ without_nul(value) }}, '{{ path }}')))
{%- endmacro %}

{# Of values that are objects: how many there are, and by key the type of what stands there, as one JSON object. #}
{% macro is_json_object(value) -%}
json_type({{ value }}) = 'OBJECT'
{%- endmacro %}
{% macro json_shape_of(objects) -%}
json_group_structure({{ objects }})
{%- endmacro %}

{# Whether a text is a whole JSON list or object: what a container looks like where a text was expected. #}
{% macro is_container(value) -%}
(left({{ value }}, 1) IN ('[', '{') AND json_valid({{ value }}))
{%- endmacro %}

{# Text of a JSON object or list as it is, any other text as a JSON string, NULL as null: to be put into a JSON text. #}
{% macro json_or_text(value) -%}
CASE
    WHEN {{ value }} IS NULL THEN 'null'
    WHEN {{ value }} IN ('{}', '[]') THEN {{ value }}
    WHEN {{ is_container(value) }} THEN {{ value }}
    ELSE CAST(to_json({{ value }}) AS VARCHAR)
END
{%- endmacro %}
