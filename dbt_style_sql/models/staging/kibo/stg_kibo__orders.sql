-- core.orders from Kibo. `<column>_text` is the source's text of a cast column; `faults` are hard checks found here.
WITH container_faults AS (
    SELECT
        record_id,
        list({'rule': rule, 'field': field, 'value': value}) AS faults
    FROM {{ ref('int_kibo__container_faults') }}
    GROUP BY record_id
),

-- Read out of the document before anything is joined: a join would copy the whole of it.
orders AS (
    SELECT
        account,
        partition_day,
        record_id,
        content_sha256,
        fetched_at,
        order_id,
        {{ text('document.orderID') }} AS order_number,
        {{ text('document.externalOrderID') }} AS external_reference,
        {{ text('document.orderType') }} AS order_type,
        {{ text('document.orderStatus') }} AS source_status,
        {{ time_with_offset('document.orderDate') }} AS ordered_at,
        {{ text('document.orderDate') }} AS ordered_at_raw,
        {{ text('document.orderCurrency') }} AS currency,
        {{ decimal('document.subtotal') }} AS subtotal_amount,
        {{ text('document.subtotal') }} AS subtotal_amount_text,
        {{ decimal('document.tax.totalTax') }} AS tax_amount,
        {{ text('document.tax.totalTax') }} AS tax_amount_text,
        {{ decimal('document.estimatedShipping') }} AS shipping_amount,
        {{ text('document.estimatedShipping') }} AS shipping_amount_text,
        {{ decimal('document.total') }} AS total_amount,
        {{ text('document.total') }} AS total_amount_text,
        {{ decimal('document.orderManagementFee') }} AS platform_fee_amount,
        {{ text('document.orderManagementFee') }} AS platform_fee_amount_text,
        {{ flag("coalesce(nullif(document.isTestOrder, ''), 'false')") }} AS is_test_order,
        {{ text('document.isTestOrder') }} AS is_test_order_text,
        list_filter(
            [shipment.isTestOrder FOR shipment IN coalesce(document.shipments, [])],
            lambda stated: stated <> '' AND lower(stated) <> CAST(is_test_order AS VARCHAR)
        ) AS test_flags_otherwise,
        coalesce(upper(document.shipType) LIKE 'EXPRESS%', false) AS is_express,
        {{ flag('document.isGift') }} AS is_gift,
        {{ text('document.isGift') }} AS is_gift_text,
        {{ text('trim(document.fraudLock)') }} AS order_lock,
        coalesce(upper(nullif(trim(document.fraudLock), '')) NOT IN ('WILL_CHARGE', 'FALSE'), false) AS is_order_locked,
        list_append(
            [shipment.shippingAddressInformation.fraudLock FOR shipment IN coalesce(document.shipments, [])],
            document.shippingAddressInformation.fraudLock
        ) AS address_locks,
        CASE upper(trim(document.deliveryMethod))
            WHEN 'SHIP_TO_HOME' THEN 'ship'
            WHEN 'IN_STORE_PICKUP' THEN 'store_pickup'
            ELSE 'unknown'
        END AS delivery_method,
        {{ text('document.shipType') }} AS ship_method,
        {{ text('document.customerID') }} AS customer_id,
        document.shippingAddressInformation AS address,
        {{ text('document.customer.email') }} AS customer_email
    FROM {{ ref('stg_kibo__parsed') }}
),

-- A step of its own: nullif() would have what it is given decoded twice.
decoded AS (
    SELECT
        orders.*,
        list_filter(address_locks, lambda lock: lower(lock) NOT IN ('false', '')) AS locks,
        {{ decode_entities("concat_ws(' ', nullif(address.firstName, ''), nullif(address.lastName, ''))", 'names') }}
            AS ship_to_name,
        {{ decode_entities('address.addressLine1', 'names') }} AS ship_to_line1,
        {{ decode_entities('address.addressLine2', 'names') }} AS ship_to_line2,
        {{ decode_entities('address.city', 'names') }} AS ship_to_city,
        {{ decode_entities('address.state', 'names') }} AS ship_to_region
    FROM orders
    CROSS JOIN {{ ref('stg_common__entity_names') }} AS entity_names
)

SELECT
    {{ provenance('kibo', 'orders') }},
    list_concat(
        container_faults.faults,
        {{ unreadable_ids({'account': 'orders.account', 'order_number': 'orders.order_number'}) }}
    ) AS faults,
    orders.order_id,
    orders.order_number,
    orders.external_reference,
    orders.order_type,
    coalesce(mapping.status, 'unknown') AS order_status,
    orders.source_status,
    CASE WHEN orders.is_order_locked THEN 'fraudLock ' || orders.order_lock END AS status_reason,
    orders.ordered_at,
    orders.ordered_at_raw,
    orders.currency,
    orders.subtotal_amount,
    orders.subtotal_amount_text,
    false AS subtotal_includes_tax,
    orders.tax_amount,
    orders.tax_amount_text,
    orders.shipping_amount,
    orders.shipping_amount_text,
    orders.total_amount,
    orders.total_amount_text,
    orders.platform_fee_amount,
    orders.platform_fee_amount_text,
    -- Each shipment repeats the flag of its order; one that says otherwise is understood by nobody.
    CASE WHEN len(orders.test_flags_otherwise) > 0 THEN NULL ELSE orders.is_test_order END AS is_test,
    coalesce(
        CAST(orders.is_test_order AS VARCHAR) || ' on the order, ' || orders.test_flags_otherwise[1] || ' on a shipment',
        orders.is_test_order_text
    ) AS is_test_text,
    orders.is_express,
    orders.is_gift,
    orders.is_gift_text,
    -- A lock of an address is a flag; what it says beside true and false is not understood, so no word of it is a no.
    CASE
        WHEN orders.is_order_locked OR list_contains(list_transform(orders.locks, lambda lock: lower(lock)), 'true') THEN true
        WHEN len(orders.locks) > 0 THEN NULL
        ELSE false
    END AS is_fraud_locked,
    orders.locks[1] AS is_fraud_locked_text,
    'merchant' AS fulfilled_by,
    orders.delivery_method,
    orders.ship_method,
    orders.customer_id,
    {{ text('orders.ship_to_name') }} AS ship_to_name,
    {{ text('orders.ship_to_line1') }} AS ship_to_line1,
    {{ text('orders.ship_to_line2') }} AS ship_to_line2,
    {{ text('orders.ship_to_city') }} AS ship_to_city,
    {{ text('orders.ship_to_region') }} AS ship_to_region,
    {{ text('orders.address.postalCode') }} AS ship_to_postal_code,
    {{ text('orders.address.countryCode') }} AS ship_to_country,
    {{ text('orders.address.phone') }} AS ship_to_phone,
    orders.customer_email
FROM decoded AS orders
LEFT JOIN container_faults USING (record_id)
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'kibo'
    AND mapping.entity = 'order'
    AND lower(mapping.source_value) = lower(trim(orders.source_status))
