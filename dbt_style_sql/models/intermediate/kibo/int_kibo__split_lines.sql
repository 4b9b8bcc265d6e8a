-- Lines of the orders in which an item stands in several places: on the order and in shipments, or in several shipments.
-- The order's item decides the quantity; without one it is the sum over live shipments, or the largest of dead ones.
WITH items AS (
    SELECT
        *,
        line_status <> 'cancelled' AS is_live,
        coalesce(line_key, '#' || position) AS line_group
    FROM {{ ref('int_kibo__priced_items') }}
    WHERE has_split_lines
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
        lines.copies = 1 OR lines.has_order_item OR NOT lines.has_live AS is_whole,
        CASE WHEN NOT lines.has_order_item AND lines.containers > 1 THEN lines.containers END AS in_shipments,
        lines.* EXCLUDE (record_id, line_group, position, copies, containers)
    FROM items
    INNER JOIN lines USING (record_id, position)
)

SELECT
    * REPLACE (
        CASE
            WHEN unreadable_quantity IS NOT NULL THEN NULL
            WHEN has_order_item THEN quantity
            WHEN has_live THEN TRY_CAST(live_quantity AS DECIMAL(18, 3))
            ELSE largest_quantity
        END AS quantity,
        coalesce(unreadable_quantity, quantity_text) AS quantity_text,
        CASE
            WHEN is_whole THEN line_amount
            WHEN all_priced THEN TRY_CAST(live_amount AS DECIMAL(18, 4))
        END AS line_amount,
        CASE WHEN is_whole THEN discount_amount ELSE TRY_CAST(live_discount AS DECIMAL(18, 4)) END AS discount_amount,
        CASE WHEN is_whole THEN tax_amount ELSE TRY_CAST(live_tax AS DECIMAL(18, 4)) END AS tax_amount,
        all_items_cancelled AS is_cancelled,
        CASE
            WHEN all_items_cancelled OR all_cancelled THEN 'cancelled'
            WHEN any_unknown THEN 'unknown'
            WHEN all_settled THEN 'shipped'
            WHEN any_shipped THEN 'partially_shipped'
            WHEN any_backordered THEN 'backordered'
            ELSE 'open'
        END AS line_status
    )
FROM chosen
