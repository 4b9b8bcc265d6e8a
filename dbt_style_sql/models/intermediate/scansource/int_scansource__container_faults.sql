-- One row an order with faults of the rule bad_json: one of its answers is no JSON, or a container in it has the wrong type.
-- A wrong object reads as one of NULLs and a wrong list as NULL, so only such answers are looked at again.
WITH odd_rows AS (
    SELECT rows.record_id, rows.payload
    FROM {{ ref('base_scansource__order_rows') }} AS rows
    INNER JOIN {{ ref('stg_scansource__list_rows') }} AS read USING (record_id)
    WHERE read.document.SalesOrderLines IS NULL
        OR coalesce(read.document.BillingAddress.Name, read.document.BillingAddress.City) IS NULL
        OR coalesce(read.document.ShippingAddress.Name, read.document.ShippingAddress.City) IS NULL
),

odd_details AS (
    SELECT details.record_id, details.payload
    FROM {{ ref('base_scansource__order_details') }} AS details
    INNER JOIN {{ ref('stg_scansource__details') }} AS read USING (record_id)
    WHERE read.document.SalesOrderLines IS NULL
        OR coalesce(read.document.BillingAddress.Name, read.document.BillingAddress.City) IS NULL
        OR coalesce(read.document.ShippingAddress.Name, read.document.ShippingAddress.City) IS NULL
        OR read.document.Deliveries IS NULL
        OR len(list_filter(read.document.Deliveries, lambda d: d.Parcels IS NULL OR d.LineItems IS NULL)) > 0
),

found AS (
    SELECT * FROM ({{ wrong_containers('odd_rows', {
        '$': 'OBJECT',
        '$.SalesOrderLines': 'ARRAY',
        '$.SalesOrderLines[*]': 'OBJECT',
        '$.BillingAddress': 'OBJECT',
        '$.ShippingAddress': 'OBJECT'
    }, 'order_rows.') }})
    UNION ALL
    SELECT * FROM ({{ wrong_containers('odd_details', {
        '$': 'OBJECT',
        '$.SalesOrderLines': 'ARRAY',
        '$.SalesOrderLines[*]': 'OBJECT',
        '$.Deliveries': 'ARRAY',
        '$.Deliveries[*]': 'OBJECT',
        '$.Deliveries[*].Parcels': 'ARRAY',
        '$.Deliveries[*].LineItems': 'ARRAY',
        '$.BillingAddress': 'OBJECT',
        '$.ShippingAddress': 'OBJECT'
    }) }})
    UNION ALL
    SELECT record_id, 'bad_json', 'InvoiceNumbers, TrackingNumbers', 'OBJECT'
    FROM {{ ref('stg_scansource__details') }}
    WHERE starts_with(coalesce(document.InvoiceNumbers, document.InvoiceNmbers), '{')
        OR starts_with(document.TrackingNumbers, '{')
    UNION ALL
    SELECT * FROM ({{ wrong_containers(ref('base_scansource__order_tracking'), {
        '$': 'OBJECT',
        '$.Orders': 'ARRAY',
        '$.Orders[*].Deliveries': 'ARRAY',
        '$.Orders[*].Deliveries[*].TrackingNumbers': 'ARRAY'
    }, 'order_tracking.') }})
    UNION ALL
    SELECT * FROM ({{ wrong_containers(ref('base_scansource__order_serials'), {
        '$': 'ARRAY', '$[*]': 'OBJECT'
    }, 'order_serials.') }})
)

SELECT
    record_id,
    list({'rule': rule, 'field': field, 'value': value} ORDER BY field) AS faults
FROM found
GROUP BY record_id
