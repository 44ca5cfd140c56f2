{{ sink(name="warehouse", key=["shop", "country", "channel", "number"]) }}
SELECT shop, country, channel, number, amount FROM {{ use_source("orders") }}
