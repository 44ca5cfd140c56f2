{{ sink(name="warehouse") }}
SELECT id, customer.emial AS email FROM {{ use_source("orders") }}
