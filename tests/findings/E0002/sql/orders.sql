{{ sink(name="warehouse") }}
-- Commandes payées.
SELECT id FROM {{ use_source("orders") }}
