-- Every location from which a channel's shipments were said to leave, one row a source, code and name.
SELECT DISTINCT
    source,
    ship_from_code,
    ship_from_name
FROM {{ source('core', 'shipments') }}
