-- The current raw version of every record of order_tracking.
{{ config(materialized='ephemeral') }}
{{ current_versions('scansource', 'order_tracking', {'Orders': [{'Deliveries': [{'TrackingNumbers': [{}]}]}]}) }}
