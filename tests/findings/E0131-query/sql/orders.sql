SELECT id, amount / 100 AS amount, uper(customer.email) AS email
FROM {{ use_source("orders") }}
WHERE statsu = 'paid' AND length(amount) > 3
