SELECT o.id, c.name
FROM {{ use_source("orders") }} AS o
JOIN {{ use_source("customers") }} AS c ON o.id = o.customer.id
