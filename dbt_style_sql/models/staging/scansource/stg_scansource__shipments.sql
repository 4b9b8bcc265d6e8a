-- core.shipments from ScanSource: one row a delivery document, and one derived shipment for tracking numbers that stand in
-- no delivery. What DeliveryStatus may say is not known: a shipped date decides.
SELECT
    {{ provenance('scansource') }},
    {{ unreadable_ids({'shipment_number': 'shipment_number'}) }} AS faults,
    order_id || ':' || shipment_number AS shipment_id,
    order_id,
    shipment_number,
    false AS is_derived,
    CASE WHEN ({{ scansource_moment('ship_date') }}) IS NOT NULL THEN 'shipped' ELSE 'unknown' END AS shipment_status,
    source_status,
    {{ scansource_day('ship_date') }} AS shipped_on,
    ship_date AS shipped_on_raw,
    ship_method
FROM {{ ref('int_scansource__deliveries') }}
UNION ALL BY NAME
SELECT DISTINCT
    {{ provenance('scansource') }},
    order_id || ':unassigned' AS shipment_id,
    order_id,
    'unassigned' AS shipment_number,
    true AS is_derived,
    'unknown' AS shipment_status
FROM {{ ref('int_scansource__unassigned_tracking') }}
