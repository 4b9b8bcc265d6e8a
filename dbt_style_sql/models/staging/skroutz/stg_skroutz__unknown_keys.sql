-- Drift: keys that the contract (docs/apis/skroutz.md section 5) does not know, one row a key and day, with when it
-- first came and in how many observations. They are kept in raw and read by nobody; new ones came about monthly in
-- 2026.
WITH found AS (
    {{ unknown_keys('orders', source('raw', 'skroutz_orders'), {
        '$': ['event_type', 'event_time', 'order', 'changes', 'received_at', 'observed_at', 'observed_by', 'follows_event'],
        '$.order': [
            'code', 'state', 'customer', 'invoice', 'uploaded_invoice_file', 'invoice_details', 'invoice_document',
            'comments', 'courier', 'courier_voucher', 'courier_tracking_codes', 'line_items', 'created_at',
            'expires_at', 'dispatch_until', 'express', 'gift_wrap', 'rejection_info', 'accept_options',
            'reject_options', 'reschedule_options', 'relocate_options', 'fulfilled_by_skroutz', 'fbs_delivery_note',
            'fbs_delivery_note_url', 'store_pickup', 'shipping_cost', 'commission', 'fees', 'pickup_window',
            'pickup_address', 'number_of_parcels', 'set_as_ready_required', 'is_ready_for_dispatch', 'replacements',
            'replaced', 'replaced_suborder', 'returns', 'custom', 'payment_method', 'paid_by_user',
            'fulfillment_mode'
        ],
        '$.order.customer': ['id', 'first_name', 'last_name', 'phone', 'mobile', 'skroutz_plus_user', 'address'],
        '$.order.customer.address': [
            'street_name', 'street_number', 'zip', 'city', 'region', 'country_code', 'pickup_from_collection_point',
            'collection_point_address', 'comments', 'floor'
        ],
        '$.order.invoice_details': [
            'company', 'profession', 'vat_number', 'doy', 'address', 'vat_exclusion_requested',
            'vat_exclusion_verification_method', 'vat_exclusion_documents', 'vat_exclusion_representative'
        ],
        '$.order.line_items[*]': [
            'id', 'shop_uid', 'shop_variation_uid', 'product_name', 'quantity', 'size', 'unit_price', 'total_price',
            'price_includes_vat', 'commission', 'commission_rate', 'island_vat_discount_applied', 'ean', 'mpn',
            'extra_info', 'rejection_reason', 'return_reason', 'serial_numbers', 'tags', 'readjusted_vat',
            'vat_ratio'
        ]
    }) }}
)

{{ count_unknown_keys('found') }}
