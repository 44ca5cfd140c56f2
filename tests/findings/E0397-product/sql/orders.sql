SELECT a.id, b.amount FROM {{ use_source("orders") }} a, {{ use_source("orders") }} b
