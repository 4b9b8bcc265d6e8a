-- core.availability from ScanSource: what pricing answers say of stock (by the item number sent), and what the availability
-- operation says (by SAP material number, whatever number was sent; docs/apis/scansource.md 5.2). No quantity on an
-- error.
WITH answers AS (
    SELECT
        record_id,
        partition_day,
        content_sha256,
        fetched_at,
        as_of,
        payload,
        split_part(record_id, ':', 1) AS account,
        split_part(record_id, ':', 3) AS warehouse,
        regexp_extract(record_id, '^(?:[^:]*:){3}(.*)$', 1) AS item_key,
        {{ read_json('payload', '{
            "QuantityAvailable": "VARCHAR", "ErrorFlag": "VARCHAR", "ErrorDescription": "VARCHAR"
        }') }} AS answer
    FROM {{ ref('base_scansource__availability') }}
),

judged AS (
    SELECT
        * EXCLUDE (payload),
        {{ flag("coalesce(nullif(answer.ErrorFlag, ''), 'false')") }} AS is_error,
        {{ text('answer.ErrorFlag') }} AS is_error_text,
        {{ odd_answer('payload', 'answer.QuantityAvailable') }} AS faults
    FROM answers
)

SELECT
    {{ provenance('scansource') }},
    faults,
    warehouse,
    item_key,
    'material' AS item_key_type,
    'availability' AS origin,
    as_of,
    CASE WHEN NOT is_error THEN {{ quantity('answer.QuantityAvailable') }} END AS quantity_available,
    CASE WHEN NOT is_error THEN {{ text('answer.QuantityAvailable') }} END AS quantity_available_text,
    is_error,
    is_error_text,
    {{ text('answer.ErrorDescription') }} AS error_text
FROM judged
UNION ALL BY NAME
SELECT
    {{ provenance('scansource') }},
    faults,
    warehouse,
    requested_item AS item_key,
    CASE part_number_type WHEN '1' THEN 'scansource' WHEN '2' THEN 'manufacturer' WHEN '3' THEN 'material' ELSE 'unknown' END
        AS item_key_type,
    'pricing' AS origin,
    as_of,
    CASE WHEN NOT is_error THEN {{ quantity('answer.QuantityAvailable') }} END AS quantity_available,
    CASE WHEN NOT is_error THEN {{ text('answer.QuantityAvailable') }} END AS quantity_available_text,
    CASE WHEN NOT is_error THEN {{ quantity('answer.TotalInventory') }} END AS quantity_total,
    CASE WHEN NOT is_error THEN {{ text('answer.TotalInventory') }} END AS quantity_total_text,
    CASE WHEN NOT is_error THEN {{ quantity('answer.QuantityOnOrder') }} END AS quantity_on_order,
    CASE WHEN NOT is_error THEN {{ text('answer.QuantityOnOrder') }} END AS quantity_on_order_text,
    {{ text('answer.InventoryDisplay') }} AS display_text,
    is_error,
    is_error_text,
    error_text
FROM {{ ref('stg_scansource__parsed_prices') }}
-- An item that was priced for two quantities has two answers: of one moment one of them tells the stock.
QUALIFY row_number() OVER (
    PARTITION BY account, warehouse, requested_item, part_number_type, as_of ORDER BY is_error, record_id
) = 1
