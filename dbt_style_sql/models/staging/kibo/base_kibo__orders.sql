-- The current raw version of every Kibo order.
{{ config(materialized='ephemeral') }}
{{ current_versions('kibo', 'orders') }}
