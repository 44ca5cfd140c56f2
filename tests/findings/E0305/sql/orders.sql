{{ sink(name="warehouse", mode="merge", key=["email"]) }}
SELECT customer.email AS email, count(*) AS orders
FROM {{ use_source("orders") }} GROUP BY customer.email
