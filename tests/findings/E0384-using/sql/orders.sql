SELECT id, a.amount FROM {{ use_source("orders") }} AS a FULL JOIN (SELECT id FROM {{ use_source("orders") }}) AS b USING (id)
