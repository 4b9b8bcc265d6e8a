-- The current raw version of every Kibo order. Repeated keys are not looked for: see docs/apis/common_schema.md 1.10.
{{ config(materialized='ephemeral') }}
{{ current_versions('kibo', 'orders') }}
