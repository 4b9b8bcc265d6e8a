-- How far the proofs of a channel can be trusted: of `read_again` records that a proof (where there is no list: a webhook)
-- had said something of, `surprises` were otherwise. missed_share_at_most: if more than this share were missed, so few
-- surprises would come in fewer than one of twenty cases. It sees nothing that every reading misses alike.
WITH counted AS (
    SELECT
        source,
        CASE WHEN lists_window THEN account ELSE '' END AS account,
        sum(read_again)::BIGINT AS read_again,
        sum(surprises)::BIGINT AS surprises
    FROM {{ source('raw', 'fetches') }}
    WHERE read_again > 0
    GROUP BY ALL
)

-- The largest mean of a Poisson count of which `surprises` or fewer come with 5 %: of none it is ln(20), the rule of
-- three; of more it is the chi-square bound as Wilson and Hilferty approximate it.
SELECT
    source,
    account,
    read_again,
    surprises,
    least(1, round(CASE
        WHEN surprises = 0 THEN ln(20)
        ELSE (surprises + 1) * pow(1 - 1 / (9.0 * (surprises + 1)) + 1.645 / (3 * sqrt(surprises + 1)), 3)
    END / read_again, 6)) AS missed_share_at_most
FROM counted
