{{ sink(name="warehouse", key=["currency"]) }}
SELECT currency, rate FROM {{ use_source("rates") }}
