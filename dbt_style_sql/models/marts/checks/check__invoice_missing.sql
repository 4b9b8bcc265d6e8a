-- Invoices that an order names and that are still absent after two days, and invoices whose order is not known.
-- It looks at all of core: in a build, where only some days are at hand, it is left out (`over: everything`).
{{ config(meta={'over': 'everything'}) }}
WITH named AS (
    SELECT
        source,
        account,
        order_day,
        order_id,
        fetched_at,
        unnest(invoice_numbers) AS invoice_number
    FROM {{ source('core', 'orders') }}
)

SELECT
    named.source,
    named.order_day,
    'invoice_gap' AS rule,
    'invoice_numbers' AS field,
    named.order_id || ': ' || named.invoice_number AS key
FROM named
LEFT JOIN {{ source('core', 'invoices') }} AS invoices
    ON invoices.source = named.source
    AND invoices.account = named.account
    AND invoices.invoice_number = named.invoice_number
WHERE invoices.invoice_id IS NULL
    AND named.order_day < CAST(named.fetched_at AS DATE) - 2
UNION ALL
SELECT
    invoices.source,
    invoices.order_day,
    'invoice_gap',
    'order_id',
    invoices.invoice_id
FROM {{ source('core', 'invoices') }} AS invoices
LEFT JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = invoices.order_id
WHERE orders.order_id IS NULL
