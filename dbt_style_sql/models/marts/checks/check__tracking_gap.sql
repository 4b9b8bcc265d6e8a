-- Shipments that left without a parcel, and tracking numbers that stand in no delivery.
SELECT
    shipments.source,
    shipments.order_day,
    'tracking_gap' AS rule,
    CASE WHEN shipments.shipment_number = 'unassigned' THEN 'tracking_number' ELSE 'shipment_status' END AS field,
    shipments.shipment_id AS key
FROM {{ source('core', 'shipments') }} AS shipments
LEFT JOIN (
    SELECT DISTINCT shipment_id
    FROM {{ source('core', 'parcels') }}
    WHERE tracking_number IS NOT NULL
) AS tracked ON tracked.shipment_id = shipments.shipment_id
WHERE (shipments.shipment_status = 'shipped' AND tracked.shipment_id IS NULL)
    OR shipments.shipment_number = 'unassigned'
