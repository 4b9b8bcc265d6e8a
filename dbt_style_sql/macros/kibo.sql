{# Status of one item by its own state, then by its shipment's (docs/apis/common_schema.md 12). #}
{% macro kibo_line_status() -%}
CASE
    WHEN is_cancelled THEN 'cancelled'
    WHEN upper(trim(source_line_status)) <> 'NORMAL' OR source_line_status IS NULL THEN 'unknown'
    WHEN shipment_status IN ('cancelled', 'backordered', 'shipped') THEN shipment_status
    ELSE 'open'
END
{%- endmacro %}
