{{ sink(name="warehouse") }}
SELECT name, org.slug AS org FROM {{ use_source("repositories") }}
