-- Lines that were sent without an answer: perhaps on the floor, until a person has looked.
SELECT
    order_number,
    source AS channel,
    count(*) AS lines,
    min(since) AS since,
    max(waiting_hours) AS waiting_hours
FROM marts.backlog
WHERE stage = 'in_doubt'
GROUP BY ALL
ORDER BY waiting_hours DESC NULLS LAST, order_number
LIMIT 20
