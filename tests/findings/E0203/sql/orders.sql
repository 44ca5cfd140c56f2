{{ sink(name="warehouse") }}
UPDATE {{ use_source("orders") }} SET status = 'paid'
