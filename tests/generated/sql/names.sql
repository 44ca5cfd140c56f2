{{ sink(name="here", table="names", mode="replace") }}
SELECT * EXCEPT ("", "Self", "aB", "A") FROM {{ use_source("string") }}
