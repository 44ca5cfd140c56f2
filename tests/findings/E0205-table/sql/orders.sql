{{ sink(name="warehouse") }}
SELECT id FROM orders
