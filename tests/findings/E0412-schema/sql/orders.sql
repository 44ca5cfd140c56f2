SELECT id, amount FROM {{ use_source("orders") }}
