-- One row an order: how long it took to be seen, sent, shipped and delivered, and whether it left on time. Test orders are
-- left out. Times come from marts.order_timeline.
-- shipped_basis and delivered_basis say what the figure rests on: `stated` by the channel with a time, `stated_day`, or
-- `first_seen`, when we first saw it: it took so long or less. Minutes and days are whole ones, rounded down.
-- is_on_time is NULL where nobody can know: no time to ship by, nothing shipped yet and still in time, or shipped at a time
-- that we only saw later. A day that is stated is on time if it is not after the day (UTC) of the time to ship by.
{{ config(meta={'shown': 'newest days'}) }}
WITH dated AS (
    SELECT
        *,
        CASE
            WHEN shipped_at IS NOT NULL THEN 'stated'
            WHEN shipped_on IS NOT NULL THEN 'stated_day'
            WHEN shipped_first_seen_at IS NOT NULL THEN 'first_seen'
        END AS shipped_basis,
        CASE
            WHEN delivered_at IS NOT NULL THEN 'stated'
            WHEN delivered_first_seen_at IS NOT NULL THEN 'first_seen'
        END AS delivered_basis,
        CASE WHEN shipped_basis <> 'stated_day' THEN coalesce(shipped_at, shipped_first_seen_at) END AS shipped_time,
        CAST(ship_by_at AT TIME ZONE 'UTC' AS DATE) AS ship_by_on,
        CAST(ordered_at AT TIME ZONE 'UTC' AS DATE) AS ordered_on,
        order_status IN ('open', 'accepted', 'on_hold', 'backordered', 'partially_shipped') AS is_waiting
    FROM {{ ref('order_timeline') }}
)

SELECT
    source,
    account,
    order_id,
    order_number,
    order_day,
    order_status,
    ordered_at,
    date_sub('minute', ordered_at, first_seen_at) AS minutes_to_first_seen,
    date_sub('minute', ordered_at, first_sent_at) AS minutes_to_sent,
    date_sub('minute', ordered_at, shipped_time) AS minutes_to_shipped,
    CASE
        WHEN shipped_basis = 'stated_day' THEN date_diff('day', ordered_on, shipped_on)
        ELSE date_sub('day', ordered_at, shipped_time)
    END AS days_to_shipped,
    shipped_basis,
    date_sub('day', ordered_at, coalesce(delivered_at, delivered_first_seen_at)) AS days_to_delivered,
    delivered_basis,
    ship_by_at,
    CASE
        WHEN ship_by_at IS NULL THEN CASE WHEN shipped_basis IS NOT NULL OR is_late_by_channel THEN NOT is_late_by_channel END
        WHEN shipped_basis = 'stated' THEN shipped_at <= ship_by_at
        WHEN shipped_basis = 'stated_day' THEN shipped_on <= ship_by_on
        WHEN shipped_basis = 'first_seen' THEN CASE WHEN shipped_first_seen_at <= ship_by_at THEN true END
        WHEN is_waiting AND ship_by_at < now() THEN false
    END AS is_on_time,
    CASE
        WHEN is_on_time IS NULL THEN NULL
        WHEN ship_by_at IS NULL THEN 'said_by_channel'
        ELSE 'ship_by_at'
    END AS on_time_basis
FROM dated
