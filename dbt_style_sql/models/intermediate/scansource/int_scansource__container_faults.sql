-- One row a fault of the rule bad_json: a detail's container has the wrong type. A wrong container reads as NULL, so only
-- details with a NULL container are looked at again.
WITH suspects AS (
    SELECT record_id
    FROM {{ ref('stg_scansource__details') }}
    WHERE document IS NULL
        OR document.SalesOrderLines IS NULL
        OR document.Deliveries IS NULL
        OR document.BillingAddress IS NULL
        OR document.ShippingAddress IS NULL
        OR len(list_filter(document.Deliveries, lambda d: d.Parcels IS NULL OR d.LineItems IS NULL)) > 0
),

-- Materialized, and no filter on the types after it: a JSON call takes memory for every time it stands in the plan.
types AS MATERIALIZED (
    SELECT
        record_id,
        json_type(payload, [
            '$', '$.SalesOrderLines', '$.Deliveries', '$.BillingAddress', '$.ShippingAddress'
        ]) AS found,
        json_type(payload, '$.Deliveries[*].Parcels') AS parcels,
        json_type(payload, '$.Deliveries[*].LineItems') AS line_items
    FROM {{ ref('base_scansource__order_details') }}
    WHERE record_id IN (SELECT record_id FROM suspects)
),

containers AS (
    SELECT
        record_id,
        unnest(['payload', 'SalesOrderLines', 'Deliveries', 'BillingAddress', 'ShippingAddress']) AS field,
        unnest(['OBJECT', 'ARRAY', 'ARRAY', 'OBJECT', 'OBJECT']) AS wanted,
        unnest(found) AS found
    FROM types
    UNION ALL
    SELECT record_id, 'Deliveries.Parcels', 'ARRAY', unnest(parcels) FROM types
    UNION ALL
    SELECT record_id, 'Deliveries.LineItems', 'ARRAY', unnest(line_items) FROM types
)

SELECT
    record_id,
    list({'rule': 'bad_json', 'field': field, 'value': found} ORDER BY field) AS faults
FROM containers
WHERE found NOT IN (wanted, 'NULL')
GROUP BY record_id
