{{ sink(name="warehouse", key=["id"]) }}
SELECT id, unnest(tags) AS tag FROM {{ use_source("orders") }}
