-- One row a delivery as salesorder/tracking shows it: the only place of its ship method (docs/apis/scansource.md 3.6).
WITH parsed AS (
    SELECT
        record_id,
        {{ read_json('payload', '{
            "Orders": [{
                "OrderNumber": "VARCHAR",
                "Deliveries": [{
                    "DeliveryNumber": "VARCHAR", "ShipDate": "VARCHAR", "ShipMethod": "VARCHAR",
                    "TrackingNumbers": [{"Carrier": "VARCHAR", "TrackingNumber": "VARCHAR"}]
                }]
            }]
        }') }} AS document
    FROM {{ ref('base_scansource__order_tracking') }}
),

tracked_orders AS (
    SELECT record_id, unnest(document.Orders) AS tracked_order
    FROM parsed
),

deliveries AS (
    SELECT record_id, unnest(tracked_order.Deliveries) AS delivery
    FROM tracked_orders
    WHERE ltrim(tracked_order.OrderNumber, '0') = ltrim(split_part(record_id, ':', 2), '0')
        OR nullif(tracked_order.OrderNumber, '') IS NULL
)

SELECT
    record_id,
    {{ text('trim(delivery.DeliveryNumber)') }} AS shipment_number,
    ltrim(trim(delivery.DeliveryNumber), '0') AS compared_number,
    min({{ text('delivery.ShipMethod') }}) AS ship_method,
    min({{ text('delivery.ShipDate') }}) AS ship_date,
    list_distinct(flatten(list(coalesce(delivery.TrackingNumbers, [])))) AS tracking_numbers
FROM deliveries
GROUP BY ALL
