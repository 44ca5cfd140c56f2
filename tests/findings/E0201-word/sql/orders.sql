SELECT id, amount
FROM {{ use_source("orders") }}
WEHRE status = 'paid'
