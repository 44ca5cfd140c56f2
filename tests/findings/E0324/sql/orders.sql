SELECT id{% for n in range(1999) %}, amount * {{ n }} AS amount_{{ n }}{% endfor %} FROM {{ use_source("orders") }}
