{{ sink(name="warehouse", mode="merge") }}
SELECT id, amount FROM {{ use_source("orders") }}
