-- core.shipments from Kibo: one row a shipment of an order. `tracking` is for stg_kibo__parcels.
WITH shipments AS (
    SELECT
        account,
        partition_day,
        record_id,
        content_sha256,
        fetched_at,
        order_id,
        document.orderCurrency AS currency,
        unnest(document.shipments) AS shipment
    FROM {{ ref('stg_kibo__parsed') }}
),

-- A step of its own: nullif() would have what it is given decoded twice.
decoded AS (
    SELECT
        shipments.*,
        {{ decode_entities('shipment.shipperName', 'entity_names.names') }} AS ship_from_name
    FROM shipments
    CROSS JOIN {{ ref('stg_common__entity_names') }} AS entity_names
)

SELECT
    {{ provenance('kibo', 'shipments') }},
    {{ unreadable_ids({
        'shipment_number': 'shipment.shipmentID', 'ship_from_code': 'shipment.assignedLocation'
    }) }} AS faults,
    shipments.order_id || ':' || nullif(shipment.shipmentID, '') AS shipment_id,
    shipments.order_id,
    {{ text('shipment.shipmentID') }} AS shipment_number,
    false AS is_derived,
    coalesce(mapping.status, 'unknown') AS shipment_status,
    {{ text('shipment.shipmentStatus') }} AS source_status,
    {{ text('shipment.shipmentStateCode') }} AS source_state_code,
    {{ text('shipment.shipmentStateName') }} AS source_state_name,
    {{ text('shipment.shipmentStateType') }} AS source_state_type,
    {{ time_with_offset('shipment.createDate') }} AS created_at,
    {{ text('shipment.createDate') }} AS created_at_text,
    {{ time_with_offset('shipment.readyDate') }} AS ready_at,
    {{ text('shipment.readyDate') }} AS ready_at_text,
    {{ text('shipment.shipType') }} AS ship_method,
    {{ text('trim(shipment.assignedLocation)') }} AS ship_from_code,
    {{ text('shipments.ship_from_name') }} AS ship_from_name,
    {{ decimal('shipment.subtotal') }} AS subtotal_amount,
    {{ text('shipment.subtotal') }} AS subtotal_amount_text,
    CASE
        WHEN coalesce(nullif(shipment.shipmentItemTax, ''), nullif(shipment.shippingTax, '')) IS NOT NULL
            THEN TRY_CAST(
                {{ wide(decimal("coalesce(nullif(shipment.shipmentItemTax, ''), '0')")) }}
                + {{ decimal("coalesce(nullif(shipment.shippingTax, ''), '0')") }} AS DECIMAL(18, 4)
            )
    END AS tax_amount,
    nullif(concat_ws(' + ', nullif(shipment.shipmentItemTax, ''), nullif(shipment.shippingTax, '')), '')
        AS tax_amount_text,
    {{ decimal('shipment.shippingFee') }} AS shipping_amount,
    {{ text('shipment.shippingFee') }} AS shipping_amount_text,
    {{ decimal('shipment.total') }} AS total_amount,
    {{ text('shipment.total') }} AS total_amount_text,
    {{ decimal('shipment.shopatronTotal') }} AS platform_fee_amount,
    {{ text('shipment.shopatronTotal') }} AS platform_fee_amount_text,
    {{ decimal('shipment.fulfillerTotal') }} AS fulfiller_amount,
    {{ text('shipment.fulfillerTotal') }} AS fulfiller_amount_text,
    {{ text('shipments.currency') }} AS currency,
    {{ flag('shipment.isLate') }} AS is_late,
    {{ text('shipment.packingListLink') }} AS packing_list_link,
    shipment.trackingInformation AS tracking
FROM decoded AS shipments
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'kibo'
    AND mapping.entity = 'shipment'
    AND lower(mapping.source_value) = lower(trim(shipment.shipmentStatus))
