{# Where a shipment leaves from, as settings name it: the code that the channel gives, else the name. `shipments` is the relation. #}
{% macro shipping_location(shipments) -%}
coalesce({{ shipments }}.ship_from_code, {{ shipments }}.ship_from_name)
{%- endmacro %}

{# An SQL text. #}
{% macro literal(text) -%}
'{{ text | replace("'", "''") }}'
{%- endmacro %}
