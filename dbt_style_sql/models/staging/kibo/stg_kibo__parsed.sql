-- One row an order: the payload read once into a struct whose leaves are all text, so that no cast can fail.
-- NULL: no JSON. A container of the wrong type reads as NULL, or as one of NULLs, so the payload of such an order goes
-- along (odd_payload, for int_kibo__container_faults); containers that are mostly absent stay JSON text.
WITH parsed AS (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        payload,
        {{ read_json('payload', '{
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
                "shipmentID": "VARCHAR", "shipmentStatus": "VARCHAR", "shipmentStateCode": "VARCHAR",
                "shipmentStateName": "VARCHAR", "shipmentStateType": "VARCHAR", "shipType": "VARCHAR",
                "packingListLink": "VARCHAR",
                "assignedLocation": "VARCHAR", "shipperName": "VARCHAR", "createDate": "VARCHAR",
                "readyDate": "VARCHAR", "subtotal": "VARCHAR", "total": "VARCHAR", "shippingFee": "VARCHAR",
                "shippingTax": "VARCHAR", "shipmentItemTax": "VARCHAR", "shopatronTotal": "VARCHAR",
                "fulfillerTotal": "VARCHAR", "isLate": "VARCHAR",
                "shippingAddressInformation": {"fraudLock": "VARCHAR", "postalCode": "VARCHAR"},
                "isTestOrder": "VARCHAR",
                "items": [{
                    "orderItemID": "VARCHAR", "itemState": "VARCHAR", "partNumber": "VARCHAR", "sku": "VARCHAR",
                    "description": "VARCHAR", "quantity": "VARCHAR", "subtotal": "VARCHAR",
                    "subtotalTaxAmount": "VARCHAR", "retailPrice": "VARCHAR", "mfgOfferPrice": "VARCHAR",
                    "lineDiscount": "VARCHAR", "shipping": "VARCHAR", "actualPrice": "VARCHAR",
                    "taxRate": "VARCHAR", "customData": "VARCHAR", "discounts": "VARCHAR"
                }],
                "trackingInformation": "JSON"
            }],
            "orderItems": "JSON"
        }') }} AS document
    FROM {{ ref('base_kibo__orders') }}
),

item_ids AS (
    SELECT
        *,
        document.shippingAddressInformation AS address,
        flatten([[item.orderItemID FOR item IN shipment.items] FOR shipment IN document.shipments]) AS ids
    FROM parsed
)

SELECT
    record_id,
    partition_day,
    content_sha256,
    fetched_at,
    document,
    coalesce(document.manufacturerID, '') AS account,
    'kibo:' || nullif(document.manufacturerID, '') || ':' || nullif(document.orderID, '') AS order_id,
    -- An item without id, or one that stands in several places: its line is put together in int_kibo__split_lines.
    coalesce(document.orderItems IS NOT NULL OR len(list_distinct(ids)) < len(ids), false) AS has_split_lines,
    CASE
        WHEN document.shipments IS NULL
            OR document.tax.totalTax IS NULL
            OR document.customer.email IS NULL
            OR coalesce(address.lastName, address.postalCode, address.addressLine1) IS NULL
            OR list_contains([
                shipment.items IS NULL
                OR coalesce(
                    shipment.shippingAddressInformation.fraudLock, shipment.shippingAddressInformation.postalCode
                ) IS NULL
                FOR shipment IN document.shipments
            ], true)
            THEN payload
    END AS odd_payload
FROM item_ids
