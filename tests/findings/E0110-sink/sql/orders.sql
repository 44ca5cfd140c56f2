{{ sink(name="warehouse", tabel="orders") }}
SELECT id FROM {{ use_source("orders") }}
