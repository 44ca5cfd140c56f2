SELECT id AS ctid, amount FROM {{ use_source("orders") }}
