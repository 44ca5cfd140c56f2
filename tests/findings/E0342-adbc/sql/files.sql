{{ sink(name="warehouse", mode="replace", evolve="replace") }}
SELECT id, name FROM {{ use_source("files") }}
