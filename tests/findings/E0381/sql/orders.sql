SELECT id, CAST(status AS INT) AS code FROM {{ use_source("orders") }}
