{{ sink(name="lake", partition_by=["statu", "amount"]) }}
SELECT id, status, amount FROM {{ use_source("orders") }}
