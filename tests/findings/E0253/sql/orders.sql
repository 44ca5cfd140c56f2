{{ sink(name="warehouse") }}
{{ sink(name="warehouse", table="copy") }}
SELECT id FROM {{ use_source("orders") }}
