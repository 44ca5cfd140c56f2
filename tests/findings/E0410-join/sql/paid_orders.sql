{{ sink(key=["id"]) }}
SELECT c.id, o.status
FROM {{ use_source("customers") }} AS c
JOIN {{ use_source("orders") }} AS o ON o.customer_id = c.id
