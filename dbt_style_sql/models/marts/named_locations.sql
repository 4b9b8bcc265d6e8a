-- The locations that settings name, one row each: where our floors pick (is_ours) and which one, and those known to be
-- somebody else's. A channel's locations are a list, or a map from each to its floor.
SELECT *
FROM (
    SELECT
        NULL::VARCHAR AS source, NULL::VARCHAR AS location, NULL::BOOLEAN AS is_ours, NULL::VARCHAR AS floor
)
WHERE false
{% for source, locations in var('locations', {}).items() %}{% for location in locations %}
UNION ALL SELECT {{ literal(source) }}, {{ literal(location) }}, true, {{ literal(locations[location]) if locations is mapping else floor_of_channel(literal(source)) }}
{% endfor %}{% endfor %}
{% for source, locations in var('other_locations', {}).items() %}{% for location in locations %}
UNION ALL SELECT {{ literal(source) }}, {{ literal(location) }}, false, NULL
{% endfor %}{% endfor %}
