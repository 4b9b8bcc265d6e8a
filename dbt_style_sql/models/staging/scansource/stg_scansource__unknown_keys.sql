-- Drift: keys that the contract (docs/apis/scansource.md sections 3 to 5) does not know, one row a resource, key and
-- day, compared without case as they are read. They are kept in raw and read by nobody. Objects whose keys it leaves
-- open are not looked at.
{% set address = ['Name', 'Attn', 'Street1', 'Street2', 'City', 'State', 'PostalCode', 'Country'] %}
{% set order_row = [
    'OrderNumber', 'PONumber', 'EndUserPO', 'ReferenceNumber', 'DocType', 'Status', 'SalesRepCode', 'EnteredByEmail',
    'ShippingOptionDescription', 'BillingAddress', 'ShippingAddress', 'FreightAmount', 'Total', 'Currency',
    'SalesOrderLines', 'DateEntered', 'LastChanged'
] %}
{% set order_line = [
    'LineNumber', 'POLineNumber', 'Ordered', 'Committed', 'BackOrdered', 'Shipped', 'Canceled', 'Price', 'ItemNumber',
    'ProductMfrPart', 'Currency'
] %}
WITH found AS (
    {{ unknown_keys('order_rows', source('raw', 'scansource_order_rows'), {
        '$': order_row,
        '$.BillingAddress': address,
        '$.ShippingAddress': address,
        '$.SalesOrderLines[*]': order_line
    }, any_case=true) }}
    UNION ALL
    {{ unknown_keys('order_details', source('raw', 'scansource_order_details'), {
        '$': order_row + [
            'SalesOrderNumber', 'Memo', 'LastShipDate', 'SalesRepName', 'SalesRepEmail', 'InsuranceAmount', 'TaxAmount',
            'InvoiceNumbers', 'InvoiceNmbers', 'TrackingNumbers', 'Deliveries'
        ],
        '$.BillingAddress': address,
        '$.ShippingAddress': address,
        '$.SalesOrderLines[*]': order_line + [
            'ReferenceLineNumber', 'CustomerPartNumber', 'CustomerPartReference', 'ProductDescription', 'ItemCatCode',
            'ItemCatDesc', 'MatlGrpCode', 'MatlGrpDesc', 'RejectReason', 'SerialNumbers', 'ScheduleLines'
        ],
        '$.SalesOrderLines[*].ScheduleLines[*]': ['EstimatedShipDate', 'Confirmed'],
        '$.Deliveries[*]': ['DeliveryDocumentNumber', 'DeliveryStatus', 'ShippedDate', 'Parcels', 'LineItems'],
        '$.Deliveries[*].Parcels[*]': [
            'CartonNumber', 'CarrierCode', 'TrackingType', 'TrackingNumber', 'WeightUOM', 'Weight'
        ],
        '$.Deliveries[*].LineItems[*]': [
            'DeliveryDocumentLineNumber', 'OrderLineNumber', 'QuantityOrdered', 'QuantityPicked', 'QuantityScanned',
            'QuantityShipped', 'QuantityCanceled', 'ItemNumber', 'LineItemDetails'
        ],
        '$.Deliveries[*].LineItems[*].LineItemDetails[*]': [
            'CartonNumber', 'SerialNumber', 'MACAddress', 'MACAddressUnformatted'
        ]
    }, any_case=true) }}
    UNION ALL
    {{ unknown_keys('order_tracking', source('raw', 'scansource_order_tracking'), {
        '$': ['Orders'],
        '$.Orders[*]': ['OrderNumber', 'Deliveries'],
        '$.Orders[*].Deliveries[*]': ['DeliveryNumber', 'ShipDate', 'ShipMethod', 'TrackingNumbers'],
        '$.Orders[*].Deliveries[*].TrackingNumbers[*]': ['Carrier', 'TrackingNumber']
    }, any_case=true) }}
    UNION ALL
    {{ unknown_keys('order_serials', source('raw', 'scansource_order_serials'), {
        '$[*]': [
            'OrderNumber', 'OrderLineNumber', 'PONumber', 'InvoiceNumber', 'ItemNumber', 'ManufacturerItemNumber',
            'Manufacturer', 'SerialNumber', 'BillingDate'
        ]
    }, any_case=true) }}
    UNION ALL
    {{ unknown_keys('invoice_summaries', source('raw', 'scansource_invoice_summaries'), {
        '$': [
            'OrderNumber', 'InvoiceNumber', 'PONumber', 'DocType', 'ShippingOption', 'ShippingOptionDescription',
            'DateEntered', 'LastChanged', 'Total'
        ]
    }, any_case=true) }}
    UNION ALL
    {{ unknown_keys('invoice_details', source('raw', 'scansource_invoice_details'), {
        '$': [
            'InvoiceNumber', 'SalesOrderNumber', 'PONumber', 'EndUserPO', 'ReferenceNumber', 'DocType', 'SalesRepCode',
            'SalesRepName', 'SalesRepEmail', 'EnteredByEmail', 'ShippingOption', 'ShippingOptionDescription',
            'Currency', 'ShipDate', 'BillingAddress', 'ShippingAddress', 'FreightAmount', 'TaxAmount',
            'InsuranceAmount', 'Total', 'InvoiceLines', 'Cancelled'
        ],
        '$.BillingAddress': address,
        '$.ShippingAddress': address,
        '$.InvoiceLines[*]': [
            'LineNumber', 'POLineNumber', 'Ordered', 'Committed', 'BackOrdered', 'Shipped', 'Price',
            'ReferenceLineNumber', 'ItemNumber', 'ProductMfrPart', 'ItemDescription', 'Currency', 'SerialNumbers',
            'Shipments'
        ]
    }, any_case=true) }}
    UNION ALL
    {{ unknown_keys('prices', source('raw', 'scansource_prices'), {
        '$': [
            'ItemNumber', 'Cost', 'UnitPrice', 'UnitPriceCurrencyCode', 'ExtendedTotal', 'ExtendedTotalCurrency',
            'MSRP', 'MSRPCurrencyCode', 'DealerAuthorized', 'SPA', 'SPADescription', 'SPARestriction',
            'SPARestrictionDescription', 'QuantityAvailable', 'TotalInventory', 'QuantityOnOrder', 'InventoryDisplay',
            'DealInfos', 'PricingError', 'PricingErrorDesc'
        ]
    }, any_case=true) }}
    UNION ALL
    {{ unknown_keys('availability', source('raw', 'scansource_availability'), {
        '$': ['Warehouse', 'MaterialNumber', 'QuantityAvailable', 'ErrorFlag', 'ErrorDescription']
    }, any_case=true) }}
)

{{ count_unknown_keys('found') }}
