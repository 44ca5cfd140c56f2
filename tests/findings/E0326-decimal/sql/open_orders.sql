{{ sink(table="orders") }}
SELECT id, quantity AS amount FROM {{ use_source("orders") }}
