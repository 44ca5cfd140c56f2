{{ sink(name="warehouse") }}
SELECT id, amount + status AS total FROM {{ use_source("orders") }}
