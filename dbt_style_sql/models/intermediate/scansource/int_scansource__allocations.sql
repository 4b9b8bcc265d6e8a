-- Where a line's allocations began anew: the shipped quantities at which all that had ever been allocated had left, over all
-- raw versions of the list row. What is committed after such a moment is a new lot to pick, not the earlier one again.
WITH versions AS (
    SELECT
        record_id,
        fetched_at,
        sequence,
        unnest(
            {{ read_json(readable_payload('payload', {'SalesOrderLines': [{}]}), '{
                "SalesOrderLines": [{"LineNumber": "VARCHAR", "Committed": "VARCHAR", "Shipped": "VARCHAR"}]
            }') }}.SalesOrderLines
        ) AS line
    FROM {{ source('raw', 'scansource_order_rows') }}
),

quantities AS (
    SELECT
        record_id,
        fetched_at,
        sequence,
        {{ scansource_line_number('line.LineNumber') }} AS line_key,
        {{ quantity('line.Committed') }} AS committed,
        {{ quantity('line.Shipped') }} AS shipped
    FROM versions
),

released AS (
    SELECT
        *,
        max({{ wide('committed') }} + shipped) OVER (
            PARTITION BY record_id, line_key ORDER BY fetched_at, sequence
        ) AS most_released
    FROM quantities
)

SELECT
    record_id,
    line_key,
    list_sort(list_distinct(list(shipped))) AS allocated_after
FROM released
WHERE committed = 0 AND shipped > 0 AND shipped >= most_released
GROUP BY record_id, line_key
