{# What ScanSource's texts mean (docs/apis/scansource.md sections 8, 10, 12). #}

{# The configured zone of dates that carry no offset. #}
{% macro scansource_zone() -%}
'{{ var("scansource_timezone", "America/New_York") }}'
{%- endmacro %}

{# A time without an offset on the office's clock. Of an hour that the clock shows twice in autumn the first is meant, as
   Python's `fold` has it; DuckDB means the second. #}
{% macro scansource_local_time(stated) -%}
list_transform([{{ stated }}], lambda local_time: list_filter(
    [(local_time AT TIME ZONE {{ scansource_zone() }}) - INTERVAL 1 HOUR, local_time AT TIME ZONE {{ scansource_zone() }}],
    lambda moment: moment AT TIME ZONE {{ scansource_zone() }} = local_time
)[1])[1]
{%- endmacro %}

{# Mixed date forms as a moment, month first; NULL for no date, for a form that is not accepted and for a year that cannot
   be meant, never a guess. The same forms stand in order_pipeline/channels/scansource/dates.py, which finds the partition
   day. #}
{% macro scansource_moment(value, seen_at='fetched_at') -%}
list_filter(list_transform(
    [regexp_replace(upper(trim(regexp_replace({{ value }}, '\s+', ' ', 'g'))), '(\.\d{6})\d+', '\1')],
    lambda stated: CASE
        WHEN stated IS NULL OR {{ no_date('stated') }} THEN NULL
        WHEN regexp_full_match(stated, '\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})')
            THEN TRY_CAST(stated AS TIMESTAMPTZ)
        WHEN regexp_full_match(stated, '\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?')
            THEN {{ scansource_local_time('TRY_CAST(stated AS TIMESTAMP)') }}
        WHEN regexp_full_match(stated, '\d{1,2}/\d{1,2}/\d{4}( .*)?') THEN {{ scansource_local_time(
            "TRY_STRPTIME(stated, ['%m/%d/%Y %I:%M %p', '%m/%d/%Y %I:%M:%S %p', '%m/%d/%Y'])"
        ) }}
    END
), lambda moment: {{ plausible('moment', seen_at) }} IS NOT NULL)[1]
{%- endmacro %}

{# The day of such a text on the office's clock. #}
{% macro scansource_day(value, seen_at='fetched_at') -%}
CAST(({{ scansource_moment(value, seen_at) }}) AT TIME ZONE {{ scansource_zone() }} AS DATE)
{%- endmacro %}

{# A line number as plain integer text: 10, 10.0 and "000010" are one number. Another text stays as it is. #}
{% macro scansource_line_number(value) -%}
CASE
    WHEN TRY_CAST({{ value }} AS DECIMAL(18, 3)) = TRY_CAST({{ value }} AS BIGINT)
        THEN CAST(TRY_CAST({{ value }} AS BIGINT) AS VARCHAR)
    ELSE nullif(trim({{ value }}), '')
END
{%- endmacro %}

{# A leaf of the type JSON that should be a list of texts: sorted, distinct, without empty ones; one that is no list is a
   list of itself. #}
{% macro scansource_texts(value) -%}
list_sort(list_distinct(list_filter(list_transform(
    CASE
        WHEN starts_with({{ value }}, '[') THEN {{ read_json(value, '["VARCHAR"]') }}
        WHEN NOT starts_with({{ value }}, '{') THEN {{ read_json("('[' || " ~ value ~ " || ']')", '["VARCHAR"]') }}
    END,
    lambda element: trim(element)
), lambda element: element <> '')))
{%- endmacro %}

{# Status of a line from its quantities, first match (docs/apis/common_schema.md section 12). #}
{% macro scansource_line_status(ordered, backordered, shipped, cancelled) -%}
CASE
    WHEN {{ ordered }} > 0 AND {{ cancelled }} >= {{ ordered }} THEN 'cancelled'
    WHEN {{ ordered }} > 0 AND {{ wide('coalesce(' ~ shipped ~ ', 0)') }} + coalesce({{ cancelled }}, 0) >= {{ ordered }} THEN 'shipped'
    WHEN {{ shipped }} > 0 THEN 'partially_shipped'
    WHEN {{ backordered }} > 0 THEN 'backordered'
    ELSE 'open'
END
{%- endmacro %}

{# A quantity as short text: 3.000 is 3, 3.500 is 3.5. #}
{% macro plain_number(value) -%}
regexp_replace(CAST({{ value }} AS VARCHAR), '\.?0+$', '')
{%- endmacro %}
