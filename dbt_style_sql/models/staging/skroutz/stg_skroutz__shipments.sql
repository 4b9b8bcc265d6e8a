-- core.shipments from Skroutz: the order's single dispatch, derived, once there is a courier, a tracking code or a state
-- from `accepted` on.
SELECT
    {{ provenance('skroutz', 'parsed') }},
    {{ unreadable_ids({'ship_from_name': 'parsed.document.pickup_address'}) }} AS faults,
    parsed.order_id || ':1' AS shipment_id,
    parsed.order_id,
    '1' AS shipment_number,
    true AS is_derived,
    coalesce(mapping.status, 'unknown') AS shipment_status,
    {{ text('parsed.document.state') }} AS source_status,
    {{ text('parsed.document.courier') }} AS ship_method,
    {{ text('trim(parsed.document.pickup_address)') }} AS ship_from_name
FROM {{ ref('stg_skroutz__parsed') }} AS parsed
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'skroutz'
    AND mapping.entity = 'shipment'
    AND mapping.source_value = lower(trim(parsed.document.state))
WHERE
    {{ text('parsed.document.courier') }} IS NOT NULL
    OR len(parsed.document.courier_tracking_codes) > 0
    OR parsed.order_status NOT IN ('open', 'rejected', 'expired', 'cancelled')
