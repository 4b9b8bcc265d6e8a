-- One row an invoice: the summary, which alone has its date, joined to the detail (docs/apis/scansource.md section 4).
WITH summaries AS (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        {{ read_json('payload', '{
            "OrderNumber": "VARCHAR", "InvoiceNumber": "VARCHAR", "PONumber": "VARCHAR", "DocType": "VARCHAR",
            "Total": "VARCHAR", "DateEntered": "VARCHAR", "LastChanged": "VARCHAR"
        }') }} AS summary
    FROM {{ ref('base_scansource__invoice_summaries') }}
),

details AS (
    SELECT
        record_id,
        content_sha256,
        fetched_at,
        {{ read_json('payload', '{
            "InvoiceNumber": "VARCHAR", "SalesOrderNumber": "VARCHAR", "PONumber": "VARCHAR",
            "EndUserPO": "VARCHAR", "ReferenceNumber": "VARCHAR", "DocType": "VARCHAR", "ShipDate": "VARCHAR",
            "Cancelled": "VARCHAR", "FreightAmount": "VARCHAR", "TaxAmount": "VARCHAR",
            "InsuranceAmount": "VARCHAR", "Total": "VARCHAR", "Currency": "VARCHAR",
            "InvoiceLines": [{
                "LineNumber": "VARCHAR", "POLineNumber": "VARCHAR", "ReferenceLineNumber": "VARCHAR",
                "ItemNumber": "VARCHAR", "ProductMfrPart": "VARCHAR", "ItemDescription": "VARCHAR",
                "Ordered": "VARCHAR", "Committed": "VARCHAR", "BackOrdered": "VARCHAR", "Shipped": "VARCHAR",
                "Price": "VARCHAR", "Currency": "VARCHAR", "Shipments": "JSON"
            }]
        }') }} AS detail
    FROM {{ ref('base_scansource__invoice_details') }}
)

SELECT
    summaries.record_id,
    summaries.partition_day,
    coalesce(details.content_sha256, summaries.content_sha256) AS content_sha256,
    coalesce(details.fetched_at, summaries.fetched_at) AS fetched_at,
    split_part(summaries.record_id, ':', 1) AS account,
    'scansource:' || summaries.record_id AS invoice_id,
    coalesce(nullif(trim(details.detail.SalesOrderNumber), ''), nullif(trim(summaries.summary.OrderNumber), ''))
        AS order_number,
    summaries.summary,
    details.detail
FROM summaries
LEFT JOIN details USING (record_id)
