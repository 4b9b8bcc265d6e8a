-- How far behind each channel is: its slowest reading that goes by itself, and the windows that nobody proved complete.
SELECT
    source AS channel,
    max(lag_minutes) FILTER (has_watermark) AS lag_minutes,
    min(last_proved_at) FILTER (has_watermark) AS last_proved_at,
    CAST(sum(unproved_windows) AS BIGINT) AS unproved_windows,
    min(unproved_since) AS unproved_since,
    CAST(sum(calls_of_a_week) AS BIGINT) AS calls_of_a_week,
    CAST(sum(dead_letters_of_a_week) AS BIGINT) AS dead_letters_of_a_week
FROM marts.channel_health
GROUP BY ALL
ORDER BY channel
