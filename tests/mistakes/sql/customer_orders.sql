-- What each customer has ordered.
{{ sink(name="warehouse", mode="overwrite") }}
SELECT customer.emial AS email, count(*)
FROM {{ use_source("orders") }}
GROUP BY customer.email
