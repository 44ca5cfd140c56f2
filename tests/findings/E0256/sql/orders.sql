{{ sink(name="warehouse") }}
{% for _ in range(99999) %}{% for _ in range(99999) %} {% endfor %}{% endfor %}
SELECT id FROM {{ use_source("orders") }}
