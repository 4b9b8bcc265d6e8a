-- The current raw version of every record of invoice_summaries.
{{ config(materialized='ephemeral') }}
{{ current_versions('scansource', 'invoice_summaries', {}) }}
