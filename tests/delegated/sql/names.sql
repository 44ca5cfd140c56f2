{{ sink(table="names") }}
{{ map("crate::orders::rows", source="customers", row="{name: string!}", fallible=true) }}
