{{ sink(key=["order", "line"]) }}
{{ map("crate::orders::lines", source="orders", row="{order: int64!, line: int32!, sku: string!}") }}
-- One row for each line of an order.
