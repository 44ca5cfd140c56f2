SELECT id FROM {{ use_source("orders") }}
