{{ sink(name="lake", partition_by=["status"]) }}
SELECT id, status FROM {{ use_source("orders") }}
