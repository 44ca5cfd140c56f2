SELECT TOP 10 id FROM {{ use_source("orders") }}
