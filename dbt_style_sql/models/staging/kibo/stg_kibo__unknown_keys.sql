-- Drift: keys that the contract (docs/apis/kibo.md section 4) does not know, one row a key and day. They are kept in
-- raw and read by nobody. Free keys (customData, orderReferences) are not looked at; those of tracking are the
-- request's (section 6).
{% set address = [
    'addressID', 'customerID', 'firstName', 'lastName', 'company', 'addressLine1', 'addressLine2', 'phone', 'city',
    'state', 'postalCode', 'countryCode', 'fraudLock', 'active', 'isBilling', 'isShipping', 'latitude', 'longitude'
] %}
{% set item = [
    'orderItemID', 'itemState', 'orderID', 'shipmentID', 'manufacturerID', 'partNumber', 'sku', 'externalItemID',
    'description', 'quantity', 'retailPrice', 'mfgOfferPrice', 'actualPrice', 'lineDiscount', 'subtotal',
    'subtotalTaxAmount', 'subtotalGross', 'actualPriceTaxAmount', 'taxRate', 'shipping', 'customData', 'capabilities',
    'restrictions', 'discounts'
] %}
WITH found AS (
    {{ unknown_keys('orders', source('raw', 'kibo_orders'), {
        '$': [
            'orderID', 'externalOrderID', 'manufacturerID', 'catalogID', 'customerID', 'orderType', 'isTestOrder',
            'deliveryMethod', 'orderCurrency', 'orderDate', 'orderState', 'orderStatus', 'subtotal',
            'customerSubtotal', 'customerTotalNet', 'total', 'customerTotal', 'estimatedShipping', 'tax',
            'orderManagementFee', 'shipType', 'singlePackageRequested', 'shippingAddress',
            'shippingAddressInformation', 'customer', 'fraud', 'fraudLock', 'shipments', 'orderItems', 'customData',
            'orderReferences', 'discounts', 'capabilities', 'restrictions', 'ipAddress', 'isInventory', 'isGift',
            'isExternalPayment'
        ],
        '$.tax': ['orderTax', 'shippingTax', 'totalTax'],
        '$.customer': ['customerID', 'firstName', 'lastName', 'email', 'password', 'phone1', 'active'],
        '$.shippingAddressInformation': address,
        '$.orderItems[*]': item,
        '$.shipments[*]': [
            'shipmentID', 'orderID', 'manufacturerID', 'externalOrderID', 'catalogID', 'orderType', 'orderDate',
            'isGift', 'isTestOrder', 'shipmentStatus', 'shipmentStateCode', 'shipmentStateName', 'shipmentStateType',
            'shipType', 'assignedLocation', 'shipperName', 'packingListLink', 'shippingAddress',
            'shippingAddressInformation', 'items', 'createDate', 'readyDate', 'subtotal', 'total', 'shippingFee',
            'shippingTax', 'shippingTaxRate', 'shipmentItemTax', 'shopatronTotal', 'packageFee', 'fulfillerTotal',
            'fulfillerShipping', 'fulfillerTax', 'isLate', 'capabilities', 'restrictions', 'trackingInformation',
            'shipmentDate', 'externalShipmentID'
        ],
        '$.shipments[*].shippingAddressInformation': address,
        '$.shipments[*].items[*]': item,
        '$.shipments[*].trackingInformation[*]': [
            'trackingNumber', 'deliveryType', 'carrierType', 'carrierTypeOther', 'transitTime'
        ]
    }) }}
)

{{ count_unknown_keys('found') }}
