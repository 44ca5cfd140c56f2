{{ sink(table="orders") }}
SELECT id, status AS amount FROM {{ use_source("orders") }}
