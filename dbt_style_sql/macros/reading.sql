{# How marts read the lake. DuckLake looks up the statistics of every file for each column that a condition is on
   (docs/decisions/0051), so one condition chooses the files, and OFFSET 0 keeps the others outside. #}

{# All rows of a small table. #}
{% macro all_rows(relation) -%}
(SELECT * FROM {{ relation }} OFFSET 0)
{%- endmacro %}

{# The open days of a channel, or of all channels, for a CTE `open_days`. #}
{% macro open_days_of(channel=none) -%}
SELECT DISTINCT order_day
    FROM {{ ref('open_days') }}{% if channel %}
    WHERE source = '{{ channel }}'{% endif %}
{%- endmacro %}

{# The rows of a core table that are of the days of the CTE `open_days`, of any channel. #}
{% macro of_open_days(table, columns) -%}
(
        SELECT {{ columns | join(', ') }}
        FROM {{ source('core', table) }}
        WHERE order_day IN (SELECT order_day FROM open_days)
        OFFSET 0
    )
{%- endmacro %}
