-- core.order_lines from Kibo: one row an orderItemID. Most orders have each item in one shipment only; the others' lines
-- are put together in int_kibo__split_lines.
WITH lines AS (
    SELECT
        *,
        false AS has_differing_copies,
        CAST(NULL AS BIGINT) AS in_shipments
    FROM {{ ref('int_kibo__priced_items') }}
    WHERE NOT has_split_lines
    UNION ALL BY NAME
    SELECT * EXCLUDE (
        is_live, line_group, is_whole, has_order_item, has_live, largest_quantity, live_quantity, live_amount,
        live_tax, live_discount, all_priced, unreadable_quantity, all_items_cancelled, any_unknown, all_cancelled,
        all_settled, any_shipped, any_backordered
    )
    FROM {{ ref('int_kibo__split_lines') }}
),

-- A step of its own: nullif() would have what it is given decoded twice.
decoded AS (
    SELECT lines.* REPLACE ({{ decode_entities('lines.description', 'entity_names.names') }} AS description)
    FROM lines
    CROSS JOIN {{ ref('stg_common__entity_names') }} AS entity_names
)

SELECT
    {{ provenance('kibo', 'lines') }},
    CASE
        WHEN lines.has_differing_copies
            THEN [{'rule': 'duplicate_key', 'field': 'line_key', 'value': lines.line_key}]
        ELSE {{ unreadable_ids({'line_key': 'lines.line_key', 'sku': 'lines.sku'}) }}
    END AS faults,
    lines.order_id || ':' || lines.line_key AS line_id,
    lines.order_id,
    lines.line_key,
    lines.sku,
    lines.part_number AS manufacturer_part_number,
    {{ text('lines.description') }} AS description,
    lines.quantity AS quantity_ordered,
    lines.quantity_text AS quantity_ordered_text,
    CASE WHEN lines.is_cancelled THEN lines.quantity ELSE CAST(0 AS DECIMAL(18, 3)) END AS quantity_cancelled,
    lines.price_basis,
    lines.unit_price,
    CASE WHEN lines.actual_price IS NULL THEN lines.actual_price_text END AS unit_price_text,
    lines.list_price,
    lines.list_price_text,
    lines.line_amount,
    CASE WHEN lines.subtotal IS NULL THEN lines.subtotal_text END AS line_amount_text,
    lines.discount_amount,
    lines.discount_amount_text,
    lines.tax_amount,
    lines.tax_amount_text,
    lines.tax_rate,
    lines.tax_rate_text,
    false AS price_includes_tax,
    lines.currency,
    lines.line_status,
    lines.source_line_status,
    concat(
        '{"customData":', {{ json_or_text('lines.custom_data') }},
        ',"discounts":', {{ json_or_text('lines.discounts') }},
        ',"mfgOfferPrice":', coalesce(CAST(TRY_CAST(lines.offer_price AS DECIMAL(18, 4)) AS VARCHAR), 'null'),
        ',"shipping":', coalesce(CAST(TRY_CAST(lines.shipping AS DECIMAL(18, 4)) AS VARCHAR), 'null'),
        ',"inShipments":' || lines.in_shipments,
        '}'
    ) AS extras
FROM decoded AS lines
