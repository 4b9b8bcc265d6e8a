-- One row an order, its day and a status that stored versions of it had: since when the channel says so (the time of an
-- event, which counts no later than its arrival), and when the first of them was fetched. Only of orders with several
-- versions; of the others core tells the same, and no payload has to be read.
WITH several AS (
    SELECT
        record_id,
        partition_day
    FROM {{ source('raw', 'skroutz_orders') }}
    GROUP BY record_id, partition_day
    HAVING count(*) > 1
),

versions AS (
    SELECT
        raw_orders.record_id,
        raw_orders.partition_day,
        raw_orders.fetched_at,
        {{ read_json(skroutz_payload('raw_orders.payload'), '{
            "event_time": "VARCHAR", "order": {"code": "VARCHAR", "state": "VARCHAR"}
        }') }} AS facts
    FROM {{ source('raw', 'skroutz_orders') }} AS raw_orders
    INNER JOIN several
        ON several.record_id = raw_orders.record_id
        AND several.partition_day = raw_orders.partition_day
)

SELECT
    'skroutz' AS source,
    -- An aggregate, though all of the group have the same: else a condition on it would read every payload.
    any_value('skroutz:' || {{ skroutz_account() }} || ':' || {{ text('versions.facts."order".code') }}) AS order_id,
    versions.partition_day AS order_day,
    coalesce(mapping.status, 'unknown') AS order_status,
    min(least({{ time_with_offset('versions.facts.event_time', 'versions.fetched_at') }}, versions.fetched_at))
        FILTER (versions.facts.event_time IS NOT NULL) AS stated_at,
    min(versions.fetched_at) AS first_seen_at,
    count(*) AS versions
FROM versions
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'skroutz'
    AND mapping.entity = 'order'
    AND mapping.source_value = lower(trim(versions.facts."order".state))
GROUP BY versions.record_id, versions.facts."order".code, versions.partition_day, order_status
