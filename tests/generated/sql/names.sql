{{ sink(name="warehouse", table="names", mode="replace") }}
SELECT * EXCEPT ("") FROM {{ use_source("string") }}
