-- core.orders from Skroutz. Amounts are euros by the contract; the URLs, the one-time password and the identity digits of
-- an order are not read at all.
WITH orders AS (
    SELECT
        parsed.*,
        list_concat(list_concat(list_concat(
            container_faults.faults,
            {{ unreadable_ids({'order_number': 'document.code', 'delivery_note_number': 'document.fbs_delivery_note'}) }}),
            {{ unreadable_flags({
                'fulfilled_by_skroutz': 'document.fulfilled_by_skroutz',
                'store_pickup': 'document.store_pickup',
                'pickup_from_collection_point': 'document.customer.address.pickup_from_collection_point',
                'gift_wrap': 'document.gift_wrap'
            }) }}),
            CASE
                WHEN unreadable_event_time IS NOT NULL
                    THEN [{'rule': 'bad_timestamp', 'field': 'event_time', 'value': unreadable_event_time}]
            END
        ) AS faults,
        document.customer.address AS address,
        list_transform(document.line_items, lambda line: {{ decimal('line.total_price') }}) AS line_amounts,
        list_distinct(
            list_transform(document.line_items, lambda line: {{ flag('line.price_includes_vat') }})
        ) AS tax_bases,
        list_transform({{ values_by_name('fees') }}, lambda fee: {{ decimal('fee') }}) AS fee_amounts
    FROM {{ ref('stg_skroutz__parsed') }} AS parsed
    LEFT JOIN {{ ref('int_skroutz__container_faults') }} AS container_faults
        ON container_faults.record_id = parsed.record_id
)

SELECT
    {{ provenance('skroutz') }},
    faults,
    order_id,
    {{ text('document.code') }} AS order_number,
    order_status,
    {{ text('document.state') }} AS source_status,
    {{ text('rejection_info.reason') }} AS status_reason,
    {{ time_with_offset('document.created_at') }} AS ordered_at,
    {{ text('document.created_at') }} AS ordered_at_raw,
    last_event_time AS updated_at,
    last_event_time_text AS updated_at_raw,
    {{ time_with_offset('document.expires_at') }} AS expires_at,
    {{ text('document.expires_at') }} AS expires_at_text,
    {{ time_with_offset('document.dispatch_until') }} AS ship_by_at,
    {{ text('document.dispatch_until') }} AS ship_by_at_text,
    {{ time_with_offset('pickup_window."from"') }} AS pickup_from_at,
    {{ text('pickup_window."from"') }} AS pickup_from_at_text,
    {{ time_with_offset('pickup_window."to"') }} AS pickup_until_at,
    {{ text('pickup_window."to"') }} AS pickup_until_at_text,
    'EUR' AS currency,
    CASE
        WHEN len(line_amounts) > 0 AND NOT list_contains(list_transform(line_amounts, lambda a: a IS NULL), true)
            THEN TRY_CAST(list_sum(line_amounts) AS DECIMAL(18, 4))
    END AS subtotal_amount,
    CASE WHEN len(tax_bases) = 1 THEN tax_bases[1] END AS subtotal_includes_tax,
    {{ decimal('document.shipping_cost') }} AS shipping_amount,
    {{ text('document.shipping_cost') }} AS shipping_amount_text,
    {{ decimal('commission') }} AS commission_amount,
    {{ text('commission') }} AS commission_amount_text,
    CASE
        WHEN len(fee_amounts) > 0 AND NOT list_contains(list_transform(fee_amounts, lambda a: a IS NULL), true)
            THEN TRY_CAST(list_sum(fee_amounts) AS DECIMAL(18, 4))
    END AS platform_fee_amount,
    CASE WHEN len(fee_amounts) > 0 THEN array_to_string({{ values_by_name('fees') }}, ' + ') END AS platform_fee_amount_text,
    CASE
        WHEN len(fee_amounts) > 0
            THEN CAST(to_json(map({{ names_in_order('fees') }}, fee_amounts)) AS VARCHAR)
    END AS platform_fees,
    coalesce(document.code LIKE 'DEMO-%', false) AS is_test,
    {{ flag('document.express') }} AS is_express,
    {{ text('document.express') }} AS is_express_text,
    coalesce({{ flag('document.gift_wrap') }}, false) OR coalesce(contains(document.custom, '[GIFT-WRAP]'), false)
        AS is_gift,
    awaits_read,
    false AS is_fraud_locked,
    {{ flag('document.paid_by_user') }} AS is_paid,
    {{ text('document.paid_by_user') }} AS is_paid_text,
    {{ text('document.payment_method') }} AS payment_method,
    CASE WHEN {{ flag('document.fulfilled_by_skroutz') }} THEN 'marketplace' ELSE 'merchant' END AS fulfilled_by,
    CASE
        WHEN {{ flag('document.store_pickup') }} THEN 'store_pickup'
        WHEN {{ flag('address.pickup_from_collection_point') }} THEN 'collection_point'
        ELSE 'ship'
    END AS delivery_method,
    {{ text('document.courier') }} AS ship_method,
    TRY_CAST(document.number_of_parcels AS INTEGER) AS parcel_count,
    {{ text('document.number_of_parcels') }} AS parcel_count_text,
    {{ flag('document.invoice') }} AS invoice_requested,
    {{ text('document.invoice') }} AS invoice_requested_text,
    {{ text('document.invoice_document') }} AS invoice_document,
    {{ flag('invoice_details.vat_exclusion_requested') }} AS vat_exclusion_requested,
    {{ text('invoice_details.vat_exclusion_requested') }} AS vat_exclusion_requested_text,
    {{ text('invoice_details.vat_exclusion_verification_method') }} AS vat_exclusion_method,
    {{ text('document.fbs_delivery_note') }} AS delivery_note_number,
    replaced AS replaces_order_number,
    CASE WHEN len(replacements) > 0 THEN CAST(to_json(replacements) AS VARCHAR) END AS replacements,
    CASE WHEN len(returns) > 0 THEN CAST(to_json(returns) AS VARCHAR) END AS returns,
    {{ text('document.customer.id') }} AS customer_id,
    {{ text('document.comments') }} AS note,
    {{ text("concat_ws(' ', nullif(document.customer.first_name, ''), nullif(document.customer.last_name, ''))") }}
        AS ship_to_name,
    CASE
        WHEN {{ flag('address.pickup_from_collection_point') }} THEN {{ text('address.collection_point_address') }}
        ELSE {{ text("concat_ws(' ', nullif(address.street_name, ''), nullif(address.street_number, ''))") }}
    END AS ship_to_line1,
    {{ text('address.city') }} AS ship_to_city,
    {{ text('address.region') }} AS ship_to_region,
    {{ text('address.zip') }} AS ship_to_postal_code,
    {{ text('address.country_code') }} AS ship_to_country,
    coalesce({{ text('document.customer.mobile') }}, {{ text('document.customer.phone') }}) AS ship_to_phone,
    {{ text('address.floor') }} AS ship_to_floor,
    {{ text('address.comments') }} AS ship_to_note,
    {{ text('invoice_details.company') }} AS bill_to_name,
    {{ text('invoice_details.profession') }} AS bill_to_profession,
    {{ text('invoice_details.doy') }} AS bill_to_tax_office,
    {{ text("concat_ws(' ', nullif(invoice_details.address.street_name, ''), nullif(invoice_details.address.street_number, ''))") }}
        AS bill_to_line1,
    {{ text('invoice_details.address.city') }} AS bill_to_city,
    {{ text('invoice_details.address.region') }} AS bill_to_region,
    {{ text('invoice_details.address.zip') }} AS bill_to_postal_code,
    {{ text('invoice_details.address.country_code') }} AS bill_to_country,
    {{ text('invoice_details.vat_number') }} AS bill_to_vat_number
FROM orders
