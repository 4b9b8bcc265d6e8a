-- One row an order as salesorder/list shows it: the only place of its dates (docs/apis/scansource.md 3.4). Leaves are
-- text.
WITH parsed AS (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        {{ read_json('payload', '{
            "OrderNumber": "VARCHAR", "PONumber": "VARCHAR", "EndUserPO": "VARCHAR", "ReferenceNumber": "VARCHAR",
            "DocType": "VARCHAR", "Status": "VARCHAR", "SalesRepCode": "VARCHAR", "EnteredByEmail": "VARCHAR",
            "ShippingOptionDescription": "VARCHAR", "FreightAmount": "VARCHAR", "Total": "VARCHAR",
            "Currency": "VARCHAR", "DateEntered": "VARCHAR", "LastChanged": "VARCHAR",
            "BillingAddress": {
                "Name": "VARCHAR", "Attn": "VARCHAR", "Street1": "VARCHAR", "Street2": "VARCHAR",
                "City": "VARCHAR", "State": "VARCHAR", "PostalCode": "VARCHAR", "Country": "VARCHAR"
            },
            "ShippingAddress": {
                "Name": "VARCHAR", "Attn": "VARCHAR", "Street1": "VARCHAR", "Street2": "VARCHAR",
                "City": "VARCHAR", "State": "VARCHAR", "PostalCode": "VARCHAR", "Country": "VARCHAR"
            },
            "SalesOrderLines": [{
                "LineNumber": "VARCHAR", "POLineNumber": "VARCHAR", "ItemNumber": "VARCHAR",
                "ProductMfrPart": "VARCHAR", "Ordered": "VARCHAR", "Committed": "VARCHAR",
                "BackOrdered": "VARCHAR", "Shipped": "VARCHAR", "Canceled": "VARCHAR", "Price": "VARCHAR",
                "Currency": "VARCHAR"
            }]
        }') }} AS document
    FROM {{ ref('base_scansource__order_rows') }}
)

SELECT
    record_id,
    partition_day,
    content_sha256,
    fetched_at,
    split_part(record_id, ':', 1) AS account,
    'scansource:' || record_id AS order_id,
    document
FROM parsed
