SELECT sum(total) AS total, count(*) AS orders FROM {{ use_source("orders") }}
