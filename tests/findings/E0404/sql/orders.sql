SELECT id, name FROM {{ use_source("customers") }}
WHERE country NOT IN (SELECT customer.email FROM {{ use_source("orders") }})
