-- Every item object of an order, as it stands: those inside shipments and those on the order itself
-- (shipment_number NULL). Identical copies within one container are one; `position` names the row.
WITH shipments AS (
    SELECT
        account,
        partition_day,
        record_id,
        content_sha256,
        fetched_at,
        order_id,
        has_split_lines,
        document.orderCurrency AS currency,
        unnest(
            CASE WHEN has_split_lines THEN list_distinct(document.shipments) ELSE document.shipments END
        ) AS shipment
    FROM {{ ref('stg_kibo__parsed') }}
),

in_shipments AS (
    SELECT
        * EXCLUDE (shipment),
        false AS is_on_order,
        shipment.shipmentID AS shipment_number,
        shipment.shipmentStatus AS source_shipment_status,
        shipment.subtotal AS container_subtotal,
        unnest(CASE WHEN has_split_lines THEN list_distinct(shipment.items) ELSE shipment.items END) AS item
    FROM shipments
),

on_orders AS (
    SELECT
        account,
        partition_day,
        record_id,
        content_sha256,
        fetched_at,
        order_id,
        has_split_lines,
        document.orderCurrency AS currency,
        true AS is_on_order,
        NULL AS shipment_number,
        NULL AS source_shipment_status,
        document.subtotal AS container_subtotal,
        unnest(list_distinct({{ read_json_list('document.orderItems', '[{
            "orderItemID": "VARCHAR", "itemState": "VARCHAR", "partNumber": "VARCHAR", "sku": "VARCHAR",
            "description": "VARCHAR", "quantity": "VARCHAR", "subtotal": "VARCHAR",
            "subtotalTaxAmount": "VARCHAR", "retailPrice": "VARCHAR", "mfgOfferPrice": "VARCHAR",
            "lineDiscount": "VARCHAR", "shipping": "VARCHAR", "actualPrice": "VARCHAR",
            "taxRate": "VARCHAR", "customData": "VARCHAR", "discounts": "VARCHAR"
        }]') }})) AS item
    FROM {{ ref('stg_kibo__parsed') }}
    WHERE document.orderItems IS NOT NULL
),

items AS (
    SELECT * FROM in_shipments
    UNION ALL BY NAME
    SELECT * FROM on_orders
)

SELECT
    row_number() OVER () AS position,
    items.account,
    items.partition_day,
    items.record_id,
    items.content_sha256,
    items.fetched_at,
    items.order_id,
    items.has_split_lines,
    {{ text('items.currency') }} AS currency,
    items.shipment_number,
    items.is_on_order,
    coalesce(mapping.status, CASE WHEN NOT items.is_on_order THEN 'unknown' END) AS shipment_status,
    {{ decimal('items.container_subtotal') }} AS container_subtotal,
    {{ text('item.orderItemID') }} AS line_key,
    {{ text('item.itemState') }} AS source_line_status,
    upper(trim(item.itemState)) IN ('CANCELED', 'CANCELLED') AS is_cancelled,
    {{ text("coalesce(nullif(item.sku, ''), item.partNumber)") }} AS sku,
    {{ text('item.partNumber') }} AS part_number,
    item.description,
    {{ quantity('item.quantity') }} AS quantity,
    {{ text('item.quantity') }} AS quantity_text,
    {{ decimal('item.actualPrice') }} AS actual_price,
    {{ text('item.actualPrice') }} AS actual_price_text,
    {{ decimal('item.subtotal') }} AS subtotal,
    {{ text('item.subtotal') }} AS subtotal_text,
    {{ decimal('item.retailPrice') }} AS list_price,
    {{ text('item.retailPrice') }} AS list_price_text,
    {{ decimal('item.lineDiscount') }} AS discount_amount,
    {{ text('item.lineDiscount') }} AS discount_amount_text,
    {{ decimal('item.subtotalTaxAmount') }} AS tax_amount,
    {{ text('item.subtotalTaxAmount') }} AS tax_amount_text,
    {{ decimal('item.taxRate', 9, 6) }} AS tax_rate,
    {{ text('item.taxRate') }} AS tax_rate_text,
    item.customData AS custom_data,
    item.discounts,
    item.mfgOfferPrice AS offer_price,
    item.shipping
FROM items
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'kibo'
    AND mapping.entity = 'shipment'
    AND lower(mapping.source_value) = lower(trim(items.source_shipment_status))
