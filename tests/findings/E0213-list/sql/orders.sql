SELECT id, status[1] AS status FROM {{ use_source("orders") }}
