-- core.serial_numbers from ScanSource: the union of what the order's lines, its deliveries and the serials operation show,
-- with where each was seen (docs/apis/scansource.md section 10).
WITH on_lines AS (
    SELECT record_id, line_key, unnest({{ scansource_texts('SerialNumbers') }}) AS serial_number
    FROM {{ ref('int_scansource__lines') }}
),

delivery_items AS (
    SELECT record_id, order_id || ':' || shipment_number AS shipment_id, unnest(line_items) AS item
    FROM {{ ref('int_scansource__deliveries') }}
),

in_deliveries AS (
    SELECT
        record_id,
        shipment_id,
        {{ scansource_line_number('item.OrderLineNumber') }} AS line_key,
        unnest({{ read_json_list('item.LineItemDetails', '[{
            "CartonNumber": "VARCHAR", "SerialNumber": "VARCHAR", "MACAddress": "VARCHAR",
            "MACAddressUnformatted": "VARCHAR"
        }]') }}) AS unit
    FROM delivery_items
),

serial_answers AS (
    SELECT
        record_id,
        unnest({{ read_json('payload', '[{
            "OrderLineNumber": "VARCHAR", "SerialNumber": "VARCHAR", "InvoiceNumber": "VARCHAR",
            "BillingDate": "VARCHAR"
        }]') }}) AS billed
    FROM {{ ref('base_scansource__order_serials') }}
),

sightings AS (
    SELECT record_id, line_key, serial_number, 'order_line' AS seen_in
    FROM on_lines
    UNION ALL BY NAME
    SELECT
        record_id,
        line_key,
        {{ text('trim(unit.SerialNumber)') }} AS serial_number,
        shipment_id,
        {{ text('trim(unit.CartonNumber)') }} AS carton_number,
        {{ text("coalesce(nullif(unit.MACAddressUnformatted, ''), unit.MACAddress)") }} AS mac_address,
        'delivery' AS seen_in
    FROM in_deliveries
    UNION ALL BY NAME
    SELECT
        record_id,
        {{ scansource_line_number('billed.OrderLineNumber') }} AS line_key,
        {{ text('trim(billed.SerialNumber)') }} AS serial_number,
        {{ text('trim(billed.InvoiceNumber)') }} AS invoice_number,
        {{ text('billed.BillingDate') }} AS billed_on_raw,
        'serials' AS seen_in
    FROM serial_answers
),

serials AS (
    SELECT
        record_id,
        coalesce(line_key, '-') AS line_key,
        serial_number,
        min(shipment_id) AS shipment_id,
        min(carton_number) AS carton_number,
        min(mac_address) AS mac_address,
        min(invoice_number) AS invoice_number,
        min(billed_on_raw) AS billed_on_raw,
        list_sort(list_distinct(list(seen_in))) AS seen_in
    FROM sightings
    WHERE serial_number IS NOT NULL
    GROUP BY record_id, coalesce(line_key, '-'), serial_number
)

SELECT
    {{ provenance('scansource', 'parsed') }},
    parsed.order_id,
    serials.line_key,
    serials.serial_number,
    serials.shipment_id,
    serials.carton_number,
    serials.mac_address,
    serials.invoice_number,
    {{ scansource_day('serials.billed_on_raw') }} AS billed_on,
    serials.billed_on_raw,
    serials.seen_in
FROM serials
INNER JOIN {{ ref('stg_scansource__parsed') }} AS parsed USING (record_id)
