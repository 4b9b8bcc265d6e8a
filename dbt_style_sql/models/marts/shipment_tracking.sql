-- One row a shipment and parcel: where it is; shipments without a parcel keep one row.
SELECT
    shipments.source,
    shipments.account,
    shipments.order_id,
    orders.order_number,
    shipments.order_day,
    shipments.shipment_id,
    shipments.shipment_number,
    shipments.shipment_status,
    shipments.source_status,
    shipments.ready_at,
    shipments.shipped_on,
    coalesce(parcels.carrier, shipments.ship_method) AS carrier,
    parcels.tracking_number,
    parcels.carton_number,
    parcels.weight,
    parcels.weight_uom,
    shipments.is_late
FROM {{ source('core', 'shipments') }} AS shipments
INNER JOIN {{ source('core', 'orders') }} AS orders ON orders.order_id = shipments.order_id
LEFT JOIN {{ source('core', 'parcels') }} AS parcels ON parcels.shipment_id = shipments.shipment_id
WHERE NOT orders.is_test
