{{ sink(name="warehouse", table="orders_of_all_customers_in_all_shops_of_the_company_and_its_friends") }}
SELECT id, amount FROM {{ use_source("orders") }}
