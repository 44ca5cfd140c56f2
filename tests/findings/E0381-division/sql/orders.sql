SELECT id, 100 / id AS share FROM {{ use_source("orders") }}
