-- Every delivery of an order: those of the detail, then those that only the tracking operation knows. Numbers are
-- compared without leading zeros and kept as received.
WITH of_detail AS (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        account,
        order_id,
        unnest(detail.Deliveries) AS delivery
    FROM {{ ref('stg_scansource__parsed') }}
),

only_tracked AS (
    SELECT parsed.*, tracked.*
    FROM {{ ref('stg_scansource__parsed') }} AS parsed
    INNER JOIN {{ ref('int_scansource__tracked_deliveries') }} AS tracked USING (record_id)
    ANTI JOIN of_detail
        ON of_detail.record_id = parsed.record_id
        AND ltrim(trim(of_detail.delivery.DeliveryDocumentNumber), '0') = tracked.compared_number
)

SELECT
    of_detail.* EXCLUDE (delivery),
    {{ text('trim(delivery.DeliveryDocumentNumber)') }} AS shipment_number,
    {{ text('delivery.DeliveryStatus') }} AS source_status,
    {{ text("coalesce(nullif(delivery.ShippedDate, ''), tracked.ship_date)") }} AS ship_date,
    tracked.ship_method,
    delivery.Parcels AS parcels,
    delivery.LineItems AS line_items,
    coalesce(tracked.tracking_numbers, []) AS tracking_numbers
FROM of_detail
LEFT JOIN {{ ref('int_scansource__tracked_deliveries') }} AS tracked
    ON tracked.record_id = of_detail.record_id
    AND tracked.compared_number = ltrim(trim(of_detail.delivery.DeliveryDocumentNumber), '0')
UNION ALL BY NAME
SELECT
    record_id,
    partition_day,
    content_sha256,
    fetched_at,
    account,
    order_id,
    shipment_number,
    ship_date,
    ship_method,
    tracking_numbers
FROM only_tracked
