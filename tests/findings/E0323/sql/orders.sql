SELECT id, customer.id AS "ID" FROM {{ use_source("orders") }}
