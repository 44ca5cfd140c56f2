SELECT id, amount * 1.19 AS gross FROM {{ use_source("orders") }} WHERE gross > 100
