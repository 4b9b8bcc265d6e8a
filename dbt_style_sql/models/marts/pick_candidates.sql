-- What the picked channels want picked, one row a line. A row without pick id is no pick: it says what keeps its order from
-- going whole, or why an order that should be picked has nothing to pick. What the item master calls no thing on a shelf is
-- not stocked. The union is over pick_candidates__<channel> of the channels that settings name.
-- is_ours: whether our floor picks at the row's location (docs/decisions/0021). NULL where nobody said so: a channel of
-- which several locations are known and none is named as ours, or a pick without location of a channel that names them.
WITH candidates AS (
    SELECT *
    FROM (
        SELECT
            NULL::VARCHAR AS pick_id, NULL::VARCHAR AS source, NULL::VARCHAR AS account, NULL::VARCHAR AS order_id,
            NULL::VARCHAR AS order_number, NULL::DATE AS order_day, NULL::TIMESTAMPTZ AS ordered_at,
            NULL::DATE AS ordered_on, NULL::TIMESTAMPTZ AS ship_by_at, NULL::BOOLEAN AS is_express,
            NULL::VARCHAR AS line_id, NULL::VARCHAR AS shipment_id, NULL::VARCHAR AS location, NULL::VARCHAR AS sku, NULL::VARCHAR AS ean,
            NULL::VARCHAR AS product_name, NULL::DECIMAL(18, 3) AS quantity, NULL::VARCHAR AS customer_name,
            NULL::VARCHAR AS ship_to, NULL::VARCHAR AS marketplace_order_id, NULL::VARCHAR AS hold_reason,
            NULL::VARCHAR AS hold_detail
    )
    WHERE false
    {% for channel in var('picked_channels') %}
    UNION ALL BY NAME SELECT * FROM {{ ref('pick_candidates__' ~ channel) }}
    {% endfor %}
),

channels AS (
    SELECT
        source,
        bool_or(names_ours) AS names_ours,
        -- Where a channel gives codes, a shipment that has a name alone is no further location.
        coalesce(nullif(count(DISTINCT ship_from_code), 0), count(DISTINCT ship_from_name)) AS unnamed
    FROM (
        SELECT source, NULL AS ship_from_code, NULL AS ship_from_name, is_ours AS names_ours
        FROM {{ ref('named_locations') }}
        WHERE is_ours
        UNION ALL
        SELECT seen.source, seen.ship_from_code, seen.ship_from_name, false
        FROM {{ ref('shipping_locations') }} AS seen
        ANTI JOIN {{ ref('named_locations') }} AS named
            ON named.source = seen.source AND named.location = {{ shipping_location('seen') }}
    )
    GROUP BY source
),

judged AS (
    SELECT
        candidates.*,
        named.floor AS floor_of_location,
        CASE
            WHEN named.location IS NOT NULL THEN named.is_ours
            WHEN coalesce(channels.names_ours, false) AND candidates.location IS NOT NULL THEN false
            WHEN candidates.pick_id IS NOT NULL AND (channels.names_ours OR channels.unnamed > 1) THEN NULL
            ELSE true
        END AS is_ours
    FROM candidates
    LEFT JOIN {{ ref('named_locations') }} AS named
        ON named.source = candidates.source AND named.location = candidates.location
    LEFT JOIN channels ON channels.source = candidates.source
)

SELECT
    judged.* EXCLUDE (floor_of_location, is_ours),
    not_stocked.sku IS NULL AS is_stocked,
    judged.is_ours,
    CASE WHEN judged.is_ours THEN coalesce(judged.floor_of_location, {{ floor_of_channel('judged.source') }}) END AS floor
FROM judged
LEFT JOIN (
    SELECT DISTINCT source, sku
    FROM {{ source('reference', 'item_locations') }}
    WHERE lower(not_stocked) IN ('true', 'yes')
) AS not_stocked
    ON not_stocked.source = judged.source AND not_stocked.sku = judged.sku
