-- One row an order: the payload read once into a struct whose leaves are all text, so that no cast can fail.
-- NULL: no JSON. A container of the wrong type reads as NULL (see stg_kibo__container_faults); two that are mostly absent
-- stay text, as do free-form ones.
SELECT
    record_id,
    partition_day,
    content_sha256,
    fetched_at,
    TRY(from_json(payload, '{
        "orderID": "VARCHAR", "externalOrderID": "VARCHAR", "manufacturerID": "VARCHAR",
        "customerID": "VARCHAR", "orderType": "VARCHAR", "isTestOrder": "VARCHAR",
        "deliveryMethod": "VARCHAR", "orderCurrency": "VARCHAR", "orderDate": "VARCHAR",
        "orderStatus": "VARCHAR", "subtotal": "VARCHAR", "total": "VARCHAR", "estimatedShipping": "VARCHAR",
        "tax": {"totalTax": "VARCHAR"}, "orderManagementFee": "VARCHAR", "shipType": "VARCHAR",
        "isGift": "VARCHAR", "fraudLock": "VARCHAR",
        "customer": {"email": "VARCHAR"},
        "shippingAddressInformation": {
            "firstName": "VARCHAR", "lastName": "VARCHAR", "addressLine1": "VARCHAR",
            "addressLine2": "VARCHAR", "phone": "VARCHAR", "city": "VARCHAR", "state": "VARCHAR",
            "postalCode": "VARCHAR", "countryCode": "VARCHAR", "fraudLock": "VARCHAR"
        },
        "shipments": [{
            "shipmentID": "VARCHAR", "shipmentStatus": "VARCHAR", "shipType": "VARCHAR",
            "assignedLocation": "VARCHAR", "shipperName": "VARCHAR", "createDate": "VARCHAR",
            "readyDate": "VARCHAR", "subtotal": "VARCHAR", "total": "VARCHAR", "shippingFee": "VARCHAR",
            "shippingTax": "VARCHAR", "shipmentItemTax": "VARCHAR", "shopatronTotal": "VARCHAR",
            "fulfillerTotal": "VARCHAR", "isLate": "VARCHAR",
            "shippingAddressInformation": {"fraudLock": "VARCHAR"},
            "items": [{
                "orderItemID": "VARCHAR", "itemState": "VARCHAR", "partNumber": "VARCHAR", "sku": "VARCHAR",
                "description": "VARCHAR", "quantity": "VARCHAR", "subtotal": "VARCHAR",
                "subtotalTaxAmount": "VARCHAR", "retailPrice": "VARCHAR", "mfgOfferPrice": "VARCHAR",
                "lineDiscount": "VARCHAR", "shipping": "VARCHAR", "actualPrice": "VARCHAR",
                "taxRate": "VARCHAR", "customData": "VARCHAR", "discounts": "VARCHAR"
            }],
            "trackingInformation": "VARCHAR"
        }],
        "orderItems": "VARCHAR"
    }')) AS document
FROM {{ ref('base_kibo__orders') }}
