{{ sink(name="here", table="names", mode="replace") }}
SELECT * EXCEPT ("") FROM {{ use_source("string") }}
