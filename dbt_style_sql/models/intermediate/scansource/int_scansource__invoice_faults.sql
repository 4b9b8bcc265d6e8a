-- One row an invoice with faults of the rule bad_json: its summary or its detail is no JSON, or a container has the wrong type.
WITH odd_summaries AS (
    SELECT summaries.record_id, summaries.payload
    FROM {{ ref('base_scansource__invoice_summaries') }} AS summaries
    INNER JOIN {{ ref('stg_scansource__parsed_invoices') }} AS read USING (record_id)
    WHERE read.summary.InvoiceNumber IS NULL
),

odd_details AS (
    SELECT details.record_id, details.payload
    FROM {{ ref('base_scansource__invoice_details') }} AS details
    INNER JOIN {{ ref('stg_scansource__parsed_invoices') }} AS read USING (record_id)
    WHERE read.detail.InvoiceLines IS NULL
),

found AS (
    SELECT * FROM ({{ wrong_containers('odd_summaries', {'$': 'OBJECT'}, 'invoice_summaries.') }})
    UNION ALL
    SELECT * FROM ({{ wrong_containers('odd_details', {
        '$': 'OBJECT', '$.InvoiceLines': 'ARRAY'
    }) }})
)

SELECT
    record_id,
    list({'rule': rule, 'field': field, 'value': value} ORDER BY field) AS faults
FROM found
GROUP BY record_id
