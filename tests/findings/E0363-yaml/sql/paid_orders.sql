{{ sink(name="warehouse") }}
SELECT id, domain_of(status) AS domain FROM {{ use_source("orders") }}
