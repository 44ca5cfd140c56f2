{{ sink(name="warehouse") }}
SELECT id, amount FROM {{ use_source("orders") }} WHERE id = (SELECT id, amount FROM {{ use_source("orders") }})
