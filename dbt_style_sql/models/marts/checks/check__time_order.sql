-- Orders changed or shipped before they were made, or made in the future; optional dates that could not be read.
SELECT
    source,
    order_day,
    'time_order' AS rule,
    CASE
        WHEN ordered_at > fetched_at + INTERVAL 1 DAY THEN 'ordered_at'
        WHEN updated_at < ordered_at OR (updated_at IS NULL AND updated_at_raw IS NOT NULL) THEN 'updated_at'
        ELSE 'last_shipped_on'
    END AS field,
    order_number AS key
FROM {{ source('core', 'orders') }}
WHERE ordered_at > fetched_at + INTERVAL 1 DAY
    OR updated_at < ordered_at
    OR last_shipped_on < CAST(ordered_at AS DATE) - 1
    OR (updated_at IS NULL AND updated_at_raw IS NOT NULL)
    OR (last_shipped_on IS NULL AND last_shipped_on_raw IS NOT NULL)
UNION ALL
SELECT
    source,
    order_day,
    'time_order',
    'shipped_on',
    shipment_id
FROM {{ source('core', 'shipments') }}
WHERE shipped_on IS NULL AND shipped_on_raw IS NOT NULL
UNION ALL
SELECT
    source,
    order_day,
    'time_order',
    'next_ship_on',
    line_id
FROM {{ source('core', 'order_lines') }}
WHERE next_ship_on IS NULL AND next_ship_on_raw IS NOT NULL
UNION ALL
SELECT
    source,
    order_day,
    'time_order',
    CASE WHEN invoiced_at IS NULL AND invoiced_at_raw IS NOT NULL THEN 'invoiced_at' ELSE 'shipped_on, cancelled_on' END,
    invoice_id
FROM {{ source('core', 'invoices') }}
WHERE (invoiced_at IS NULL AND NOT {{ no_date('invoiced_at_raw') }})
    OR (shipped_on IS NULL AND NOT {{ no_date('shipped_on_raw') }})
    OR (cancelled_on IS NULL AND NOT {{ no_date('cancelled_on_raw') }})
UNION ALL
SELECT
    source,
    order_day,
    'time_order',
    'billed_on',
    order_id || ': ' || serial_number
FROM {{ source('core', 'serial_numbers') }}
WHERE billed_on IS NULL AND NOT {{ no_date('billed_on_raw') }}
