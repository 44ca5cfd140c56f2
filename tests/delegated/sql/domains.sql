{{ sink(key=["id"]) }}
-- Paid orders, with what Rust makes of them.
SELECT id, domain_of(email) AS domain, with_tax(total, paid_at, NULL) AS gross
FROM {{ use_source("orders") }}
