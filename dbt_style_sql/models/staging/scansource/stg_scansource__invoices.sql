-- core.invoices from ScanSource: invoices that the distributor issued to us. Without a detail there is no currency.
SELECT
    {{ provenance('scansource', 'invoices') }},
    list_concat(
        invoice_faults.faults,
        {{ unreadable_ids({'invoice_number': 'summary.InvoiceNumber', 'order_number': 'order_number'}) }}
    ) AS faults,
    detail IS NULL AS is_partial,
    invoice_id,
    {{ text('trim(summary.InvoiceNumber)') }} AS invoice_number,
    order_number,
    'scansource:' || account || ':' || order_number AS order_id,
    CASE WHEN ({{ scansource_moment('detail.Cancelled') }}) IS NOT NULL THEN 'cancelled' ELSE 'issued' END
        AS invoice_status,
    {{ text('coalesce(detail.DocType, summary.DocType)') }} AS invoice_type,
    {{ text('coalesce(detail.PONumber, summary.PONumber)') }} AS customer_po_number,
    {{ text('detail.EndUserPO') }} AS end_customer_po_number,
    {{ text('detail.ReferenceNumber') }} AS external_reference,
    {{ scansource_moment('summary.DateEntered') }} AS invoiced_at,
    {{ text('summary.DateEntered') }} AS invoiced_at_raw,
    CAST(NULL AS VARCHAR) AS invoiced_at_text,
    {{ scansource_moment('summary.LastChanged') }} AS updated_at,
    {{ text('summary.LastChanged') }} AS updated_at_raw,
    CAST(NULL AS VARCHAR) AS updated_at_text,
    {{ scansource_day('detail.ShipDate') }} AS shipped_on,
    {{ text('detail.ShipDate') }} AS shipped_on_raw,
    {{ scansource_day('detail.Cancelled') }} AS cancelled_on,
    {{ text('detail.Cancelled') }} AS cancelled_on_raw,
    {{ text('detail.Currency') }} AS currency,
    {{ decimal('detail.FreightAmount') }} AS freight_amount,
    {{ text('detail.FreightAmount') }} AS freight_amount_text,
    {{ decimal('detail.TaxAmount') }} AS tax_amount,
    {{ text('detail.TaxAmount') }} AS tax_amount_text,
    {{ decimal('detail.InsuranceAmount') }} AS insurance_amount,
    {{ text('detail.InsuranceAmount') }} AS insurance_amount_text,
    {{ decimal('coalesce(detail.Total, summary.Total)') }} AS total_amount,
    {{ text('coalesce(detail.Total, summary.Total)') }} AS total_amount_text
FROM {{ ref('stg_scansource__parsed_invoices') }} AS invoices
LEFT JOIN {{ ref('int_scansource__invoice_faults') }} AS invoice_faults USING (record_id)
