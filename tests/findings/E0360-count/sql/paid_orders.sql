{{ sink(name="warehouse") }}
SELECT id, domain_of(status, customer.email) AS domain FROM {{ use_source("orders") }}
