-- One row an order-level tracking number that stands in no delivery, in no shape (docs/apis/scansource.md 3.5).
WITH order_level AS (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        account,
        order_id,
        unnest({{ scansource_texts('detail.TrackingNumbers') }}) AS tracking_number
    FROM {{ ref('stg_scansource__parsed') }}
),

assigned AS (
    SELECT record_id, unnest(list_transform(parcels, lambda parcel: trim(parcel.TrackingNumber))) AS tracking_number
    FROM {{ ref('int_scansource__deliveries') }}
    UNION
    SELECT record_id, unnest(list_transform(tracking_numbers, lambda tracked: trim(tracked.TrackingNumber)))
    FROM {{ ref('int_scansource__deliveries') }}
)

SELECT order_level.*
FROM order_level
ANTI JOIN assigned USING (record_id, tracking_number)
