SELECT customer.emial AS email FROM {{ use_source("orders") }}
