{{ sink(name="warehouse", key=["id"], evolve="replace") }}
SELECT id, amount FROM {{ use_source("orders") }}
