{{ sink(name="warehouse") }}
SELECT id, email FROM {{ use_source("customers") }}
