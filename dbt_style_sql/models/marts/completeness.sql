-- The certificate of each day: `day_certificates`, with the bound of `reading_bounds` and the numbers that a dense
-- sequence of order numbers lacks.
WITH numbers AS (
    SELECT DISTINCT
        source,
        account,
        order_day,
        TRY_CAST(order_number AS BIGINT) AS number
    FROM {{ source('core', 'orders') }}
    WHERE regexp_full_match(order_number, '[0-9]{1,15}')
),

steps AS (
    SELECT
        *,
        number - lag(number) OVER (PARTITION BY source, account ORDER BY number) - 1 AS numbers_missing
    FROM numbers
),

-- Numbers are dense where nine of ten are there; elsewhere a gap says nothing.
dense AS (
    SELECT source, account
    FROM numbers
    GROUP BY source, account
    HAVING count(*) > 1 AND count(*) >= 0.9 * (max(number) - min(number) + 1)
),

gaps AS (
    SELECT
        steps.source,
        steps.account,
        steps.order_day,
        sum(steps.numbers_missing)::BIGINT AS numbers_missing
    FROM steps
    INNER JOIN dense ON dense.source = steps.source AND dense.account = steps.account
    GROUP BY steps.source, steps.account, steps.order_day
)

SELECT
    certificates.source,
    certificates.account,
    certificates.kind,
    certificates.order_day,
    certificates.state,
    certificates.lists,
    certificates.lists_proved,
    certificates.as_of,
    certificates.why,
    gaps.numbers_missing,
    bounds.read_again,
    bounds.surprises,
    bounds.missed_share_at_most
FROM {{ ref('day_certificates') }} AS certificates
LEFT JOIN {{ ref('reading_bounds') }} AS bounds
    ON bounds.source = certificates.source
    AND bounds.account = certificates.account
LEFT JOIN gaps
    ON gaps.source = certificates.source
    AND gaps.account = certificates.account
    AND gaps.order_day = certificates.order_day
    AND certificates.kind = 'order'
