-- Quantities that do not add up (of channels that say what is committed, backordered and shipped), fractional ones, which
-- picking holds, and those put together from several shipments, since no order states them (docs/apis/kibo.md section 12).
WITH shipped AS (
    SELECT
        line_id,
        sum(quantity_shipped) AS quantity_shipped
    FROM {{ source('core', 'shipment_lines') }}
    WHERE line_id IS NOT NULL AND quantity_shipped IS NOT NULL
    GROUP BY line_id
)

SELECT
    lines.source,
    lines.order_day,
    'quantity_balance' AS rule,
    CASE
        WHEN lines.quantity_ordered <> trunc(lines.quantity_ordered) THEN 'fractional'
        WHEN shipped.quantity_shipped <> lines.quantity_shipped THEN 'shipment_lines.quantity_shipped'
        WHEN contains(CAST(lines.extras AS VARCHAR), '"inShipments":') THEN 'quantity_ordered, of several shipments'
        ELSE 'quantity_ordered'
    END AS field,
    lines.line_id AS key
FROM {{ source('core', 'order_lines') }} AS lines
LEFT JOIN shipped ON shipped.line_id = lines.line_id
WHERE lines.quantity_ordered <> trunc(lines.quantity_ordered)
    OR shipped.quantity_shipped <> lines.quantity_shipped
    OR (
        coalesce(lines.quantity_committed, lines.quantity_backordered, lines.quantity_shipped) IS NOT NULL
        AND lines.quantity_ordered
            <> {{ wide('coalesce(lines.quantity_committed, 0)') }} + coalesce(lines.quantity_backordered, 0)
            + coalesce(lines.quantity_shipped, 0) + coalesce(lines.quantity_cancelled, 0)
    )
    OR contains(CAST(lines.extras AS VARCHAR), '"inShipments":')
