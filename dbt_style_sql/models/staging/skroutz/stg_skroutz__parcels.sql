-- core.parcels from Skroutz: one row a tracking code of the order's single dispatch.
WITH codes AS (
    SELECT
        account,
        partition_day,
        record_id,
        content_sha256,
        fetched_at,
        order_id,
        document.courier AS courier,
        unnest(list_distinct(document.courier_tracking_codes)) AS tracking_number
    FROM {{ ref('stg_skroutz__parsed') }}
)

SELECT
    {{ provenance('skroutz') }},
    {{ unreadable_ids({'tracking_number': 'tracking_number'}) }} AS faults,
    order_id || ':1:-/' || tracking_number AS parcel_id,
    order_id || ':1' AS shipment_id,
    order_id,
    tracking_number,
    {{ text('courier') }} AS carrier
FROM codes
WHERE {{ text('tracking_number') }} IS NOT NULL
