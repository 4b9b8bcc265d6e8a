-- core.serial_numbers from Skroutz: the pieces of a line, joined by commas at the source.
WITH lines AS (
    SELECT
        account,
        partition_day,
        record_id,
        content_sha256,
        fetched_at,
        order_id,
        unnest(document.line_items) AS line
    FROM {{ ref('stg_skroutz__parsed') }}
),

serials AS (
    SELECT
        * EXCLUDE (line),
        line.id AS line_key,
        unnest(list_distinct(list_transform(string_split(line.serial_numbers, ','), lambda part: trim(part))))
            AS serial_number
    FROM lines
)

SELECT
    {{ provenance('skroutz') }},
    order_id,
    {{ text('line_key') }} AS line_key,
    serial_number,
    ['order_line'] AS seen_in
FROM serials
WHERE {{ text('serial_number') }} IS NOT NULL
