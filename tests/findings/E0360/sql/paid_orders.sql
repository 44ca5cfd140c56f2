{{ sink(name="warehouse") }}
SELECT id, domain_of(id) AS domain FROM {{ use_source("orders") }}
