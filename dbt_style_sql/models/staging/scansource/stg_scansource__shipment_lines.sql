-- core.shipment_lines from ScanSource: joined to the order's line by OrderLineNumber as an integer, never by item, as one
-- item may sit on two lines (docs/apis/scansource.md section 10).
WITH items AS (
    SELECT * EXCLUDE (parcels, line_items, tracking_numbers), unnest(line_items) AS item
    FROM {{ ref('int_scansource__deliveries') }}
),

typed AS (
    SELECT
        *,
        {{ quantity('item.QuantityOrdered') }} AS quantity_ordered,
        {{ quantity('item.QuantityPicked') }} AS quantity_picked,
        {{ quantity('item.QuantityScanned') }} AS quantity_scanned,
        {{ quantity('item.QuantityShipped') }} AS quantity_shipped,
        {{ quantity('item.QuantityCanceled') }} AS quantity_cancelled
    FROM items
)

SELECT
    {{ provenance('scansource') }},
    CASE
        WHEN {{ is_no_list('item.LineItemDetails') }}
            THEN [{'rule': 'bad_json', 'field': 'LineItemDetails', 'value': CAST(item.LineItemDetails AS VARCHAR)}]
        ELSE {{ unreadable_ids({
            'shipment_line_key': 'item.DeliveryDocumentLineNumber', 'sku': 'item.ItemNumber'
        }) }}
    END AS faults,
    order_id || ':' || shipment_number AS shipment_id,
    {{ scansource_line_number('item.DeliveryDocumentLineNumber') }} AS shipment_line_key,
    order_id,
    order_id || ':' || {{ scansource_line_number('item.OrderLineNumber') }} AS line_id,
    {{ text('trim(item.ItemNumber)') }} AS sku,
    quantity_ordered,
    {{ text('item.QuantityOrdered') }} AS quantity_ordered_text,
    quantity_picked,
    {{ text('item.QuantityPicked') }} AS quantity_picked_text,
    quantity_scanned,
    {{ text('item.QuantityScanned') }} AS quantity_scanned_text,
    quantity_shipped,
    {{ text('item.QuantityShipped') }} AS quantity_shipped_text,
    quantity_cancelled,
    {{ text('item.QuantityCanceled') }} AS quantity_cancelled_text,
    {{ scansource_line_status('quantity_ordered', '0', 'quantity_shipped', 'quantity_cancelled') }} AS line_status
FROM typed
