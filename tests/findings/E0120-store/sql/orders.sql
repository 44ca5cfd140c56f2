{{ sink(name="lake") }}
SELECT id, status FROM {{ use_source("orders") }}
