SELECT id, id * 1000 AS millis FROM {{ use_source("orders") }}
