SELECT id, to_char(day, '%Y-%M-%d') AS day FROM {{ use_source("orders") }}
