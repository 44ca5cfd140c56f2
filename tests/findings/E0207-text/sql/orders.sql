SELECT orders.id, name
FROM {{ use_source("orders") }} JOIN {{ use_source("customers") }} ON orders.id = customers.code
