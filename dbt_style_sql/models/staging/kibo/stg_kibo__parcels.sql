-- core.parcels from Kibo: trackingInformation of a shipment, which no documented response ever showed (kibo.md 6).
WITH shipments AS (
    SELECT
        coalesce(document.manufacturerID, '') AS account,
        partition_day,
        record_id,
        content_sha256,
        fetched_at,
        'kibo:' || nullif(document.manufacturerID, '') || ':' || nullif(document.orderID, '') AS order_id,
        unnest(list_distinct(document.shipments)) AS shipment
    FROM {{ ref('stg_kibo__parsed') }}
),

parcels AS (
    SELECT
        * EXCLUDE (shipment),
        order_id || ':' || nullif(shipment.shipmentID, '') AS shipment_id,
        unnest(list_distinct(from_json(shipment.trackingInformation, '[{
            "trackingNumber": "VARCHAR", "deliveryType": "VARCHAR", "carrierType": "VARCHAR",
            "carrierTypeOther": "VARCHAR"
        }]'))) AS parcel
    FROM shipments
    WHERE shipment.trackingInformation LIKE '[%'
)

SELECT
    'kibo' AS source,
    account,
    partition_day AS order_day,
    record_id AS raw_record_id,
    content_sha256 AS raw_sha256,
    fetched_at,
    shipment_id || ':-/' || coalesce(nullif(parcel.trackingNumber, ''), '-') AS parcel_id,
    shipment_id,
    order_id,
    {{ text('parcel.trackingNumber') }} AS tracking_number,
    {{ text("coalesce(nullif(parcel.carrierType, ''), parcel.carrierTypeOther)") }} AS carrier,
    {{ text('parcel.deliveryType') }} AS tracking_type
FROM parcels
