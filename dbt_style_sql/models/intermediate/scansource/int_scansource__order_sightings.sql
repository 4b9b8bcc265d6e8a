-- One row an order, its day and a status that stored versions of its list row or detail had: when the first of them was
-- fetched. Only of orders of which one of the two has several versions; of the others core tells the same.
WITH sightings AS (
    {% for resource in ['order_rows', 'order_details'] %}
    SELECT
        raw_orders.record_id,
        raw_orders.partition_day,
        raw_orders.fetched_at,
        {{ read_json(readable_payload('raw_orders.payload', {}), '{"Status": "VARCHAR"}') }} AS facts
    FROM {{ source('raw', 'scansource_' ~ resource) }} AS raw_orders
    INNER JOIN (
        SELECT
            record_id,
            partition_day
        FROM {{ source('raw', 'scansource_' ~ resource) }}
        GROUP BY record_id, partition_day
        HAVING count(*) > 1
    ) AS several
        ON several.record_id = raw_orders.record_id
        AND several.partition_day = raw_orders.partition_day
    {{ 'UNION ALL' if not loop.last }}
    {% endfor %}
)

SELECT
    'scansource' AS source,
    'scansource:' || sightings.record_id AS order_id,
    sightings.partition_day AS order_day,
    coalesce(mapping.status, 'unknown') AS order_status,
    CAST(NULL AS TIMESTAMPTZ) AS stated_at,
    min(sightings.fetched_at) AS first_seen_at,
    count(*) AS versions
FROM sightings
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'scansource'
    AND mapping.entity = 'order'
    AND lower(mapping.source_value) = lower(trim(sightings.facts.Status))
GROUP BY ALL
