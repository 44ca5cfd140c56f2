{{ sink(key=["id"]) }}
SELECT o.id, c.name
FROM {{ use_source("orders") }} AS o
RIGHT JOIN {{ use_source("customers") }} AS c ON c.id = o.customer_id
