{{ sink(name="warehouse") }}
SELECT id, amount
FORM {{ use_source("orders") }}
