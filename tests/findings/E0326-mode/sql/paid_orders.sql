{{ sink(name="warehouse", table="orders") }}
SELECT id, amount FROM {{ use_source("orders") }}
