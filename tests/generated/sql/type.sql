{{ sink(name="here") }}SELECT count(*) AS orders FROM {{ use_source("orders") }}
