-- One row an order: its current observation, read once into a struct whose leaves are text, and what earlier ones said of
-- keys that an omission does not clear (commission, fees, replaced order: docs/apis/common_schema.md 1.6).
WITH remembered AS (
    SELECT
        record_id,
        any_value(content_sha256) FILTER (is_current) AS content_sha256,
        any_value(NOT is_read) FILTER (is_current) AS awaits_read,
        arg_max(commission, (effective_at, sequence)) FILTER (commission IS NOT NULL) AS commission,
        arg_max(fees, (effective_at, sequence)) FILTER (fees IS NOT NULL) AS fees,
        arg_max(replaced, (effective_at, sequence)) FILTER (replaced IS NOT NULL) AS replaced,
        any_value(event_time_text) FILTER (is_current AND event_time IS NULL) AS unreadable_event_time,
        max(event_time) AS last_event_time,
        arg_max(event_time_text, event_time) AS last_event_time_text
    FROM {{ ref('stg_skroutz__observations') }}
    GROUP BY record_id
),

parsed AS (
    SELECT
        raw_orders.record_id,
        raw_orders.partition_day,
        raw_orders.content_sha256,
        raw_orders.fetched_at,
        remembered.awaits_read,
        remembered.commission,
        {{ read_json_object('remembered.fees', '"MAP(VARCHAR, VARCHAR)"') }} AS fees,
        remembered.replaced,
        remembered.unreadable_event_time,
        remembered.last_event_time,
        remembered.last_event_time_text,
        {{ read_json(skroutz_payload('raw_orders.payload'), '{
            "order": {
                "code": "VARCHAR", "state": "VARCHAR", "created_at": "VARCHAR", "expires_at": "VARCHAR",
                "dispatch_until": "VARCHAR", "comments": "VARCHAR", "courier": "VARCHAR",
                "courier_tracking_codes": ["VARCHAR"], "express": "VARCHAR", "gift_wrap": "VARCHAR",
                "custom": "JSON", "fulfilled_by_skroutz": "VARCHAR", "store_pickup": "VARCHAR",
                "invoice": "VARCHAR", "invoice_document": "VARCHAR", "uploaded_invoice_file": "VARCHAR",
                "shipping_cost": "VARCHAR", "pickup_address": "VARCHAR", "number_of_parcels": "VARCHAR",
                "payment_method": "VARCHAR", "paid_by_user": "VARCHAR",
                "fbs_delivery_note": "VARCHAR",
                "rejection_info": "JSON", "fees": "JSON", "invoice_details": "JSON", "pickup_window": "JSON",
                "replacements": "JSON", "returns": "JSON",
                "customer": {
                    "id": "VARCHAR", "first_name": "VARCHAR", "last_name": "VARCHAR", "phone": "VARCHAR",
                    "mobile": "VARCHAR",
                    "address": {
                        "street_name": "VARCHAR", "street_number": "VARCHAR", "zip": "VARCHAR", "city": "VARCHAR",
                        "region": "VARCHAR", "country_code": "VARCHAR", "pickup_from_collection_point": "VARCHAR",
                        "collection_point_address": "VARCHAR", "floor": "VARCHAR", "comments": "VARCHAR"
                    }
                },
                "line_items": [{
                    "id": "VARCHAR", "shop_uid": "VARCHAR", "shop_variation_uid": "VARCHAR",
                    "product_name": "VARCHAR", "quantity": "VARCHAR", "unit_price": "VARCHAR",
                    "total_price": "VARCHAR", "price_includes_vat": "VARCHAR", "vat_ratio": "VARCHAR",
                    "commission": "VARCHAR", "commission_rate": "VARCHAR", "ean": "VARCHAR", "mpn": "VARCHAR",
                    "size": "JSON",
                    "rejection_reason": "VARCHAR", "return_reason": "VARCHAR", "serial_numbers": "VARCHAR",
                    "extra_info": "VARCHAR", "tags": "JSON", "island_vat_discount_applied": "VARCHAR"
                }]
            }
        }') }}."order" AS document
    FROM {{ source('raw', 'skroutz_orders') }} AS raw_orders
    INNER JOIN remembered
        ON remembered.record_id = raw_orders.record_id
        AND remembered.content_sha256 = raw_orders.content_sha256
)

SELECT
    parsed.*,
    {{ read_json_object('parsed.document.rejection_info', '{"reason": "VARCHAR"}') }} AS rejection_info,
    {{ read_json_object('parsed.document.invoice_details', '{
        "company": "VARCHAR", "profession": "VARCHAR", "vat_number": "VARCHAR", "doy": "VARCHAR",
        "vat_exclusion_requested": "VARCHAR", "vat_exclusion_verification_method": "VARCHAR",
        "address": {
            "street_name": "VARCHAR", "street_number": "VARCHAR", "zip": "VARCHAR", "city": "VARCHAR",
            "region": "VARCHAR", "country_code": "VARCHAR"
        }
    }') }} AS invoice_details,
    {{ read_json_object('parsed.document.pickup_window', '{"from": "VARCHAR", "to": "VARCHAR"}') }} AS pickup_window,
    {{ read_json_list('parsed.document.replacements', '[{"code": "VARCHAR", "type": "VARCHAR"}]') }} AS replacements,
    {{ read_json_list('parsed.document.returns', '[{"return_uuid": "VARCHAR", "tracking_ids": ["VARCHAR"]}]') }}
        AS returns,
    {{ skroutz_account() }} AS account,
    'skroutz:' || {{ skroutz_account() }} || ':' || {{ text('parsed.document.code') }} AS order_id,
    coalesce(mapping.status, 'unknown') AS order_status
FROM parsed
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'skroutz'
    AND mapping.entity = 'order'
    AND mapping.source_value = lower(trim(parsed.document.state))
