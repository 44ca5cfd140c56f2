SELECT status FROM {{ use_source("orders") }} EXCEPT ALL SELECT status FROM {{ use_source("orders") }} WHERE id = 1
