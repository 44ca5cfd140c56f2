SELECT id, isnull(amount, 0) AS amount FROM {{ use_source("orders") }}
