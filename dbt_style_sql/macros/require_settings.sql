{# Real dbt builds only with what the settings decide: whose orders are picked, which locations are ours. #}
{% macro require_settings() -%}
{% if execute and not var('from_settings', false) -%}
{{ exceptions.raise_compiler_error('Say what the settings decide: dbt build --vars "$(order-pipeline dbt-vars)"') }}
{%- endif %}
{%- endmacro %}
