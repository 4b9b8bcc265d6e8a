{# Where a shipment leaves from, as settings name it: the code that the channel gives, else the name. `shipments` is the relation. #}
{% macro shipping_location(shipments) -%}
coalesce({{ shipments }}.ship_from_code, {{ shipments }}.ship_from_name)
{%- endmacro %}

{# An SQL text. #}
{% macro literal(text) -%}
'{{ text | replace("'", "''") }}'
{%- endmacro %}

{# The floor of a channel's picks whose location has none of its own. #}
{% macro floor_of_channel(source) -%}
{% if var('channel_floors', {}) -%}
CASE {{ source }}{% for channel, floor in var('channel_floors').items() %} WHEN {{ literal(channel) }} THEN {{ literal(floor) }}{% endfor %} ELSE 'main' END
{%- else -%}
'main'
{%- endif %}
{%- endmacro %}
