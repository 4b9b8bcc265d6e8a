{# What ScanSource's texts mean (apis/scansource.md sections 8, 10, 12). #}

{# The configured zone of dates that carry no offset. #}
{% macro scansource_zone() -%}
'{{ var("scansource_timezone", "America/New_York") }}'
{%- endmacro %}

{# Mixed date forms as a moment, month first; NULL for no date and for a form that is not accepted, never a guess.
   The same rules stand in order_pipeline/channels/scansource/dates.py, which finds the partition day. #}
{% macro scansource_moment(value) -%}
CASE
    WHEN {{ value }} IS NULL OR regexp_full_match(trim({{ value }}), '|0001-01-01.*|0{8}|0000-00-00.*') THEN NULL
    WHEN regexp_full_match(
        trim({{ value }}), '\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:?\d{2})'
    ) THEN TRY_CAST(regexp_replace(trim({{ value }}), '(\.\d{6})\d+', '\1') AS TIMESTAMPTZ)
    WHEN regexp_full_match(trim({{ value }}), '\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?')
        THEN TRY_CAST(regexp_replace(trim({{ value }}), '(\.\d{6})\d+', '\1') AS TIMESTAMP)
            AT TIME ZONE {{ scansource_zone() }}
    ELSE TRY_STRPTIME(
        regexp_replace(trim({{ value }}), '\s+', ' ', 'g'),
        ['%m/%d/%Y %I:%M %p', '%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y']
    ) AT TIME ZONE {{ scansource_zone() }}
END
{%- endmacro %}

{# The day of such a text on the office's clock. #}
{% macro scansource_day(value) -%}
CAST(({{ scansource_moment(value) }}) AT TIME ZONE {{ scansource_zone() }} AS DATE)
{%- endmacro %}

{# A line number as plain integer text: 10, 10.0 and "000010" are one number. Another text stays as it is. #}
{% macro scansource_line_number(value) -%}
CASE
    WHEN TRY_CAST({{ value }} AS DECIMAL(18, 3)) = TRY_CAST({{ value }} AS BIGINT)
        THEN CAST(TRY_CAST({{ value }} AS BIGINT) AS VARCHAR)
    ELSE nullif(trim({{ value }}), '')
END
{%- endmacro %}

{# JSON text that should be a list of texts: sorted, distinct, without empty ones; a plain text is a list of one. #}
{% macro scansource_texts(value) -%}
list_sort(list_distinct(list_filter(list_transform(
    CASE
        WHEN {{ value }} LIKE '[%' THEN from_json({{ value }}, '["VARCHAR"]')
        WHEN {{ value }} LIKE '"%' THEN from_json('[' || {{ value }} || ']', '["VARCHAR"]')
    END,
    lambda element: trim(element)
), lambda element: element <> '')))
{%- endmacro %}

{# Status of a line from its quantities, first match (common_schema.md section 12). #}
{% macro scansource_line_status(ordered, backordered, shipped, cancelled) -%}
CASE
    WHEN {{ ordered }} > 0 AND {{ cancelled }} >= {{ ordered }} THEN 'cancelled'
    WHEN {{ ordered }} > 0 AND coalesce({{ shipped }}, 0) + coalesce({{ cancelled }}, 0) >= {{ ordered }} THEN 'shipped'
    WHEN {{ shipped }} > 0 THEN 'partially_shipped'
    WHEN {{ backordered }} > 0 THEN 'backordered'
    ELSE 'open'
END
{%- endmacro %}

{# A quantity as short text: 3.000 is 3, 3.500 is 3.5. #}
{% macro plain_number(value) -%}
regexp_replace(CAST({{ value }} AS VARCHAR), '\.?0+$', '')
{%- endmacro %}
