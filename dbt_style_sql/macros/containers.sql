{# The rule bad_json as a struct (rule, field, value), or NULL where all is well. #}

{% macro fault_unless(condition, field, value) -%}
CASE WHEN NOT {{ condition }} THEN {'rule': 'bad_json', 'field': '{{ field }}', 'value': {{ value }}} END
{%- endmacro %}

{# `type` is json_type() of a container: absent, null and the wanted type are fine. #}
{% macro wrong_container(type, field, wanted) -%}
CASE
    WHEN {{ type }} NOT IN ('NULL', '{{ wanted }}')
        THEN {'rule': 'bad_json', 'field': '{{ field }}', 'value': {{ type }}}
END
{%- endmacro %}

{# The same for json_type() over every element of a list. #}
{% macro wrong_containers_within(types, field, wanted) -%}
CASE
    WHEN len(list_filter({{ types }}, lambda found: found NOT IN ('NULL', '{{ wanted }}'))) > 0
        THEN {
            'rule': 'bad_json',
            'field': '{{ field }}',
            'value': list_filter({{ types }}, lambda found: found NOT IN ('NULL', '{{ wanted }}'))[1]
        }
END
{%- endmacro %}
