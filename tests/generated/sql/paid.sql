{{ sink(name="warehouse", table="paid_orders", mode="merge", key=["id"]) }}
SELECT o.id, o.amount, c.name
FROM {{ use_source("orders") }} AS o
JOIN {{ use_source("customers") }} AS c ON c.id = o.customer.id
WHERE o.paid AND o.type <> 'test'
