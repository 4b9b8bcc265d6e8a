-- The locations that settings name, one row each: where our floor picks (is_ours), and those known to be somebody else's.
SELECT *
FROM (
    SELECT
        NULL::VARCHAR AS source, NULL::VARCHAR AS location, NULL::BOOLEAN AS is_ours
)
WHERE false
{% for source, locations in var('locations', {}).items() %}{% for location in locations %}
UNION ALL SELECT {{ literal(source) }}, {{ literal(location) }}, true
{% endfor %}{% endfor %}
{% for source, locations in var('other_locations', {}).items() %}{% for location in locations %}
UNION ALL SELECT {{ literal(source) }}, {{ literal(location) }}, false
{% endfor %}{% endfor %}
