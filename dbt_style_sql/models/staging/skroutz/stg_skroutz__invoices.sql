-- core.invoices from Skroutz: the document that the shop owes the buyer. It has no number and no stated total; its file's
-- URL is not read.
SELECT
    {{ provenance('skroutz') }},
    order_id || ':' || coalesce({{ text('document.invoice_document') }}, 'invoice') AS invoice_id,
    {{ text('document.code') }} AS order_number,
    order_id,
    CASE WHEN {{ text('document.uploaded_invoice_file') }} IS NULL THEN 'requested' ELSE 'uploaded' END
        AS invoice_status,
    {{ text('document.invoice_document') }} AS invoice_type,
    'EUR' AS currency
FROM {{ ref('stg_skroutz__parsed') }}
WHERE {{ flag('document.invoice') }} OR {{ text('document.invoice_document') }} IS NOT NULL
