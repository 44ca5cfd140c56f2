SELECT id, amount
FROM {{ use_source("orders") }} {{ use_source("customers") }}
