SELECT id, (SELECT max(amount) FROM {{ use_source("orders") }} GROUP BY id) AS most FROM {{ use_source("orders") }}
