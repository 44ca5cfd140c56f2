SELECT id, amount FROM {{ use_source("orders") }} WHERE status = ${STATUS}
