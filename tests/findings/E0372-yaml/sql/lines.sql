{{ sink(key=["id"]) }}
{{ map("crate::orders::lines", source="orders", row="{id: int64!, sku: string!}") }}
-- One row for each line.
SELECT id FROM orders
