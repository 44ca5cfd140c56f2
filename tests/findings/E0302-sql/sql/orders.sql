{{ sink(name="warehose") }}
SELECT id, amuont FROM {{ use_source("orders") }}
