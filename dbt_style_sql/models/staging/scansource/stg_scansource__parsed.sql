-- One row an order: the list row joined to its detail. The detail's facts win; without one (answered "not found") the
-- list row stands alone. The raw version named is the detail's, else the list row's.
SELECT
    list_rows.record_id,
    list_rows.partition_day,
    coalesce(details.content_sha256, list_rows.content_sha256) AS content_sha256,
    coalesce(details.fetched_at, list_rows.fetched_at) AS fetched_at,
    list_rows.account,
    list_rows.order_id,
    list_rows.document AS listed,
    details.document AS detail,
    details.record_id IS NOT NULL AS has_detail
FROM {{ ref('stg_scansource__list_rows') }} AS list_rows
LEFT JOIN {{ ref('stg_scansource__details') }} AS details USING (record_id)
