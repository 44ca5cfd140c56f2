{{ sink(name="lake", partition_by=["_status"]) }}
SELECT id, status AS _status FROM {{ use_source("orders") }}
