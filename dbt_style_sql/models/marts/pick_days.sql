-- The days whose orders have something to pick or something that keeps a pick, one row a source and day. All rows of
-- pick_candidates are of these days, so an emission reads them alone (docs/decisions/0058). The union is over
-- pick_days__<channel> of the channels that settings name.
SELECT
    source,
    order_day
FROM (SELECT NULL::VARCHAR AS source, NULL::DATE AS order_day)
WHERE false
{% for channel in var('picked_channels') %}
UNION ALL SELECT source, order_day FROM {{ ref('pick_days__' ~ channel) }}
{% endfor %}
