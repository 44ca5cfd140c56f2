{{ sink(name="warehouse", mode="replace") }}
SELECT id, amount FROM {{ use_source("orders") }}
