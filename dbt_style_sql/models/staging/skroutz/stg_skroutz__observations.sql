-- One row an observation of an order (a webhook or a read), read once into a struct whose leaves are text. `is_current` marks
-- the latest by the time of what it tells, whenever it arrived: late and repeated events make history, not state.
-- At the same second an event beats a read: either the read shows it already, or the event came after it. An event from a
-- future day counts from its arrival: webhooks are not signed, and a forged one must not outlast the reads that follow.
WITH parsed AS MATERIALIZED (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        sequence,
        json_valid(payload) AS is_json,
        CASE
            WHEN json_valid(payload)
                THEN coalesce(
                    json_extract_string(payload, '$.order.customer.mobile'),
                    json_extract_string(payload, '$.order.customer.phone')
                )
        END AS phone,
        CASE
            WHEN json_valid(payload) THEN from_json(payload, '{
                "event_type": "VARCHAR", "event_time": "VARCHAR", "observed_at": "VARCHAR", "observed_by": "VARCHAR",
                "changes": "JSON",
                "order": {
                    "code": "VARCHAR", "state": "VARCHAR", "created_at": "VARCHAR", "expires_at": "VARCHAR",
                    "dispatch_until": "VARCHAR", "comments": "VARCHAR", "courier": "VARCHAR",
                    "courier_tracking_codes": ["VARCHAR"], "express": "VARCHAR", "gift_wrap": "VARCHAR",
                    "custom": "JSON", "fulfilled_by_skroutz": "VARCHAR", "store_pickup": "VARCHAR",
                    "invoice": "VARCHAR", "invoice_document": "VARCHAR", "uploaded_invoice_file": "VARCHAR",
                    "shipping_cost": "VARCHAR", "commission": "VARCHAR", "fees": "MAP(VARCHAR, VARCHAR)",
                    "pickup_address": "VARCHAR", "number_of_parcels": "VARCHAR", "is_ready_for_dispatch": "VARCHAR",
                    "replaced": "VARCHAR", "replaced_suborder": "VARCHAR", "replacements": "JSON", "returns": "JSON",
                    "payment_method": "VARCHAR", "paid_by_user": "VARCHAR",
                    "rejection_info": {"reason": "VARCHAR", "actor": "VARCHAR"},
                    "customer": {
                        "id": "VARCHAR", "first_name": "VARCHAR", "last_name": "VARCHAR",
                        "address": {
                            "street_name": "VARCHAR", "street_number": "VARCHAR", "zip": "VARCHAR", "city": "VARCHAR",
                            "region": "VARCHAR", "country_code": "VARCHAR", "pickup_from_collection_point": "VARCHAR",
                            "collection_point_address": "VARCHAR"
                        }
                    },
                    "invoice_details": {
                        "company": "VARCHAR", "vat_number": "VARCHAR", "vat_exclusion_requested": "VARCHAR",
                        "address": {
                            "street_name": "VARCHAR", "street_number": "VARCHAR", "zip": "VARCHAR", "city": "VARCHAR",
                            "region": "VARCHAR", "country_code": "VARCHAR"
                        }
                    },
                    "line_items": [{
                        "id": "VARCHAR", "shop_uid": "VARCHAR", "shop_variation_uid": "VARCHAR",
                        "product_name": "VARCHAR", "quantity": "VARCHAR", "unit_price": "VARCHAR",
                        "total_price": "VARCHAR", "price_includes_vat": "VARCHAR", "vat_ratio": "VARCHAR",
                        "commission": "VARCHAR", "commission_rate": "VARCHAR", "ean": "VARCHAR", "mpn": "VARCHAR",
                        "size": {
                            "label": "VARCHAR", "value": "VARCHAR", "shop_value": "VARCHAR",
                            "shop_variation_uid": "VARCHAR", "ean": "VARCHAR", "mpn": "VARCHAR"
                        },
                        "rejection_reason": "VARCHAR", "return_reason": "VARCHAR", "serial_numbers": "VARCHAR",
                        "extra_info": "VARCHAR", "tags": "JSON", "island_vat_discount_applied": "VARCHAR"
                    }]
                }
            }')
        END AS document
    FROM {{ source('raw', 'skroutz_orders') }}
),

timed AS (
    SELECT
        * EXCLUDE (phone, document),
        {{ masked_phone('phone') }} AS masked_phone,
        document.event_type,
        document.event_time AS event_time_text,
        {{ time_with_offset('document.event_time') }} AS event_time,
        coalesce(document.observed_by, 'webhook') AS observed_by,
        document.changes,
        document."order",
        coalesce(
            {{ time_with_offset('document.event_time') }}, {{ time_with_offset('document.observed_at') }}, fetched_at
        ) AS stated_at
    FROM parsed
),

placed AS (
    SELECT
        * EXCLUDE (stated_at),
        CASE WHEN stated_at > fetched_at + INTERVAL 1 DAY THEN fetched_at ELSE stated_at END AS effective_at
    FROM timed
)

SELECT
    *,
    row_number() OVER (
        PARTITION BY record_id
        ORDER BY effective_at DESC, event_time IS NULL, fetched_at DESC, sequence DESC
    ) = 1 AS is_current
FROM placed
