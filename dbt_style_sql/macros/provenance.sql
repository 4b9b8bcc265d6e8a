{# Where a staged row came from: the six columns that every core table begins with. `source_name` is the channel, `rows` the
   relation that holds the raw columns, if the SELECT reads more than one. #}
{% macro provenance(source_name, rows='') -%}
{%- set prefix = rows ~ '.' if rows else '' -%}
'{{ source_name }}' AS source,
    {{ prefix }}account,
    {{ prefix }}partition_day AS order_day,
    {{ prefix }}record_id AS raw_record_id,
    {{ prefix }}content_sha256 AS raw_sha256,
    {{ prefix }}fetched_at
{%- endmacro %}
