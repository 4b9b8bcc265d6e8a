-- core.parcels from Kibo: trackingInformation of a shipment, which no documented response ever showed
-- (docs/apis/kibo.md 6).
WITH parcels AS (
    SELECT
        *,
        unnest(list_distinct({{ read_json_list('tracking', '[{
            "trackingNumber": "VARCHAR", "deliveryType": "VARCHAR", "carrierType": "VARCHAR",
            "carrierTypeOther": "VARCHAR"
        }]') }})) AS parcel
    FROM {{ ref('stg_kibo__shipments') }}
    WHERE tracking IS NOT NULL
)

SELECT
    source,
    account,
    order_day,
    raw_record_id,
    raw_sha256,
    fetched_at,
    shipment_id || ':-/' || coalesce(nullif(parcel.trackingNumber, ''), '-') AS parcel_id,
    shipment_id,
    order_id,
    {{ text('parcel.trackingNumber') }} AS tracking_number,
    {{ text("coalesce(nullif(parcel.carrierType, ''), parcel.carrierTypeOther)") }} AS carrier,
    {{ text('parcel.deliveryType') }} AS tracking_type
FROM parcels
