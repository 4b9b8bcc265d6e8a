-- core.shipment_lines from Kibo: one row an item of a shipment.
SELECT
    {{ provenance('kibo') }},
    {{ unreadable_ids({'shipment_line_key': 'line_key', 'sku': 'sku'}) }} AS faults,
    order_id || ':' || nullif(shipment_number, '') AS shipment_id,
    line_key AS shipment_line_key,
    order_id,
    order_id || ':' || line_key AS line_id,
    sku,
    quantity AS quantity_ordered,
    quantity_text AS quantity_ordered_text,
    {{ kibo_line_status() }} AS line_status,
    source_line_status
FROM {{ ref('int_kibo__items') }}
WHERE NOT is_on_order
