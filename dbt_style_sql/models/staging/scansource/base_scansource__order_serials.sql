-- The current raw version of every record of order_serials.
{{ config(materialized='ephemeral') }}
{{ current_versions('scansource', 'order_serials', [{}]) }}
