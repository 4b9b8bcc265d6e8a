-- core.invoice_lines from ScanSource. The order's line is matched by LineNumber; which of the two line numbers names it is
-- not documented (docs/apis/scansource.md section 4).
WITH lines AS (
    SELECT * EXCLUDE (summary, detail), detail.Currency AS invoice_currency, unnest(detail.InvoiceLines) AS line
    FROM {{ ref('stg_scansource__parsed_invoices') }}
),

typed AS (
    SELECT
        *,
        {{ scansource_line_number('line.LineNumber') }} AS line_number,
        {{ quantity('line.Shipped') }} AS quantity_shipped,
        {{ decimal('line.Price') }} AS unit_price
    FROM lines
)

SELECT
    {{ provenance('scansource') }},
    CASE
        WHEN {{ is_no_list('line.Shipments') }}
            THEN [{'rule': 'bad_json', 'field': 'Shipments', 'value': CAST(line.Shipments AS VARCHAR)}]
        ELSE {{ unreadable_ids({'line_number': 'line_number', 'sku': 'line.ItemNumber'}) }}
    END AS faults,
    invoice_id,
    line_number,
    'scansource:' || account || ':' || order_number || ':' || line_number AS line_id,
    {{ scansource_line_number('line.POLineNumber') }} AS customer_line_number,
    {{ text('line.ReferenceLineNumber') }} AS reference_line_number,
    {{ text('trim(line.ItemNumber)') }} AS sku,
    {{ text('line.ProductMfrPart') }} AS manufacturer_part_number,
    {{ text('line.ItemDescription') }} AS description,
    {{ quantity('line.Ordered') }} AS quantity_ordered,
    {{ text('line.Ordered') }} AS quantity_ordered_text,
    {{ quantity('line.Committed') }} AS quantity_committed,
    {{ text('line.Committed') }} AS quantity_committed_text,
    {{ quantity('line.BackOrdered') }} AS quantity_backordered,
    {{ text('line.BackOrdered') }} AS quantity_backordered_text,
    quantity_shipped,
    {{ text('line.Shipped') }} AS quantity_shipped_text,
    unit_price,
    {{ text('line.Price') }} AS unit_price_text,
    TRY_CAST({{ wide('unit_price') }} * quantity_shipped AS DECIMAL(18, 4)) AS line_amount,
    {{ text("coalesce(nullif(line.Currency, ''), invoice_currency)") }} AS currency,
    list_sort(list_distinct(list_filter(
        list_transform(
            {{ read_json_list('line.Shipments', '[{"TrackingNumber": "VARCHAR"}]') }},
            lambda shipment: trim(shipment.TrackingNumber)
        ), lambda number: number <> ''
    ))) AS tracking_numbers
FROM typed
