SELECT a.id, b.amount FROM {{ use_source("orders") }} a LEFT JOIN {{ use_source("orders") }} b
