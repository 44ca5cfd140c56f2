{{ sink(name="warehouse") }}
SELECT orders.id FROM {{ use_source("orders") }} AS o
