-- What becomes of the pick candidates, judged once for all marts that ask: a line that our floor may have to pick (`to pick`,
-- marts.pick_lines), a line that somebody else picks (`elsewhere`, marts.picks_elsewhere), an order that has nothing to pick
-- (`nothing to pick`, marts.orders_without_picks). A mart that needs several of them reads this view once, and so all files once.
-- An answer about a known order that could not be had or read names no order of core, only the record: what is known of the
-- order is older than that.
WITH open_days AS MATERIALIZED (
    {{ open_days_of() }}
),

candidates AS MATERIALIZED (
    SELECT * FROM {{ ref('pick_candidates') }}
),

open_rejects AS MATERIALIZED (
    SELECT
        source,
        order_id,
        raw_record_id,
        table_name,
        key,
        rule,
        field
    FROM {{ all_rows(source('quarantine', 'rejects')) }}
    WHERE resolved_at IS NULL
),

item_locations AS MATERIALIZED (
    SELECT
        source,
        sku,
        floor,
        bin_location,
        warehouse,
        barcode,
        product_name,
        TRY_CAST(priority AS INTEGER) AS priority
    FROM {{ source('reference', 'item_locations') }}
),

quarantined AS (
    SELECT
        order_id,
        min(detail) AS detail
    FROM (
        SELECT
            order_id,
            table_name || ' ' || key || ': ' || rule || ' on ' || field AS detail
        FROM open_rejects
        WHERE order_id IS NOT NULL
        UNION ALL
        SELECT
            orders.order_id,
            concat('the last answer about it (', left(rejects.key, 8), ' in the quarantine): ', rejects.rule, ' on ', rejects.field)
        FROM open_rejects AS rejects
        INNER JOIN {{ of_open_days('orders', ['source', 'order_id', 'raw_record_id', 'awaits_read']) }} AS orders
            ON orders.source = rejects.source
            AND orders.raw_record_id = rejects.raw_record_id
        -- An order that awaits its read is held for that, with what the channel answered.
        WHERE rejects.order_id IS NULL
            AND orders.awaits_read IS DISTINCT FROM true
            AND rejects.table_name IN (
                concat('raw.', rejects.source, '_orders'), concat('raw.', rejects.source, '_order_rows'),
                concat('raw.', rejects.source, '_order_details')
            )
    )
    GROUP BY order_id
),

-- What an item is, wherever it lies.
items AS (
    SELECT
        source,
        sku,
        max(nullif(barcode, '')) AS barcode,
        arg_min(product_name, coalesce(priority, 0)) FILTER (product_name IS NOT NULL) AS product_name
    FROM item_locations
    GROUP BY source, sku
),

-- Where it lies: a row for each floor that has one of its own, and one without a floor for all others.
bins AS (
    SELECT
        source,
        sku,
        floor,
        list({'bin_location': bin_location, 'warehouse': warehouse} ORDER BY priority) AS places
    FROM item_locations
    GROUP BY source, sku, floor
),

located AS (
    SELECT
        candidates.* EXCLUDE (product_name, is_stocked, is_ours, hold_reason, hold_detail),
        CASE WHEN candidates.is_ours OR candidates.hold_reason IS NOT NULL THEN candidates.hold_reason ELSE 'location_not_named' END AS hold_reason,
        CASE
            WHEN candidates.is_ours OR candidates.hold_reason IS NOT NULL THEN candidates.hold_detail
            ELSE concat(
                'it leaves from ', coalesce(candidates.location, 'no location'),
                ', and no setting says whether our floor picks there: ORDER_PIPELINE_', upper(candidates.source), '__LOCATIONS'
            )
        END AS hold_detail,
        coalesce(items.product_name, candidates.product_name) AS product_name,
        items.sku IS NOT NULL AS is_known_item,
        coalesce(
            items.barcode,
            {{ {'ean': "nullif(candidates.ean, '')", 'sku': 'candidates.sku'}.get(var('barcode_fallback', 'none'), 'NULL') }}
        ) AS barcode,
        coalesce(here.places, anywhere.places) AS lies_at,
        lies_at[1].bin_location AS bin_location,
        lies_at[1].warehouse AS warehouse,
        array_to_string(list_transform(lies_at[2:], lambda place: place.bin_location), ', ') AS further_bins
    FROM candidates
    LEFT JOIN items ON items.source = candidates.source AND items.sku = candidates.sku
    LEFT JOIN bins AS here
        ON here.source = candidates.source AND here.sku = candidates.sku AND here.floor = candidates.floor
    LEFT JOIN bins AS anywhere
        ON anywhere.source = candidates.source AND anywhere.sku = candidates.sku AND anywhere.floor IS NULL
    WHERE candidates.is_stocked AND candidates.is_ours IS DISTINCT FROM false
),

judged AS MATERIALIZED (
    SELECT
        located.* EXCLUDE (hold_reason, hold_detail),
        CASE
            WHEN quarantined.order_id IS NOT NULL THEN 'quarantined'
            WHEN located.hold_reason IS NOT NULL THEN located.hold_reason
            WHEN NOT located.is_known_item THEN 'unknown_item'
            WHEN located.barcode IS NULL THEN 'no_barcode'
            WHEN coalesce(located.bin_location, '') = '' THEN 'no_location'
            WHEN located.quantity IS NULL OR located.quantity <= 0 THEN 'no_quantity'
            {% if var('hold_fractional_quantities', true) -%}
            WHEN located.quantity <> trunc(located.quantity) THEN 'fractional_quantity'
            {%- endif %}
        END AS line_reason,
        CASE
            WHEN quarantined.order_id IS NOT NULL THEN quarantined.detail
            WHEN located.hold_reason IS NOT NULL THEN located.hold_detail
            WHEN NOT located.is_known_item THEN 'item ' || located.sku || ' is not in reference.item_locations'
            WHEN located.barcode IS NULL THEN 'item ' || located.sku || ' has no barcode'
            WHEN coalesce(located.bin_location, '') = '' THEN concat(
                'item ', located.sku, ' has no bin location', CASE WHEN located.floor <> 'main' THEN ' at the floor ' || located.floor END
            )
            ELSE 'line ' || located.line_id || ' asks for ' || coalesce(located.quantity::VARCHAR, 'no') || ' pieces'
        END AS line_detail
    FROM located
    LEFT JOIN quarantined ON quarantined.order_id = located.order_id
),

held_orders AS (
    SELECT
        order_id,
        arg_min(line_reason, (CASE line_reason
            WHEN 'quarantined' THEN 1 WHEN 'contradictory_levels' THEN 2 WHEN 'unknown_status' THEN 3
            WHEN 'unknown_item' THEN 5 WHEN 'no_barcode' THEN 6 WHEN 'no_location' THEN 7
            WHEN 'no_quantity' THEN 8 WHEN 'fractional_quantity' THEN 9 ELSE 4
        END, line_reason)) AS hold_reason,
        array_to_string(list_sort(list_distinct(list(line_detail)))[:5], '; ') AS hold_detail
    FROM judged
    WHERE line_reason IS NOT NULL
    GROUP BY order_id
)

SELECT
    'to pick' AS finding,
    judged.pick_id,
    judged.source,
    judged.account,
    judged.order_id,
    judged.order_number,
    judged.order_day,
    judged.ordered_at,
    judged.ordered_on,
    judged.ship_by_at,
    judged.is_express,
    judged.line_id,
    judged.shipment_id,
    judged.location,
    judged.floor,
    judged.sku,
    judged.barcode,
    judged.bin_location,
    nullif(judged.further_bins, '') AS further_bins,
    judged.warehouse,
    judged.product_name,
    judged.quantity,
    judged.customer_name,
    judged.ship_to,
    judged.marketplace_order_id,
    held_orders.hold_reason,
    held_orders.hold_detail,
    CASE
        WHEN judged.line_reason IS NOT NULL THEN 'line'
        WHEN held_orders.order_id IS NOT NULL THEN 'order'
    END AS hold_scope
FROM judged
LEFT JOIN held_orders ON held_orders.order_id = judged.order_id
WHERE judged.pick_id IS NOT NULL
UNION ALL BY NAME
SELECT
    'elsewhere' AS finding,
    pick_id,
    source,
    account,
    order_id,
    order_number,
    order_day,
    line_id,
    shipment_id,
    location,
    sku,
    quantity
FROM candidates
WHERE pick_id IS NOT NULL AND NOT is_ours
UNION ALL BY NAME
SELECT
    'nothing to pick' AS finding,
    candidates.source,
    candidates.account,
    candidates.order_id,
    candidates.order_number,
    candidates.order_day,
    CASE WHEN bool_or(candidates.is_stocked) FILTER (candidates.is_ours) THEN 'nothing_to_pick' ELSE 'nothing_stocked' END AS hold_reason,
    CASE
        WHEN bool_or(candidates.is_stocked) FILTER (candidates.is_ours)
            THEN array_to_string(
                list_sort(list_distinct(list(candidates.hold_detail) FILTER (candidates.is_ours)))[:5], '; '
            )
        ELSE 'no thing on a shelf: item '
            || array_to_string(
                list_sort(list_distinct(list(candidates.sku) FILTER (candidates.is_ours)))[:5], ', item '
            )
    END AS hold_detail
FROM candidates
WHERE candidates.order_id NOT IN (
    SELECT order_id
    FROM open_rejects
    WHERE order_id IS NOT NULL
)
GROUP BY candidates.source, candidates.account, candidates.order_id, candidates.order_number, candidates.order_day
HAVING count(candidates.pick_id) FILTER (candidates.is_stocked AND candidates.is_ours IS DISTINCT FROM false) = 0
    AND count(*) FILTER (candidates.is_ours) > 0
    AND (bool_and(candidates.is_ours) OR count(candidates.location) FILTER (candidates.is_ours) > 0)
