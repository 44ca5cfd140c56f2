{{ sink(name="warehouse") }}
SELECT id FROM {{ use_sorce("orders") }}
