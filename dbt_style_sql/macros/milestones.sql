{# What says that an order, or a line on the floor, has come so far. #}

{# Everything of the order has left: also what arrived or came back since. #}
{% macro has_shipped(order_status) -%}
{{ order_status }} IN ('shipped', 'partially_delivered', 'delivered', 'return_pending', 'partially_returned', 'returned')
{%- endmacro %}

{# A row of core.pick_status: the goods left upstream, `Picked` was pushed, or ScanOrders showed a status code that the
   variable picked_status_codes names (the vendor publishes none). #}
{% macro is_picked() -%}
(
    coalesce(upstream_status IN ('shipped', 'partially_shipped', 'delivered', 'partially_delivered'), false)
    OR coalesce(pushed_status = 'Picked', false)
    OR coalesce(list_contains({{ var('picked_status_codes', []) }}::VARCHAR[], scanorders_status_code), false)
)
{%- endmacro %}
