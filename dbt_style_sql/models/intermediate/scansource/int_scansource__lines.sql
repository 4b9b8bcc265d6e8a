-- Every order line with typed quantities: the detail's, or the list row's where there is no detail. `listed_otherwise` says
-- what the list says of a line of the detail, where that is something else.
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

listed_quantities AS (
    SELECT
        record_id AS listed_record_id,
        {{ scansource_line_number('line.LineNumber') }} AS listed_key,
        max({{ quantity('line.Committed') }}) AS listed_committed,
        max({{ quantity('line.Shipped') }}) AS listed_shipped,
        max({{ quantity('line.Canceled') }}) AS listed_cancelled
    FROM (SELECT record_id, unnest(listed.SalesOrderLines) AS line FROM {{ ref('stg_scansource__parsed') }} WHERE has_detail)
    GROUP BY ALL
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
    {{ decimal('Price') }} AS unit_price,
    CASE
        WHEN listed_committed <> quantity_committed
            OR listed_shipped <> quantity_shipped
            OR listed_cancelled <> quantity_cancelled
            THEN concat(
                {{ plain_number('coalesce(listed_committed, 0)') }}, ' committed, ',
                {{ plain_number('coalesce(listed_shipped, 0)') }}, ' shipped, ',
                {{ plain_number('coalesce(listed_cancelled, 0)') }}, ' cancelled'
            )
    END AS listed_otherwise
FROM lines
LEFT JOIN listed_quantities
    ON listed_record_id = lines.record_id
    AND listed_key = {{ scansource_line_number('lines.LineNumber') }}
