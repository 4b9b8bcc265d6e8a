-- core.orders from ScanSource. Order and change dates stand in the list row only (docs/apis/scansource.md 3.5).
WITH orders AS (
    SELECT
        parsed.*,
        coalesce(detail.BillingAddress, listed.BillingAddress) AS billing,
        coalesce(detail.ShippingAddress, listed.ShippingAddress) AS shipping,
        coalesce(nullif(trim(detail.Status), ''), nullif(trim(listed.Status), '')) AS status,
        nullif(trim(listed.Status), '') AS status_of_list,
        CASE
            WHEN has_detail THEN list_filter(
                [
                    {{ scansource_line_number('line.LineNumber') }} FOR line IN listed.SalesOrderLines
                    IF {{ quantity('line.Committed') }} > 0
                ],
                lambda number: NOT list_contains(
                    [{{ scansource_line_number('line.LineNumber') }} FOR line IN detail.SalesOrderLines], number
                )
            )
        END AS lines_of_list_alone,
        list_concat(
            container_faults.faults, {{ unreadable_ids({'order_number': 'listed.OrderNumber'}) }}
        ) AS faults
    FROM {{ ref('stg_scansource__parsed') }} AS parsed
    LEFT JOIN {{ ref('int_scansource__container_faults') }} AS container_faults USING (record_id)
)

SELECT
    {{ provenance('scansource', 'orders') }},
    orders.faults,
    orders.order_id,
    {{ text('listed.OrderNumber') }} AS order_number,
    {{ text('coalesce(detail.ReferenceNumber, listed.ReferenceNumber)') }} AS external_reference,
    {{ text('coalesce(detail.PONumber, listed.PONumber)') }} AS customer_po_number,
    {{ text('coalesce(detail.EndUserPO, listed.EndUserPO)') }} AS end_customer_po_number,
    {{ text('coalesce(detail.DocType, listed.DocType)') }} AS order_type,
    coalesce(mapping.status, 'unknown') AS order_status,
    orders.status AS source_status,
    CASE
        WHEN coalesce(mapping_of_list.status, 'unknown') <> coalesce(mapping.status, 'unknown')
            THEN 'the list says ' || orders.status_of_list
        WHEN len(lines_of_list_alone) > 0 THEN 'the list has line ' || lines_of_list_alone[1] || ', which the detail lacks'
    END AS status_reason,
    {{ scansource_moment('listed.DateEntered') }} AS ordered_at,
    {{ text('listed.DateEntered') }} AS ordered_at_raw,
    {{ scansource_moment('listed.LastChanged') }} AS updated_at,
    {{ text('listed.LastChanged') }} AS updated_at_raw,
    CAST(NULL AS VARCHAR) AS updated_at_text,
    {{ scansource_day('detail.LastShipDate') }} AS last_shipped_on,
    {{ text('detail.LastShipDate') }} AS last_shipped_on_raw,
    {{ text("coalesce(nullif(detail.Currency, ''), listed.Currency)") }} AS currency,
    {{ decimal('detail.TaxAmount') }} AS tax_amount,
    {{ text('detail.TaxAmount') }} AS tax_amount_text,
    {{ decimal('coalesce(detail.FreightAmount, listed.FreightAmount)') }} AS shipping_amount,
    {{ text('coalesce(detail.FreightAmount, listed.FreightAmount)') }} AS shipping_amount_text,
    {{ decimal('detail.InsuranceAmount') }} AS insurance_amount,
    {{ text('detail.InsuranceAmount') }} AS insurance_amount_text,
    {{ decimal('coalesce(detail.Total, listed.Total)') }} AS total_amount,
    {{ text('coalesce(detail.Total, listed.Total)') }} AS total_amount_text,
    false AS is_test,
    false AS is_fraud_locked,
    'distributor' AS fulfilled_by,
    'ship' AS delivery_method,
    {{ text('coalesce(detail.ShippingOptionDescription, listed.ShippingOptionDescription)') }} AS ship_method,
    {{ scansource_texts('coalesce(detail.InvoiceNumbers, detail.InvoiceNmbers)') }} AS invoice_numbers,
    {{ text('coalesce(detail.SalesRepCode, listed.SalesRepCode)') }} AS sales_rep_code,
    {{ text('detail.SalesRepName') }} AS sales_rep_name,
    {{ text('detail.SalesRepEmail') }} AS sales_rep_email,
    {{ text('coalesce(detail.EnteredByEmail, listed.EnteredByEmail)') }} AS entered_by_email,
    {{ text('detail.Memo') }} AS note,
    {{ text('shipping.Name') }} AS ship_to_name,
    {{ text('shipping.Attn') }} AS ship_to_attention,
    {{ text('shipping.Street1') }} AS ship_to_line1,
    {{ text('shipping.Street2') }} AS ship_to_line2,
    {{ text('shipping.City') }} AS ship_to_city,
    {{ text('shipping.State') }} AS ship_to_region,
    {{ text('shipping.PostalCode') }} AS ship_to_postal_code,
    {{ text('shipping.Country') }} AS ship_to_country,
    {{ text('billing.Name') }} AS bill_to_name,
    {{ text('billing.Attn') }} AS bill_to_attention,
    {{ text('billing.Street1') }} AS bill_to_line1,
    {{ text('billing.Street2') }} AS bill_to_line2,
    {{ text('billing.City') }} AS bill_to_city,
    {{ text('billing.State') }} AS bill_to_region,
    {{ text('billing.PostalCode') }} AS bill_to_postal_code,
    {{ text('billing.Country') }} AS bill_to_country
FROM orders
LEFT JOIN {{ ref('status_mappings') }} AS mapping
    ON mapping.source = 'scansource'
    AND mapping.entity = 'order'
    AND lower(mapping.source_value) = lower(orders.status)
LEFT JOIN {{ ref('status_mappings') }} AS mapping_of_list
    ON mapping_of_list.source = 'scansource'
    AND mapping_of_list.entity = 'order'
    AND lower(mapping_of_list.source_value) = lower(orders.status_of_list)
