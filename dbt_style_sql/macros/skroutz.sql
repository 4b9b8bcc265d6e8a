{# The shop's name as an SQL text: a Skroutz payload does not say whose it is. #}
{% macro skroutz_account() -%}
'{{ var('skroutz_account', 'shop') | replace("'", "''") }}'
{%- endmacro %}

{# A payload as models read it. #}
{% macro skroutz_payload(payload) -%}
{{ readable_payload(payload, {'order': {
    'customer': {'address': {}},
    'invoice_details': {'address': {}},
    'rejection_info': {},
    'fees': {},
    'pickup_window': {},
    'replacements': [{}],
    'returns': [{}],
    'line_items': [{'size': {}}]
}}) }}
{%- endmacro %}

{# Status of a line by its own reasons, then by its order's status (docs/apis/common_schema.md 12). #}
{% macro skroutz_line_status(order_status, rejection_reason) -%}
CASE
    WHEN {{ rejection_reason }} IS NOT NULL THEN 'rejected'
    WHEN {{ order_status }} IN ('rejected', 'cancelled', 'returned', 'unknown') THEN {{ order_status }}
    WHEN {{ order_status }} = 'expired' THEN 'cancelled'
    WHEN {{ order_status }} IN ('open', 'accepted') THEN 'open'
    ELSE 'shipped'
END
{%- endmacro %}
