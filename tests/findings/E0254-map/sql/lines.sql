{{ sink(key=["id"]) }}
{{ map("crate::orders::lines", source="orders", row="{id: " ~ "int64!}") }}
