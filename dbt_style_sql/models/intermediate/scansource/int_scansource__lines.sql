-- Every order line with typed quantities: the detail's, or the list row's where there is no detail.
WITH detail_lines AS (
    SELECT * EXCLUDE (listed, detail, has_detail), detail.Currency AS order_currency, unnest(detail.SalesOrderLines) AS line
    FROM {{ ref('stg_scansource__parsed') }}
    WHERE has_detail
),

list_lines AS (
    SELECT * EXCLUDE (listed, detail, has_detail), listed.Currency AS order_currency, unnest(listed.SalesOrderLines) AS line
    FROM {{ ref('stg_scansource__parsed') }}
    WHERE NOT has_detail
),

lines AS (
    SELECT * EXCLUDE (line), unnest(line) FROM detail_lines
    UNION ALL BY NAME
    SELECT * EXCLUDE (line), unnest(line) FROM list_lines
)

SELECT
    lines.* EXCLUDE (ScheduleLines),
    {{ read_json_list('ScheduleLines', '[{"EstimatedShipDate": "VARCHAR", "Confirmed": "VARCHAR"}]') }} AS ScheduleLines,
    CASE
        WHEN {{ is_no_list('ScheduleLines') }}
            THEN [{'rule': 'bad_json', 'field': 'ScheduleLines', 'value': CAST(ScheduleLines AS VARCHAR)}]
        WHEN starts_with(SerialNumbers, '{')
            THEN [{'rule': 'bad_json', 'field': 'SerialNumbers', 'value': 'OBJECT'}]
        ELSE {{ unreadable_ids({'line_key': 'LineNumber', 'sku': 'ItemNumber'}) }}
    END AS faults,
    {{ scansource_line_number('LineNumber') }} AS line_key,
    {{ quantity('Ordered') }} AS quantity_ordered,
    {{ quantity('Committed') }} AS quantity_committed,
    {{ quantity('BackOrdered') }} AS quantity_backordered,
    {{ quantity('Shipped') }} AS quantity_shipped,
    {{ quantity('Canceled') }} AS quantity_cancelled,
    {{ decimal('Price') }} AS unit_price
FROM lines
