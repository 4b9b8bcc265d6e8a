-- The current raw version of every record of order_details.
{{ config(materialized='ephemeral') }}
{{ current_versions('scansource', 'order_details', {
    'BillingAddress': {}, 'ShippingAddress': {}, 'SalesOrderLines': [{'ScheduleLines': [{}]}],
    'Deliveries': [{'Parcels': [{}], 'LineItems': [{'LineItemDetails': [{}]}]}]
}) }}
