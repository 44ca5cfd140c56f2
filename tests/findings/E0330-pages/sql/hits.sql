{{ sink(name="warehouse", mode="replace") }}
SELECT id FROM {{ use_source("hits") }}
