-- Open orders by age and by what they wait for; an order counts once, at its oldest line and its most urgent stage.
WITH orders AS (
    SELECT
        order_id,
        max(age_hours) AS age_hours,
        arg_min(stage, list_position(['in_doubt', 'held', 'nothing_to_pick', 'to_be_sent', 'on_the_floor', 'at_the_channel'], stage)) AS stage
    FROM marts.backlog
    GROUP BY order_id
)

SELECT
    CASE
        WHEN age_hours < 24 THEN 'under a day'
        WHEN age_hours < 72 THEN '1 to 3 days'
        WHEN age_hours < 168 THEN '3 to 7 days'
        WHEN age_hours < 720 THEN '7 to 30 days'
        ELSE 'over 30 days'
    END AS age,
    coalesce(stage, 'with_others') AS waits_for,
    count(*) AS orders
FROM orders
GROUP BY ALL
ORDER BY min(age_hours), waits_for
