{{ sink(name="here", mode="replace") }}
-- Every field of every order.
-- As the API has it: "raw", \ and all.
SELECT * EXCEPT ("2nd name") FROM {{ use_source("orders") }}
