-- core.parcels from ScanSource: the delivery's parcels, tracking numbers that only the tracking operation has, and those
-- that stand on the order alone. Weight keeps its own unit.
WITH of_detail AS (
    SELECT * EXCLUDE (parcels, line_items, tracking_numbers), unnest(parcels) AS parcel
    FROM {{ ref('int_scansource__deliveries') }}
),

tracked AS (
    SELECT * EXCLUDE (parcels, line_items, tracking_numbers), unnest(tracking_numbers) AS tracked_parcel
    FROM {{ ref('int_scansource__deliveries') }}
),

parcels AS (
    SELECT
        * EXCLUDE (parcel),
        {{ text('trim(parcel.CartonNumber)') }} AS carton_number,
        {{ text('trim(parcel.TrackingNumber)') }} AS tracking_number,
        {{ text('parcel.CarrierCode') }} AS carrier,
        {{ text('parcel.TrackingType') }} AS tracking_type,
        {{ quantity('parcel.Weight') }} AS weight,
        {{ text('parcel.Weight') }} AS weight_text,
        {{ text('parcel.WeightUOM') }} AS weight_uom
    FROM of_detail
    UNION ALL BY NAME
    SELECT
        tracked.* EXCLUDE (tracked_parcel),
        {{ text('trim(tracked_parcel.TrackingNumber)') }} AS tracking_number,
        {{ text('tracked_parcel.Carrier') }} AS carrier
    FROM tracked
    ANTI JOIN of_detail
        ON of_detail.record_id = tracked.record_id
        AND of_detail.shipment_number = tracked.shipment_number
        AND trim(of_detail.parcel.TrackingNumber) = trim(tracked.tracked_parcel.TrackingNumber)
    UNION ALL BY NAME
    SELECT *, 'unassigned' AS shipment_number
    FROM {{ ref('int_scansource__unassigned_tracking') }}
)

SELECT
    {{ provenance('scansource') }},
    {{ unreadable_ids({'tracking_number': 'tracking_number'}) }} AS faults,
    order_id || ':' || shipment_number || ':' || coalesce(carton_number, '-') || '/' || coalesce(tracking_number, '-')
        AS parcel_id,
    order_id || ':' || shipment_number AS shipment_id,
    order_id,
    carton_number,
    tracking_number,
    carrier,
    tracking_type,
    weight,
    weight_text,
    weight_uom
FROM parcels
WHERE carton_number IS NOT NULL OR tracking_number IS NOT NULL
