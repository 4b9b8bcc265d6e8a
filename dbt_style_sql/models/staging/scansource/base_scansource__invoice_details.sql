-- The current raw version of every record of invoice_details.
{{ config(materialized='ephemeral') }}
{{ current_versions('scansource', 'invoice_details', {'InvoiceLines': [{'Shipments': [{}]}]}) }}
