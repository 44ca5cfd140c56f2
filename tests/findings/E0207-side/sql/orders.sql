SELECT id, amount FROM {{ use_source("orders") }}
UNION ALL
SELECT id, code FROM {{ use_source("customers") }}
