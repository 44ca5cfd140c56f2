{{ sink(name="warehouse") }}
