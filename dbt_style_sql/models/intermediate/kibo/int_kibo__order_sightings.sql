-- One row an order, its day and a status that stored versions of it had: when the first of them was fetched. Only of orders
-- with several versions; of the others core tells the same, and no payload has to be read.
-- Kibo's words for what has left are not documented: an order whose shipments all have a tracking number is `shipped`.
WITH several AS (
    SELECT
        record_id,
        partition_day
    FROM {{ source('raw', 'kibo_orders') }}
    GROUP BY record_id, partition_day
    HAVING count(*) > 1
),

versions AS (
    SELECT
        raw_orders.record_id,
        raw_orders.partition_day,
        raw_orders.fetched_at,
        {{ read_json(without_nul('raw_orders.payload'), '{
            "orderID": "VARCHAR", "manufacturerID": "VARCHAR", "orderStatus": "VARCHAR",
            "shipments": [{"shipmentStatus": "VARCHAR", "trackingInformation": "JSON"}]
        }') }} AS facts
    FROM {{ source('raw', 'kibo_orders') }} AS raw_orders
    INNER JOIN several
        ON several.record_id = raw_orders.record_id
        AND several.partition_day = raw_orders.partition_day
),

tracked AS (
    SELECT
        *,
        list_transform(
            list_filter(
                facts.shipments,
                lambda shipment: coalesce(upper(trim(shipment.shipmentStatus)) NOT IN ('CANCELED', 'CANCELLED'), true)
            ),
            lambda shipment: len(list_filter(
                {{ read_json_list('shipment.trackingInformation', '[{"trackingNumber": "VARCHAR"}]') }},
                lambda parcel: coalesce(parcel.trackingNumber, '') <> ''
            )) > 0
        ) AS have_left
    FROM versions
)

SELECT
    'kibo' AS source,
    -- An aggregate, though all of the group have the same: else a condition on it would read every payload.
    any_value('kibo:' || nullif(tracked.facts.manufacturerID, '') || ':' || nullif(tracked.facts.orderID, '')) AS order_id,
    tracked.partition_day AS order_day,
    CASE
        WHEN mapping.status IN ('cancelled', 'backordered') THEN mapping.status
        WHEN len(tracked.have_left) > 0 AND NOT list_contains(list_transform(tracked.have_left, lambda left_us: coalesce(left_us, false)), false)
            THEN 'shipped'
        ELSE coalesce(mapping.status, 'unknown')
    END AS order_status,
    CAST(NULL AS TIMESTAMPTZ) AS stated_at,
    min(tracked.fetched_at) AS first_seen_at,
    count(*) AS versions
FROM tracked
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'kibo'
    AND mapping.entity = 'order'
    AND lower(mapping.source_value) = lower(trim(tracked.facts.orderStatus))
GROUP BY tracked.record_id, tracked.facts.manufacturerID, tracked.facts.orderID, tracked.partition_day, order_status
