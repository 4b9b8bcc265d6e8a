-- What wants a person's eye, by kind and reason.
SELECT
    kind,
    reason,
    source AS channel,
    count(*) AS findings,
    min(since) AS oldest_since
FROM marts.exceptions
WHERE kind <> 'held'
GROUP BY ALL
ORDER BY kind, findings DESC, reason, channel
