SELECT id, amount AS the_amount_of_the_order_as_the_shop_has_charged_it_with_all_taxes
FROM {{ use_source("orders") }}
