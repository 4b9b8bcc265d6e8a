-- One row a difference between what was invoiced to us and what was ordered, of one order line, invoice line, or invoice.
-- kind: `order_unknown` (an invoice whose order we do not have), `line_unknown` (an invoice line that no order line
-- matches), `unit_price`, `currency`, `quantity_invoiced` (more pieces invoiced than ordered, over all invoices of the
-- line), `quantity_not_invoiced` (fewer pieces invoiced than shipped), `total` (an invoice that is not its lines and charges).
-- Invoices that were cancelled do not count, nor documents that the shop owes the buyer: those state no amounts. Of a
-- channel without invoices nothing is missing, nor of an order with an invoice of which we have the summary alone; and an
-- invoice is given two days to arrive (from the order's day until its last reading).
-- difference_amount is invoiced less ordered, in `currency`; NULL where either is not known, or where they differ in currency.
{{ config(meta={'rows': 'few'}) }}
WITH issued AS (
    SELECT
        source,
        account,
        order_day,
        order_id,
        invoice_id,
        currency,
        total_amount,
        {{ wide('coalesce(freight_amount, 0)') }} + coalesce(tax_amount, 0) + coalesce(insurance_amount, 0) AS charges_amount
    FROM {{ source('core', 'invoices') }}
    WHERE invoice_status = 'issued'
),

billed AS (
    SELECT
        issued.source,
        issued.account,
        issued.order_day,
        issued.order_id,
        lines.invoice_id,
        lines.line_number,
        lines.line_id,
        lines.sku,
        lines.currency,
        lines.quantity_shipped AS quantity,
        lines.unit_price,
        lines.line_amount
    FROM {{ source('core', 'invoice_lines') }} AS lines
    INNER JOIN issued ON issued.invoice_id = lines.invoice_id
),

ordered AS (
    SELECT
        orders.source,
        orders.account,
        orders.order_day,
        orders.order_id,
        orders.fetched_at,
        lines.line_id,
        lines.sku,
        lines.currency,
        lines.quantity_ordered,
        lines.quantity_shipped,
        lines.unit_price
    FROM {{ source('core', 'order_lines') }} AS lines
    INNER JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = lines.order_id
    WHERE orders.source IN (SELECT source FROM issued)
        AND NOT orders.is_test
),

billed_by_line AS (
    SELECT
        line_id,
        CASE WHEN count(*) = count(quantity) THEN sum(quantity) END AS quantity
    FROM billed
    WHERE line_id IS NOT NULL
    GROUP BY line_id
),

-- Orders of which an invoice is known from a summary alone: what it bills is not known.
summarised AS (
    SELECT DISTINCT issued.order_id
    FROM issued
    ANTI JOIN billed ON billed.invoice_id = issued.invoice_id
    WHERE issued.order_id IS NOT NULL
),

compared_quantities AS (
    SELECT
        ordered.*,
        coalesce(billed_by_line.quantity, CASE WHEN billed_by_line.line_id IS NULL THEN 0 END) AS quantity_invoiced,
        CASE
            WHEN quantity_invoiced > ordered.quantity_ordered THEN 'quantity_invoiced'
            WHEN quantity_invoiced < ordered.quantity_shipped
                AND summarised.order_id IS NULL
                AND ordered.order_day < CAST(ordered.fetched_at AS DATE) - 2
                THEN 'quantity_not_invoiced'
        END AS kind
    FROM ordered
    LEFT JOIN billed_by_line ON billed_by_line.line_id = ordered.line_id
    LEFT JOIN summarised ON summarised.order_id = ordered.order_id
),

sums AS (
    SELECT
        invoice_id,
        CASE WHEN count(*) = count(line_amount) THEN sum(line_amount) END AS lines_amount
    FROM billed
    GROUP BY invoice_id
),

differences AS (
    SELECT
        issued.source,
        issued.account,
        issued.order_day,
        issued.order_id,
        'order_unknown' AS kind,
        issued.invoice_id,
        CAST(NULL AS VARCHAR) AS line_number,
        CAST(NULL AS VARCHAR) AS line_id,
        CAST(NULL AS VARCHAR) AS sku,
        issued.currency,
        CAST(NULL AS DECIMAL(38, 4)) AS ordered_value,
        {{ wide('issued.total_amount') }} AS invoiced_value,
        CAST(NULL AS DECIMAL(38, 4)) AS difference_amount
    FROM issued
    LEFT JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = issued.order_id
    WHERE orders.order_id IS NULL
    UNION ALL
    SELECT
        issued.source,
        issued.account,
        issued.order_day,
        issued.order_id,
        'total',
        issued.invoice_id,
        NULL,
        NULL,
        NULL,
        issued.currency,
        sums.lines_amount + issued.charges_amount,
        {{ wide('issued.total_amount') }},
        {{ wide('issued.total_amount') }} - sums.lines_amount - issued.charges_amount
    FROM issued
    INNER JOIN sums ON sums.invoice_id = issued.invoice_id
    WHERE abs({{ wide('issued.total_amount') }} - sums.lines_amount - issued.charges_amount) > 0.01
    UNION ALL
    SELECT
        billed.source,
        billed.account,
        billed.order_day,
        billed.order_id,
        'line_unknown',
        billed.invoice_id,
        billed.line_number,
        billed.line_id,
        billed.sku,
        billed.currency,
        NULL,
        {{ wide('billed.line_amount') }},
        NULL
    FROM billed
    INNER JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = billed.order_id
    LEFT JOIN ordered ON ordered.line_id = billed.line_id
    WHERE ordered.line_id IS NULL
        AND NOT orders.is_test
    UNION ALL
    SELECT
        billed.source,
        billed.account,
        billed.order_day,
        billed.order_id,
        CASE WHEN (billed.currency IS DISTINCT FROM ordered.currency) THEN 'currency' ELSE 'unit_price' END,
        billed.invoice_id,
        billed.line_number,
        billed.line_id,
        billed.sku,
        billed.currency,
        {{ wide('ordered.unit_price') }},
        {{ wide('billed.unit_price') }},
        CASE
            WHEN billed.currency = ordered.currency
                THEN TRY_CAST(({{ wide('billed.unit_price') }} - ordered.unit_price) * billed.quantity AS DECIMAL(38, 4))
        END
    FROM billed
    INNER JOIN ordered ON ordered.line_id = billed.line_id
    WHERE (billed.currency IS DISTINCT FROM ordered.currency AND billed.currency IS NOT NULL AND ordered.currency IS NOT NULL)
        OR (billed.currency = ordered.currency AND billed.unit_price <> ordered.unit_price)
    UNION ALL
    SELECT
        source,
        account,
        order_day,
        order_id,
        kind,
        NULL,
        NULL,
        line_id,
        sku,
        currency,
        CASE kind WHEN 'quantity_invoiced' THEN {{ wide('quantity_ordered') }} ELSE {{ wide('quantity_shipped') }} END,
        {{ wide('quantity_invoiced') }},
        TRY_CAST(
            ({{ wide('quantity_invoiced') }} - CASE kind WHEN 'quantity_invoiced' THEN quantity_ordered ELSE quantity_shipped END)
            * unit_price AS DECIMAL(38, 4)
        )
    FROM compared_quantities
    WHERE kind IS NOT NULL
)

SELECT
    concat_ws(' ', kind, coalesce(invoice_id, line_id), line_number) AS difference_id,
    source,
    account,
    order_day,
    order_id,
    kind,
    invoice_id,
    line_number,
    line_id,
    sku,
    currency,
    ordered_value,
    invoiced_value,
    difference_amount
FROM differences
