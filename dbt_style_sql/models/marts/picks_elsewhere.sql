-- What somebody else picks, one row a line: the shipment leaves from a location that is not ours (docs/decisions/0021).
SELECT
    pick_id,
    source,
    account,
    order_id,
    order_number,
    order_day,
    location,
    line_id,
    shipment_id,
    sku,
    quantity
FROM {{ ref('pick_findings') }}
WHERE finding = 'elsewhere'
