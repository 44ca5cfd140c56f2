{{ sink(name="warehouse") }}
SELECT id FROM {{ use_source("orders") }};
SELECT amount FROM {{ use_source("orders") }}
