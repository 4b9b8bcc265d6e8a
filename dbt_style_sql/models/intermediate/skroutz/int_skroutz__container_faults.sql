-- One row an order whose payload is no JSON or has a container of the wrong type: rule bad_json. A wrong object reads as one
-- of NULLs and a wrong list as NULL, so only such orders are looked at again.
WITH suspects AS (
    SELECT raw_orders.record_id, {{ skroutz_payload('raw_orders.payload') }} AS payload
    FROM {{ source('raw', 'skroutz_orders') }} AS raw_orders
    INNER JOIN {{ ref('stg_skroutz__parsed') }} AS parsed
        ON parsed.record_id = raw_orders.record_id
        AND parsed.content_sha256 = raw_orders.content_sha256
    WHERE
        parsed.document.line_items IS NULL
        OR list_contains(list_transform(parsed.document.line_items, lambda line: line.id IS NULL), true)
        OR parsed.document.courier_tracking_codes IS NULL
        OR coalesce(parsed.document.customer.id, parsed.document.customer.last_name) IS NULL
        OR coalesce(
            parsed.document.customer.address.city, parsed.document.customer.address.street_name,
            parsed.document.customer.address.collection_point_address
        ) IS NULL
        OR {{ is_no_object('parsed.document.fees') }}
        OR {{ is_no_object('parsed.document.rejection_info') }}
        OR {{ is_no_object('parsed.document.invoice_details') }}
        OR {{ is_no_object('parsed.document.pickup_window') }}
        OR {{ is_no_list('parsed.document.replacements') }}
        OR {{ is_no_list('parsed.document.returns') }}
        OR list_contains(list_transform(parsed.replacements, lambda link: link.code IS NULL), true)
        OR list_contains(
            list_transform(parsed.returns, lambda link: link.return_uuid IS NULL OR link.tracking_ids IS NULL), true
        )
        OR (
            parsed.invoice_details IS NOT NULL
            AND coalesce(parsed.invoice_details.address.city, parsed.invoice_details.address.street_name) IS NULL
        )
),

found AS (
    {{ wrong_containers('suspects', {
        '$': 'OBJECT',
        '$.order': 'OBJECT',
        '$.order.line_items': 'ARRAY',
        '$.order.line_items[*]': 'OBJECT',
        '$.order.customer': 'OBJECT',
        '$.order.customer.address': 'OBJECT',
        '$.order.courier_tracking_codes': 'ARRAY',
        '$.order.fees': 'OBJECT',
        '$.order.rejection_info': 'OBJECT',
        '$.order.pickup_window': 'OBJECT',
        '$.order.replacements': 'ARRAY',
        '$.order.replacements[*]': 'OBJECT',
        '$.order.returns': 'ARRAY',
        '$.order.returns[*]': 'OBJECT',
        '$.order.returns[*].tracking_ids': 'ARRAY',
        '$.order.invoice_details': 'OBJECT',
        '$.order.invoice_details.address': 'OBJECT'
    }) }}
)

SELECT
    record_id,
    list({'rule': rule, 'field': replace(field, 'order.', ''), 'value': value}) AS faults
FROM found
GROUP BY record_id
