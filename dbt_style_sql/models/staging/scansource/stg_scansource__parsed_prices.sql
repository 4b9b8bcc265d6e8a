-- One row a pricing answer, errors inside a 200 among them. The question stands in the record id, as the answer does not
-- repeat it: customer:day:warehouse:business unit:part number type:quantity:deal:item.
WITH parsed AS (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        as_of,
        split_part(record_id, ':', 1) AS account,
        split_part(record_id, ':', 3) AS warehouse,
        split_part(record_id, ':', 4) AS business_unit,
        split_part(record_id, ':', 5) AS part_number_type,
        split_part(record_id, ':', 6) AS requested_quantity,
        split_part(record_id, ':', 7) AS deal_id,
        payload,
        regexp_extract(record_id, '^(?:[^:]*:){7}(.*)$', 1) AS requested_item,
        {{ read_json('payload', '{
            "ItemNumber": "VARCHAR", "Cost": "VARCHAR", "UnitPrice": "VARCHAR", "UnitPriceCurrencyCode": "VARCHAR",
            "ExtendedTotal": "VARCHAR", "ExtendedTotalCurrency": "VARCHAR", "MSRP": "VARCHAR",
            "MSRPCurrencyCode": "VARCHAR", "DealerAuthorized": "VARCHAR", "SPA": "VARCHAR",
            "SPADescription": "VARCHAR", "SPARestriction": "VARCHAR", "SPARestrictionDescription": "VARCHAR",
            "QuantityAvailable": "VARCHAR", "TotalInventory": "VARCHAR", "QuantityOnOrder": "VARCHAR",
            "InventoryDisplay": "VARCHAR", "PricingError": "VARCHAR", "PricingErrorDesc": "VARCHAR"
        }') }} AS answer
    FROM {{ ref('base_scansource__prices') }}
)

SELECT
    * EXCLUDE (payload),
    {{ flag("coalesce(nullif(answer.PricingError, ''), 'false')") }} AS is_error,
    {{ text('answer.PricingError') }} AS is_error_text,
    {{ odd_answer('payload', 'answer.ItemNumber') }} AS faults,
    {{ text('answer.PricingErrorDesc') }} AS error_text
FROM parsed
