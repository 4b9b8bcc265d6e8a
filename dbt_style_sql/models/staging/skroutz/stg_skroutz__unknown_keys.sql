-- Drift: keys that the contract (apis/skroutz.md section 5) does not know, one row a key, with when it first came and in how
-- many observations. They are kept in raw and read by nobody; new ones came about monthly in 2026.
WITH documents AS MATERIALIZED (
    SELECT
        record_id,
        fetched_at,
        json_keys(payload, [
            '$', '$.order', '$.order.customer', '$.order.customer.address', '$.order.invoice_details'
        ]) AS keys_of_objects,
        json_keys(payload, '$.order.line_items[*]') AS keys_of_lines
    FROM {{ source('raw', 'skroutz_orders') }}
),

found AS (
    SELECT
        record_id,
        fetched_at,
        unnest(['event', 'order', 'order.customer', 'order.customer.address', 'order.invoice_details']) AS container,
        unnest(keys_of_objects) AS keys
    FROM documents
    UNION ALL
    SELECT record_id, fetched_at, 'order.line_items', list_distinct(flatten(keys_of_lines)) FROM documents
),

known AS (
    SELECT unnest(map_entries(map {
        'event': ['event_type', 'event_time', 'order', 'changes', 'observed_at', 'observed_by'],
        'order': [
            'code', 'state', 'customer', 'invoice', 'uploaded_invoice_file', 'invoice_details', 'invoice_document',
            'comments', 'courier', 'courier_voucher', 'courier_tracking_codes', 'line_items', 'created_at',
            'expires_at', 'dispatch_until', 'express', 'gift_wrap', 'rejection_info', 'accept_options',
            'reject_options', 'reschedule_options', 'relocate_options', 'fulfilled_by_skroutz', 'fbs_delivery_note',
            'fbs_delivery_note_url', 'store_pickup', 'shipping_cost', 'commission', 'fees', 'pickup_window',
            'pickup_address', 'number_of_parcels', 'set_as_ready_required', 'is_ready_for_dispatch', 'replacements',
            'replaced', 'replaced_suborder', 'returns', 'custom', 'payment_method', 'paid_by_user',
            'fulfillment_mode'
        ],
        'order.customer': [
            'id', 'first_name', 'last_name', 'phone', 'mobile', 'skroutz_plus_user', 'address'
        ],
        'order.customer.address': [
            'street_name', 'street_number', 'zip', 'city', 'region', 'country_code', 'pickup_from_collection_point',
            'collection_point_address', 'comments', 'floor'
        ],
        'order.invoice_details': [
            'company', 'profession', 'vat_number', 'doy', 'address', 'vat_exclusion_requested',
            'vat_exclusion_verification_method', 'vat_exclusion_documents', 'vat_exclusion_representative'
        ],
        'order.line_items': [
            'id', 'shop_uid', 'shop_variation_uid', 'product_name', 'quantity', 'size', 'unit_price', 'total_price',
            'price_includes_vat', 'commission', 'commission_rate', 'island_vat_discount_applied', 'ean', 'mpn',
            'extra_info', 'rejection_reason', 'return_reason', 'serial_numbers', 'tags', 'readjusted_vat',
            'vat_ratio'
        ]
    })) AS entry
),

seen AS (
    SELECT record_id, fetched_at, container, unnest(keys) AS key_name FROM found
)

SELECT
    seen.container,
    trim(seen.key_name) AS key_name,
    count(*) AS observations,
    min(seen.fetched_at) AS first_seen_at,
    any_value(seen.record_id) AS example_order_number
FROM seen
INNER JOIN known ON known.entry.key = seen.container
WHERE NOT list_contains(known.entry.value, trim(seen.key_name))
GROUP BY ALL
