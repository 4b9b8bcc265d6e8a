-- core.order_lines from Kibo: one row an orderItemID, out of the order's own items and those of its shipments.
-- The order's item decides the quantity; without one it is the sum over live shipments, or the largest of dead ones.
WITH items AS (
    SELECT
        *,
        line_status <> 'cancelled' AS is_live,
        coalesce(line_key, '#' || position) AS line_group
    FROM {{ ref('stg_kibo__priced_items') }}
),

lines AS (
    SELECT
        record_id,
        line_group,
        arg_min(
            position, position + CASE WHEN is_on_order THEN 0 WHEN is_live THEN 1 ELSE 2 END * 1000000000
        ) AS position,
        count(*) AS copies,
        count(DISTINCT shipment_number) + max(CAST(is_on_order AS INTEGER)) AS containers,
        bool_or(is_on_order) AS has_order_item,
        bool_or(is_live) AS has_live,
        max(quantity) AS largest_quantity,
        sum(quantity) FILTER (is_live) AS live_quantity,
        sum(line_amount) FILTER (is_live) AS live_amount,
        sum(tax_amount) FILTER (is_live) AS live_tax,
        sum(discount_amount) FILTER (is_live) AS live_discount,
        bool_and(line_amount IS NOT NULL) AS all_priced,
        max(quantity_text) FILTER (quantity IS NULL) AS unreadable_quantity,
        bool_and(is_cancelled) AS all_items_cancelled,
        bool_or(line_status = 'unknown') AS any_unknown,
        bool_and(line_status = 'cancelled') FILTER (NOT is_on_order) AS all_cancelled,
        bool_and(line_status IN ('cancelled', 'shipped')) FILTER (NOT is_on_order) AS all_settled,
        bool_or(line_status = 'shipped') AS any_shipped,
        bool_or(line_status = 'backordered') AS any_backordered
    FROM items
    GROUP BY record_id, line_group
),

chosen AS (
    SELECT
        items.*,
        lines.copies > lines.containers AS has_differing_copies,
        lines.unreadable_quantity,
        lines.copies = 1 OR lines.has_order_item OR NOT lines.has_live AS is_whole,
        lines.live_amount,
        lines.live_tax,
        lines.live_discount,
        lines.all_priced,
        CASE
            WHEN lines.unreadable_quantity IS NOT NULL THEN NULL
            WHEN lines.has_order_item THEN items.quantity
            WHEN lines.has_live THEN lines.live_quantity
            ELSE lines.largest_quantity
        END AS line_quantity,
        CASE
            WHEN lines.all_items_cancelled OR lines.all_cancelled THEN 'cancelled'
            WHEN lines.any_unknown THEN 'unknown'
            WHEN lines.all_settled THEN 'shipped'
            WHEN lines.any_shipped THEN 'partially_shipped'
            WHEN lines.any_backordered THEN 'backordered'
            ELSE 'open'
        END AS whole_status,
        lines.all_items_cancelled
    FROM items
    INNER JOIN lines USING (record_id, position)
)

SELECT
    'kibo' AS source,
    chosen.account,
    chosen.partition_day AS order_day,
    chosen.record_id AS raw_record_id,
    chosen.content_sha256 AS raw_sha256,
    chosen.fetched_at,
    CASE
        WHEN chosen.has_differing_copies
            THEN [{'rule': 'duplicate_key', 'field': 'line_key', 'value': chosen.line_key}]
    END AS faults,
    chosen.order_id || ':' || chosen.line_key AS line_id,
    chosen.order_id,
    chosen.line_key,
    chosen.sku,
    chosen.part_number AS manufacturer_part_number,
    {{ text(decode_entities('chosen.description', 'entity_names.names')) }} AS description,
    TRY_CAST(chosen.line_quantity AS DECIMAL(18, 3)) AS quantity_ordered,
    coalesce(chosen.unreadable_quantity, chosen.quantity_text) AS quantity_ordered_text,
    TRY_CAST(CASE WHEN chosen.all_items_cancelled THEN chosen.line_quantity ELSE 0 END AS DECIMAL(18, 3))
        AS quantity_cancelled,
    chosen.price_basis,
    chosen.unit_price,
    CASE WHEN chosen.actual_price IS NULL THEN chosen.actual_price_text END AS unit_price_text,
    chosen.list_price,
    chosen.list_price_text,
    TRY_CAST(
        CASE WHEN chosen.is_whole THEN chosen.line_amount WHEN chosen.all_priced THEN chosen.live_amount END
        AS DECIMAL(18, 4)
    ) AS line_amount,
    CASE WHEN chosen.subtotal IS NULL THEN chosen.subtotal_text END AS line_amount_text,
    TRY_CAST(CASE WHEN chosen.is_whole THEN chosen.discount_amount ELSE chosen.live_discount END AS DECIMAL(18, 4))
        AS discount_amount,
    chosen.discount_amount_text,
    TRY_CAST(CASE WHEN chosen.is_whole THEN chosen.tax_amount ELSE chosen.live_tax END AS DECIMAL(18, 4)) AS tax_amount,
    chosen.tax_amount_text,
    chosen.tax_rate,
    chosen.tax_rate_text,
    false AS price_includes_tax,
    chosen.currency,
    chosen.whole_status AS line_status,
    chosen.source_line_status,
    concat(
        '{"customData":', {{ json_or_text('chosen.custom_data') }},
        ',"discounts":', {{ json_or_text('chosen.discounts') }},
        ',"mfgOfferPrice":', {{ json_or_text('chosen.offer_price') }},
        ',"shipping":', {{ json_or_text('chosen.shipping') }},
        '}'
    ) AS extras
FROM chosen
CROSS JOIN {{ ref('stg_common__entity_names') }} AS entity_names
