-- One row an order as salesorder/detail shows it (docs/apis/scansource.md 3.5); leaves are text, lists of texts stay
-- JSON text, because a plain text may stand in their place.
SELECT
    record_id,
    content_sha256,
    fetched_at,
    {{ read_json('payload', '{
        "SalesOrderNumber": "VARCHAR", "PONumber": "VARCHAR", "EndUserPO": "VARCHAR",
        "ReferenceNumber": "VARCHAR", "DocType": "VARCHAR", "Status": "VARCHAR", "LastShipDate": "VARCHAR",
        "Memo": "VARCHAR", "SalesRepCode": "VARCHAR", "SalesRepName": "VARCHAR", "SalesRepEmail": "VARCHAR",
        "EnteredByEmail": "VARCHAR", "ShippingOptionDescription": "VARCHAR", "InsuranceAmount": "VARCHAR",
        "TaxAmount": "VARCHAR", "FreightAmount": "VARCHAR", "Total": "VARCHAR", "Currency": "VARCHAR",
        "InvoiceNumbers": "JSON", "InvoiceNmbers": "JSON", "TrackingNumbers": "JSON",
        "BillingAddress": {
            "Name": "VARCHAR", "Attn": "VARCHAR", "Street1": "VARCHAR", "Street2": "VARCHAR",
            "City": "VARCHAR", "State": "VARCHAR", "PostalCode": "VARCHAR", "Country": "VARCHAR"
        },
        "ShippingAddress": {
            "Name": "VARCHAR", "Attn": "VARCHAR", "Street1": "VARCHAR", "Street2": "VARCHAR",
            "City": "VARCHAR", "State": "VARCHAR", "PostalCode": "VARCHAR", "Country": "VARCHAR"
        },
        "SalesOrderLines": [{
            "LineNumber": "VARCHAR", "POLineNumber": "VARCHAR", "ReferenceLineNumber": "VARCHAR",
            "ItemNumber": "VARCHAR", "ProductMfrPart": "VARCHAR", "CustomerPartNumber": "VARCHAR",
            "CustomerPartReference": "VARCHAR", "ProductDescription": "VARCHAR", "ItemCatCode": "VARCHAR",
            "ItemCatDesc": "VARCHAR", "MatlGrpCode": "VARCHAR", "MatlGrpDesc": "VARCHAR", "Ordered": "VARCHAR",
            "Committed": "VARCHAR", "BackOrdered": "VARCHAR", "Shipped": "VARCHAR", "Canceled": "VARCHAR",
            "RejectReason": "VARCHAR", "Price": "VARCHAR", "Currency": "VARCHAR", "SerialNumbers": "JSON",
            "ScheduleLines": "JSON"
        }],
        "Deliveries": [{
            "DeliveryDocumentNumber": "VARCHAR", "DeliveryStatus": "VARCHAR", "ShippedDate": "VARCHAR",
            "Parcels": [{
                "CartonNumber": "VARCHAR", "CarrierCode": "VARCHAR", "TrackingType": "VARCHAR",
                "TrackingNumber": "VARCHAR", "Weight": "VARCHAR", "WeightUOM": "VARCHAR"
            }],
            "LineItems": [{
                "DeliveryDocumentLineNumber": "VARCHAR", "OrderLineNumber": "VARCHAR", "ItemNumber": "VARCHAR",
                "QuantityOrdered": "VARCHAR", "QuantityPicked": "VARCHAR", "QuantityScanned": "VARCHAR",
                "QuantityShipped": "VARCHAR", "QuantityCanceled": "VARCHAR",
                "LineItemDetails": "JSON"
            }]
        }]
    }') }} AS document
FROM {{ ref('base_scansource__order_details') }}
