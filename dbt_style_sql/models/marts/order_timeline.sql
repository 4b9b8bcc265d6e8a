-- One row an order: when it was ordered, first seen, planned, sent to the floor, picked, shipped, delivered, returned or
-- called off. Test orders are left out.
-- A time `..._first_seen_at` is when we fetched the first version that said so: it happened then or earlier. A time or day
-- without these words is the channel's own statement, or ours (planned, sent). What nobody told is NULL.
-- Versions count that are stored under the order's present day, of channels that keep a history of statuses
-- (int_<channel>__order_sightings); of the others the first sight of a status is not known.
{{ config(meta={'shown': 'newest days'}) }}
WITH sightings AS (
    SELECT *
    FROM (
        SELECT
            NULL::VARCHAR AS source, NULL::VARCHAR AS order_id, NULL::DATE AS order_day, NULL::VARCHAR AS order_status,
            NULL::TIMESTAMPTZ AS stated_at, NULL::TIMESTAMPTZ AS first_seen_at, NULL::BIGINT AS versions
    )
    WHERE false
    {% for channel in var('channels_with_sightings') %}
    UNION ALL BY NAME SELECT * FROM {{ ref('int_' ~ channel ~ '__order_sightings') }}
    {% endfor %}
),

-- Of an order with one version, that version is the current one; a channel without sightings may have had others.
all_sightings AS (
    SELECT
        source,
        order_id,
        order_day,
        order_status,
        stated_at,
        first_seen_at,
        versions
    FROM sightings
    UNION ALL
    SELECT
        source,
        order_id,
        order_day,
        order_status,
        NULL,
        fetched_at,
        0
    FROM {{ source('core', 'orders') }}
    WHERE source IN (
            '' {%- for channel in var('channels_with_sightings') %}, {{ literal(channel) }}{% endfor %}
        )
),

seen AS (
    SELECT
        source,
        order_id,
        order_day,
        CAST(greatest(sum(versions), 1) AS BIGINT) AS versions,
        min(first_seen_at) AS first_seen_at,
        min(first_seen_at) FILTER (order_status = 'accepted') AS accepted_first_seen_at,
        min(stated_at) FILTER (order_status = 'accepted') AS accepted_at,
        min(first_seen_at) FILTER ({{ has_shipped('order_status') }}) AS shipped_first_seen_at,
        min(stated_at) FILTER ({{ has_shipped('order_status') }}) AS shipped_at,
        min(first_seen_at) FILTER (order_status = 'delivered') AS delivered_first_seen_at,
        min(stated_at) FILTER (order_status = 'delivered') AS delivered_at,
        min(first_seen_at) FILTER (order_status IN ('return_pending', 'partially_returned', 'returned'))
            AS return_first_seen_at,
        min(first_seen_at) FILTER (order_status IN ('cancelled', 'rejected', 'expired')) AS cancelled_first_seen_at
    FROM all_sightings
    GROUP BY source, order_id, order_day
),

tracked_shipments AS (
    SELECT DISTINCT
        source,
        order_day,
        shipment_id
    FROM {{ source('core', 'parcels') }}
    WHERE tracking_number IS NOT NULL
),

shipments AS (
    SELECT
        shipments.source,
        shipments.order_day,
        shipments.order_id,
        max(shipments.shipped_on) AS shipped_on,
        bool_or(shipments.is_late) AS is_late,
        -- A parcel with a tracking number proves what no documented status text says (as in marts.pick_follow_up).
        bool_and(shipments.shipment_status = 'unknown' AND tracked_shipments.shipment_id IS NOT NULL)
            FILTER (shipments.shipment_status <> 'cancelled') AS have_left
    FROM {{ source('core', 'shipments') }} AS shipments
    LEFT JOIN tracked_shipments
        ON tracked_shipments.shipment_id = shipments.shipment_id
        AND tracked_shipments.source = shipments.source
        AND tracked_shipments.order_day = shipments.order_day
    GROUP BY shipments.source, shipments.order_day, shipments.order_id
),

picks AS (
    SELECT
        order_id,
        count(*) AS pick_lines,
        count(sent_at) AS pick_lines_sent,
        min(planned_at) AS planned_at,
        min(sent_at) AS first_sent_at,
        max(sent_at) AS last_sent_at,
        max(coalesce(scanorders_read_at, updated_at)) FILTER ({{ is_picked() }}) AS picked_seen_at,
        coalesce(bool_and({{ is_picked() }}) FILTER (sent_at IS NOT NULL), false) AS is_picked
    FROM {{ source('core', 'pick_status') }}
    GROUP BY order_id
)

SELECT
    orders.source,
    orders.account,
    orders.order_id,
    orders.order_number,
    orders.order_day,
    orders.order_status,
    orders.ordered_at,
    orders.ship_by_at,
    seen.versions,
    seen.first_seen_at,
    seen.accepted_at,
    seen.accepted_first_seen_at,
    picks.planned_at,
    picks.first_sent_at,
    picks.last_sent_at,
    coalesce(picks.pick_lines, 0) AS pick_lines,
    coalesce(picks.pick_lines_sent, 0) AS pick_lines_sent,
    CASE WHEN picks.is_picked THEN picks.picked_seen_at END AS picked_seen_at,
    seen.shipped_at,
    CASE WHEN {{ has_shipped('orders.order_status') }} THEN coalesce(shipments.shipped_on, orders.last_shipped_on) END
        AS shipped_on,
    coalesce(
        seen.shipped_first_seen_at,
        CASE WHEN shipments.have_left AND seen.order_id IS NOT NULL THEN orders.fetched_at END
    ) AS shipped_first_seen_at,
    seen.delivered_at,
    seen.delivered_first_seen_at,
    seen.return_first_seen_at,
    seen.cancelled_first_seen_at,
    shipments.is_late AS is_late_by_channel
FROM {{ source('core', 'orders') }} AS orders
LEFT JOIN seen
    ON seen.order_id = orders.order_id
    AND seen.source = orders.source
    AND seen.order_day = orders.order_day
LEFT JOIN shipments
    ON shipments.order_id = orders.order_id
    AND shipments.source = orders.source
    AND shipments.order_day = orders.order_day
LEFT JOIN picks ON picks.order_id = orders.order_id
WHERE NOT orders.is_test
