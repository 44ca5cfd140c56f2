{{ sink(table="orders", mode="merge", key=["id"]) }}
-- Every order with all that is known of it, one row each.
SELECT
    id,
    reference,
    status,
    amount,
    quantity,
    rate,
    paid,
    day,
    placed_at,
    note,
    tags,
    customer.id     AS customer_id,
    customer.name   AS customer_name,
    customer.email  AS customer_email,
    address.street  AS street,
    address.city    AS city,
    address.country AS country,
    description
FROM {{ use_source("orders") }}
