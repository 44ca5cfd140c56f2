SELECT id, amount FROM {{ use_source("orders") }} ORDER BY amount DESC
