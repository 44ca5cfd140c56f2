SELECT id, amount
FROM {{ use_source("orders") }}
WHERE status = NULL OR upper(status) = 'paid'
   OR quantity > 5 AND quantity < 3
