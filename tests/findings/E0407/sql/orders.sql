SELECT id, CAST(amount AS INT) AS amount FROM {{ use_source("orders") }}
