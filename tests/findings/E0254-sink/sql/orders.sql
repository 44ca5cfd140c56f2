{{ sink("warehouse", "orders") }}
SELECT id FROM {{ use_source("orders") }}
