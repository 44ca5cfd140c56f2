SELECT id, amount, id % 0 AS rest FROM {{ use_source("orders") }}
