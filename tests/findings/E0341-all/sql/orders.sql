{{ sink(name="lake", partition_by=["status"]) }}
SELECT status FROM {{ use_source("orders") }}
