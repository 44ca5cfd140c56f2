{{ sink(name="warehouse", mode="replace", evolve="replace") }}
SELECT id, amount FROM {{ use_source("orders") }}
