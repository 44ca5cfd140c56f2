//! Sound projects of different nature, all of the same API. `@api` stands for its address, `@folder`
//! for the folder of the project.

use super::edit::{Project, Text};

const ORDERS: &str = "  - name: orders
    url: @api/orders
    data_path: /data
    pagination: {kind: limit_offset, limit_param: limit, offset_param: offset, limit: 3}
    schema:
      id: int64!
      status: string!
      amount: decimal(12,2)
      quantity: int32
      placed_at: timestamp!
      customer_id: int64!
      customer!:
        id: int64!
        email: string
        address: {city: string, zip: string}
      tags: [string]
      note: string
";

const CUSTOMERS: &str = "  - name: customers
    url: @api/customers
    auth:
      bearer: \"open-sesame\"
    schema: {id: int64!, name: string!, country: string, since: date}
";

const EVENTS: &str = "  - name: events
    url: @api/events
    pagination:
      kind: page_number
      page_param: page
      per_page_param: per_page
      per_page: 3
    schema:
      uuid: uuid!
      kind: string!
      at: timestamp!
      user!: {login: string!, id: int64!}
      order: int64
";

const ISSUES: &str = "  - name: issues
    url: @api/issues
    data_path: /nodes
    pagination:
      kind: cursor
      cursor_param: after
      cursor_path: /page/next
      page_size_param: first
      page_size: 3
    schema:
      number: int64!
      title: string!
      state: string!
      labels: [{id: int64!, name: string!}]
      created_at: timestamp!
      closed_at: timestamp
";

const READINGS: &str = "  - name: readings
    url: @api/readings
    data_path: /values
    pagination: {kind: link_header}
    retry: {max_attempts: 2, min_delay_secs: 1, max_delay_secs: 1}
    schema:
      sensor: string!
      value: float64!
      day: date!
";

const PRODUCTS: &str = "  - name: products
    description: What the shop sells
    url: @api/products
    timeout: 30s
    headers:
      - key: Accept
        value: application/json
    schema: {sku: string!, price: string, inStock: bool!, sizes: {width: float64, height: float64}}
";

const TARGET: &str = "targets:
  - name: warehouse
    type: sqlite
    path: @folder/out.db
";

fn project(name: &'static str, sources: &[&str], queries: &[(&str, &str)]) -> Project {
    let yaml = format!("sources:\n{}\n{TARGET}", sources.join("\n"));
    let queries = queries
        .iter()
        .map(|(name, sql)| Text { name: format!("sql/{name}.sql"), text: (*sql).to_owned() });
    let yaml = Text { name: "pipelines.yaml".to_owned(), text: yaml };
    Project { name, files: std::iter::once(yaml).chain(queries).collect() }
}

/// All of them.
pub(super) fn all() -> Vec<Project> {
    vec![
        project(
            "paid",
            &[ORDERS],
            &[(
                "paid_orders",
                "{{ sink(name=\"warehouse\", table=\"paid_orders\", mode=\"merge\", key=[\"id\"]) }}\n\
             SELECT id, amount, quantity * 2 AS doubled, customer.email AS email\n\
             FROM {{ use_source(\"orders\") }}\n\
             WHERE status = 'paid' AND amount > 10\n",
            )],
        ),
        project(
            "join",
            &[ORDERS, CUSTOMERS],
            &[(
                "with_names",
                "{{ sink(table=\"with_names\", key=[\"order_id\"]) }}\n\
             SELECT\n  o.id AS order_id,\n  c.name AS customer,\n  upper(c.country) AS country,\n  o.amount\n\
             FROM {{ use_source(\"orders\") }} AS o\n\
             LEFT JOIN {{ use_source(\"customers\") }} AS c\n  ON c.id = o.customer_id\n\
             WHERE o.placed_at >= '2026-01-02'\n",
            )],
        ),
        project(
            "groups",
            &[ORDERS],
            &[(
                "by_month",
                "{{ sink(table=\"by_month\", mode=\"replace\") }}\n\
             SELECT\n  date_trunc('month', placed_at) AS month,\n  status,\n  count(*) AS orders,\n\
             \x20 sum(amount) AS total\n\
             FROM {{ use_source(\"orders\") }}\nGROUP BY date_trunc('month', placed_at), status\n\
             HAVING count(*) > 0\n",
            )],
        ),
        project(
            "events",
            &[EVENTS],
            &[(
                "clicks",
                "{{ sink(key=[\"uuid\"]) }}\n\
             SELECT uuid, at, e.user.login AS login, e.order AS place\n\
             FROM {{ use_source(\"events\") }} AS e\n\
             WHERE kind = 'click' AND at BETWEEN '2026-01-01' AND '2026-12-31'\n",
            )],
        ),
        project(
            "labels",
            &[ISSUES],
            &[(
                "labels",
                "{{ sink(table=\"labels\", mode=\"append\") }}\n\
             WITH each_label AS (\n  SELECT number, unnest(labels) AS label\n\
             \x20 FROM {{ use_source(\"issues\") }}\n  WHERE state = 'open'\n)\n\
             SELECT number, label.id AS label_id, label.name AS label_name\nFROM each_label\n",
            )],
        ),
        project(
            "windows",
            &[READINGS],
            &[(
                "trend",
                "{{ sink(table=\"trend\", key=[\"sensor\", \"day\"]) }}\n\
             SELECT\n  sensor,\n  day,\n  value,\n\
             \x20 lag(value) OVER (PARTITION BY sensor ORDER BY day) AS before,\n\
             \x20 round(value, 1) AS rounded,\n\
             \x20 CASE WHEN value > 5 THEN 'high' ELSE 'low' END AS level\n\
             FROM {{ use_source(\"readings\") }}\n",
            )],
        ),
        project(
            "products",
            &[PRODUCTS],
            &[(
                "prices",
                "-- Prices as numbers.\n{{ sink(name=\"warehouse\", table=\"prices\", key=[\"sku\"]) }}\n\
             SELECT sku, TRY_CAST(price AS DECIMAL(9, 2)) AS price, \"inStock\" AS in_stock,\n\
             \x20 coalesce(sizes.width, 0.0) * coalesce(sizes.height, 0.0) AS area\n\
             FROM {{ use_source(\"products\") }}\n",
            )],
        ),
        project(
            "union",
            &[ORDERS, ISSUES],
            &[(
                "activity",
                "{{ sink(table=\"activity\", mode=\"replace\") }}\n\
             SELECT 'order' AS what, id AS number, placed_at AS at FROM {{ use_source(\"orders\") }}\n\
             UNION ALL\n\
             SELECT 'issue' AS what, number, created_at AS at FROM {{ use_source(\"issues\") }}\n",
            )],
        ),
        project(
            "template",
            &[ORDERS],
            &[(
                "states",
                "{% set states = [\"paid\", \"open\"] %}\n\
             {{ sink(table=\"states\", mode=\"replace\") }}\n\
             SELECT customer.address.city AS city,\n\
             {% for state in states %}\n\
             \x20 sum(CASE WHEN status = '{{ state }}' THEN amount END) AS {{ state }}_total,\n\
             {% endfor %}\n\
             \x20 max(quantity) AS most\n\
             FROM {{ use_source(\"orders\") }}\nGROUP BY customer.address.city\n",
            )],
        ),
        project(
            "several",
            &[CUSTOMERS, EVENTS],
            &[
                (
                    "customers",
                    "{{ sink(key=[\"id\"]) }}\n\
                 SELECT id, name, date_part('year', since) AS year\n\
                 FROM {{ use_source(\"customers\") }}\nWHERE name IN ('n1', 'n2', 'n3')\n",
                ),
                (
                    "last_events",
                    "{{ sink(table=\"last_events\", mode=\"replace\") }}\n\
                 SELECT uuid, to_char(at, '%Y-%m-%d') AS day\n\
                 FROM {{ use_source(\"events\") }}\nORDER BY at DESC\nLIMIT 5\n",
                ),
            ],
        ),
        project(
            "subqueries",
            &[ORDERS, EVENTS],
            &[(
                "without_events",
                "{{ sink(table=\"without_events\", key=[\"id\"]) }}\n\
             SELECT id, status, (SELECT count(*) FROM {{ use_source(\"events\") }}) AS events\n\
             FROM {{ use_source(\"orders\") }}\n\
             WHERE id NOT IN (\n  SELECT e.order FROM {{ use_source(\"events\") }} AS e\n\
             \x20 WHERE e.order IS NOT NULL AND e.order > 4\n)\n",
            )],
        ),
    ]
}
