-- One row a fact that changed: a price, list price or cost of the price list, the price that an item was sold at, or the
-- pieces in stock, against the answer (or the sold line) before it. What was observed once has not changed.
-- seen_at is the time of the first answer that shows the new value: it changed then or earlier, after last_seen_at. For
-- what was sold both are times of orders. next_change_seen_at is NULL while the value is the last one known.
-- fact: `unit_price`, `list_price`, `cost` (no currency is stated), `sold_price`, `quantity_available`. Answers that were
-- errors are left out. change_amount is NULL where the currency changed.
{{ config(meta={'shown': 'newest days'}) }}
WITH observations AS (
    SELECT
        source,
        account,
        order_day,
        requested_item AS item,
        warehouse,
        concat_ws(' ', 'price', part_number_type, business_unit, deal_id, requested_quantity) AS series,
        as_of,
        '' AS line_id,
        unnest([
            {'fact': 'unit_price', 'value': {{ wide('unit_price') }}, 'currency': currency},
            {'fact': 'list_price', 'value': {{ wide('list_price') }}, 'currency': list_price_currency},
            {'fact': 'cost', 'value': {{ wide('cost') }}, 'currency': NULL}
        ]) AS observed
    FROM {{ source('core', 'prices') }}
    WHERE origin = 'pricing_api' AND NOT is_error
    UNION ALL
    SELECT
        source,
        account,
        order_day,
        requested_item,
        '',
        'sold',
        as_of,
        line_id,
        {'fact': 'sold_price', 'value': {{ wide('unit_price') }}, 'currency': currency}
    FROM {{ source('core', 'prices') }}
    WHERE origin = 'order_line' AND NOT is_error
    UNION ALL
    SELECT
        source,
        account,
        order_day,
        item_key,
        warehouse,
        concat_ws(' ', 'stock', origin, item_key_type),
        as_of,
        '',
        {'fact': 'quantity_available', 'value': {{ wide('quantity_available') }}, 'currency': NULL}
    FROM {{ source('core', 'availability') }}
    WHERE NOT is_error
),

known AS (
    SELECT
        * EXCLUDE (observed),
        observed.fact AS fact,
        observed.value AS value,
        observed.currency AS currency
    FROM observations
    WHERE observed.value IS NOT NULL
),

compared AS (
    SELECT
        *,
        lag(value) OVER in_series AS previous_value,
        lag(currency) OVER in_series AS previous_currency,
        lag(as_of) OVER in_series AS last_seen_at
    FROM known
    WINDOW in_series AS (PARTITION BY source, account, item, warehouse, series, fact ORDER BY as_of, line_id)
),

changes AS (
    SELECT
        *,
        lead(as_of) OVER (PARTITION BY source, account, item, warehouse, series, fact ORDER BY as_of, line_id)
            AS next_change_seen_at
    FROM compared
    WHERE last_seen_at IS NOT NULL
        AND (value <> previous_value OR currency IS DISTINCT FROM previous_currency)
)

SELECT
    md5(concat_ws('|', source, account, item, warehouse, series, fact, epoch_us(as_of), line_id)) AS change_id,
    source,
    account,
    order_day,
    item,
    warehouse,
    fact,
    last_seen_at,
    as_of AS seen_at,
    next_change_seen_at,
    currency,
    previous_value,
    value,
    CASE WHEN (currency IS NOT DISTINCT FROM previous_currency) THEN {{ wide('value') }} - previous_value END AS change_amount,
    CASE WHEN fact = 'quantity_available' THEN value = 0 END AS is_stock_out,
    nullif(line_id, '') AS line_id
FROM changes
