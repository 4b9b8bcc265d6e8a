-- The current raw version of every record of order_rows.
{{ config(materialized='ephemeral') }}
{{ current_versions('scansource', 'order_rows', {'BillingAddress': {}, 'ShippingAddress': {}, 'SalesOrderLines': [{}]}) }}
