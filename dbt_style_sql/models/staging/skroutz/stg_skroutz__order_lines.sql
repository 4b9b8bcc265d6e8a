-- core.order_lines from Skroutz. A sized line's item is the shop's variation, its barcode that of the size.
WITH items AS (
    SELECT
        account,
        partition_day,
        record_id,
        content_sha256,
        fetched_at,
        order_id,
        order_status,
        unnest(document.line_items) AS line
    FROM {{ ref('stg_skroutz__parsed') }}
),

lines AS (
    SELECT
        *,
        {{ read_json_object('line.size', '{
            "label": "VARCHAR", "value": "VARCHAR", "shop_value": "VARCHAR", "shop_variation_uid": "VARCHAR",
            "ean": "VARCHAR", "mpn": "VARCHAR"
        }') }} AS size
    FROM items
)

SELECT
    {{ provenance('skroutz') }},
    CASE
        WHEN {{ is_no_object('line.size') }}
            THEN [{'rule': 'bad_json', 'field': 'size', 'value': CAST(line.size AS VARCHAR)}]
        ELSE {{ unreadable_ids({
            'line_key': 'line.id',
            'shop_uid': 'line.shop_uid',
            'shop_variation_uid': 'coalesce(' ~ text('line.shop_variation_uid') ~ ', size.shop_variation_uid)'
        }) }}
    END AS faults,
    order_id || ':' || {{ text('line.id') }} AS line_id,
    order_id,
    {{ text('line.id') }} AS line_key,
    coalesce(
        {{ text('line.shop_variation_uid') }}, {{ text('size.shop_variation_uid') }}, {{ text('line.shop_uid') }}
    ) AS sku,
    CASE
        WHEN coalesce({{ text('line.shop_variation_uid') }}, {{ text('size.shop_variation_uid') }}) IS NOT NULL
            THEN {{ text('line.shop_uid') }}
    END AS parent_sku,
    coalesce({{ text('size.ean') }}, {{ text('line.ean') }}) AS ean,
    {{ text('line.ean') }} AS item_ean,
    coalesce({{ text('size.mpn') }}, {{ text('line.mpn') }}) AS manufacturer_part_number,
    {{ text('line.product_name') }} AS description,
    {{ quantity('line.quantity') }} AS quantity_ordered,
    {{ text('line.quantity') }} AS quantity_ordered_text,
    'unit' AS price_basis,
    {{ decimal('line.unit_price') }} AS unit_price,
    {{ text('line.unit_price') }} AS unit_price_text,
    {{ decimal('line.total_price') }} AS line_amount,
    {{ text('line.total_price') }} AS line_amount_text,
    -- The unit of vat_ratio is not documented: above 1 it can only be percent.
    CASE
        WHEN {{ decimal('line.vat_ratio', 9, 6) }} > 1
            THEN TRY_CAST({{ decimal('line.vat_ratio', 9, 6) }} / 100 AS DECIMAL(9, 6))
        ELSE {{ decimal('line.vat_ratio', 9, 6) }}
    END AS tax_rate,
    {{ text('line.vat_ratio') }} AS tax_rate_text,
    {{ flag('line.price_includes_vat') }} AS price_includes_tax,
    {{ text('line.price_includes_vat') }} AS price_includes_tax_text,
    {{ decimal('line.commission') }} AS commission_amount,
    {{ text('line.commission') }} AS commission_amount_text,
    TRY_CAST({{ decimal('line.commission_rate', 9, 4) }} / 100 AS DECIMAL(9, 6)) AS commission_rate,
    {{ text('line.commission_rate') }} AS commission_rate_text,
    'EUR' AS currency,
    {{ skroutz_line_status('order_status', text('line.rejection_reason')) }} AS line_status,
    coalesce({{ text('line.rejection_reason') }}, {{ text('line.return_reason') }}) AS source_line_status,
    {{ text('line.rejection_reason') }} AS reject_reason,
    {{ text('line.return_reason') }} AS return_reason,
    json_object(
        'size', size,
        'tags', line.tags,
        -- Its lines are broken by a line break or by a backslash and an n (docs/apis/skroutz.md 5.5).
        'extra_info', replace({{ text('line.extra_info') }}, '\n', chr(10)),
        'island_vat_discount_applied', {{ flag('line.island_vat_discount_applied') }}
    ) AS extras
FROM lines
