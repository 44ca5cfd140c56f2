SELECT id, amount / sum(amount) OVER () AS share FROM {{ use_source("orders") }}
