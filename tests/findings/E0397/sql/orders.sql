SELECT orders.id, name
FROM {{ use_source("orders") }} JOIN {{ use_source("customers") }} ON customer.id = customers.id
