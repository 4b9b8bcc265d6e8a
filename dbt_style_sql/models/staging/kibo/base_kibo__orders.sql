-- The current raw version of every Kibo order. Of a key that the order itself repeats the last value counts; repeats inside
-- its addresses, shipments and items are not looked for, which would cost a build a fifth of its time.
{{ config(materialized='ephemeral') }}
SELECT
    record_id,
    partition_day,
    content_sha256,
    {{ readable_flat_payload('payload', usual_keys(source('raw', 'kibo_orders_current'))) }} AS payload,
    fetched_at
FROM {{ source('raw', 'kibo_orders_current') }}
