{# Models go to the schema that dbt_project.yml names, without the target's schema in front. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
{{ custom_schema_name or target.schema }}
{%- endmacro %}
