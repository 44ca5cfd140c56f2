{{ sink(name="warehouse") }}
SELECT name FROM {{ use_source("repositories") }}
