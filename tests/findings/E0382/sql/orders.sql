SELECT id, CAST('NaN' AS DOUBLE) AS ratio FROM {{ use_source("orders") }}
