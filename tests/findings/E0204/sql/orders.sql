{{ sink(name="warehouse") }}
SELECT id, amonut FROM {{ use_source("orders") }}
