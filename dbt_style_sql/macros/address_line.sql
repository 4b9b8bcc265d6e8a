{# The recipient's address on one line; parts that are missing leave no gap. Personal data. #}
{% macro address_line(orders) -%}
nullif(concat_ws(
    ', ',
    {{ orders }}.ship_to_line1,
    {{ orders }}.ship_to_line2,
    nullif(concat_ws(' ', {{ orders }}.ship_to_postal_code, {{ orders }}.ship_to_city), ''),
    {{ orders }}.ship_to_region,
    {{ orders }}.ship_to_country
), '')
{%- endmacro %}
