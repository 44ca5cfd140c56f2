{{ sink(name="warehouse") }}
SELECT id, customer.id AS id FROM {{ use_source("orders") }}
