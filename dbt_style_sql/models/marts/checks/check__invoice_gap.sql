-- Invoices whose total is not their lines plus charges.
WITH sums AS (
    SELECT
        invoice_id,
        sum(line_amount) AS lines_amount,
        count(*) FILTER (line_amount IS NULL) AS lines_without_amount
    FROM {{ source('core', 'invoice_lines') }}
    GROUP BY invoice_id
)

SELECT
    invoices.source,
    invoices.order_day,
    'invoice_gap' AS rule,
    'total_amount' AS field,
    invoices.invoice_id AS key
FROM {{ source('core', 'invoices') }} AS invoices
INNER JOIN sums ON sums.invoice_id = invoices.invoice_id
WHERE sums.lines_without_amount = 0
    AND abs(
        sums.lines_amount + coalesce(invoices.freight_amount, 0) + coalesce(invoices.tax_amount, 0)
        + coalesce(invoices.insurance_amount, 0) - invoices.total_amount
    ) > 0.01
