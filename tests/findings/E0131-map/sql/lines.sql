{{ sink(key=["idd"]) }}
{{ map("crate::orders::lines", source="orders", row="{id: int63!, sku: string!}") }}
