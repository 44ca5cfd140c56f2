{{ sink(name="warehouse", mode="merge", key=["id"]) }}
SELECT e.id, p.at AS parent_at
FROM {{ use_source("events") }} AS e
JOIN {{ use_source("events") }} AS p ON p.id = e.parent
WHERE e.at < now() - INTERVAL '1 hour' AND e.at >= now() - INTERVAL '30 days'
