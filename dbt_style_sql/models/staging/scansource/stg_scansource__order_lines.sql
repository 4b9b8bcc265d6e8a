-- core.order_lines from ScanSource. Price is taken as the price of a unit (inferred).
WITH lines AS (
    SELECT
        lines.*,
        allocations.allocated_after,
        list_sort(list_filter(
            list_transform(ScheduleLines, lambda planned: {
                'day': {{ scansource_day('planned.EstimatedShipDate') }}, 'text': planned.EstimatedShipDate
            }),
            lambda planned: planned.day IS NOT NULL
        )) AS planned_days
    FROM {{ ref('int_scansource__lines') }} AS lines
    LEFT JOIN {{ ref('int_scansource__allocations') }} AS allocations
        ON allocations.record_id = lines.record_id
        AND allocations.line_key = lines.line_key
)

SELECT
    {{ provenance('scansource') }},
    faults,
    order_id || ':' || line_key AS line_id,
    order_id,
    line_key,
    {{ scansource_line_number('POLineNumber') }} AS customer_line_number,
    {{ text('ReferenceLineNumber') }} AS reference_line_number,
    {{ text('trim(ItemNumber)') }} AS sku,
    {{ text('ProductMfrPart') }} AS manufacturer_part_number,
    {{ text('CustomerPartNumber') }} AS customer_part_number,
    {{ text('CustomerPartReference') }} AS customer_part_reference,
    {{ text('ProductDescription') }} AS description,
    {{ text('ItemCatCode') }} AS item_category_code,
    {{ text('ItemCatDesc') }} AS item_category_description,
    {{ text('MatlGrpCode') }} AS material_group_code,
    {{ text('MatlGrpDesc') }} AS material_group_description,
    quantity_ordered,
    {{ text('Ordered') }} AS quantity_ordered_text,
    quantity_committed,
    {{ text('Committed') }} AS quantity_committed_text,
    quantity_backordered,
    {{ text('BackOrdered') }} AS quantity_backordered_text,
    quantity_shipped,
    {{ text('Shipped') }} AS quantity_shipped_text,
    quantity_cancelled,
    {{ text('Canceled') }} AS quantity_cancelled_text,
    'unit' AS price_basis,
    unit_price,
    {{ text('Price') }} AS unit_price_text,
    TRY_CAST({{ wide('unit_price') }} * quantity_ordered AS DECIMAL(18, 4)) AS line_amount,
    {{ text("coalesce(nullif(Currency, ''), order_currency)") }} AS currency,
    {{ scansource_line_status('quantity_ordered', 'quantity_backordered', 'quantity_shipped', 'quantity_cancelled') }}
        AS line_status,
    {{ text('RejectReason') }} AS source_line_status,
    {{ text('RejectReason') }} AS reject_reason,
    planned_days[1].day AS next_ship_on,
    planned_days[1].text AS next_ship_on_raw,
    CASE
        WHEN listed_otherwise IS NOT NULL
            THEN json_object(
                'ScheduleLines', list_sort(ScheduleLines), 'allocated_after', allocated_after, 'list_says', listed_otherwise
            )
        WHEN len(ScheduleLines) > 0 OR len(allocated_after) > 0
            THEN json_object('ScheduleLines', list_sort(ScheduleLines), 'allocated_after', allocated_after)
    END AS extras
FROM lines
