SELECT *, amount * 1.19 AS amount FROM {{ use_source("orders") }}
