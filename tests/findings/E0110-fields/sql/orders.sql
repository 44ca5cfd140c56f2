SELECT id, amuont FROM {{ use_source("orders") }}
