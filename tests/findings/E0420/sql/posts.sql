{{ sink(name="warehouse", mode="merge", key=["id"]) }}
SELECT p.id, a.name AS author
FROM {{ use_source("posts") }} AS p
JOIN {{ use_source("authors") }} AS a ON a.id = p.author
WHERE p.published_at <= now()
