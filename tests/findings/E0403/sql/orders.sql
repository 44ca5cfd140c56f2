SELECT o.id, c.name
FROM {{ use_source("orders") }} AS o
LEFT JOIN {{ use_source("customers") }} AS c ON c.id = o.customer.id
WHERE c.country = 'CH'
