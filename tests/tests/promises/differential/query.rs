//! A random query of the kinds that the reference promises, in words that PostgreSQL takes, too.
//!
//! What both may answer differently and be right is left out: the order of rows, how far a quotient
//! is computed, a LIMIT without a total order.

use apitap_tests::random::Random;

use super::tables::{Column, Kind, Table};

/// A query, and what its columns hold.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) columns: Vec<(String, Kind)>,
}

/// Writes queries.
pub(super) struct Writer<'a> {
    random: &'a mut Random,
    tables: &'a [Table],
    /// Whether expressions may fail on some value.
    fallible: bool,
    /// How many tables have been named.
    names: usize,
}

/// A table of a FROM.
#[derive(Debug, Clone)]
struct Named {
    alias: String,
    columns: Vec<(String, Kind)>,
}

type Scope = Vec<Named>;

impl<'a> Writer<'a> {
    pub(super) fn new(random: &'a mut Random, tables: &'a [Table], fallible: bool) -> Self {
        Self { random, tables, fallible, names: 0 }
    }

    pub(super) fn query(&mut self) -> Query {
        match self.random.below(12) {
            0..=2 => self.plain(2),
            3..=5 => self.grouped(),
            6 => self.grouping_sets(),
            7 => self.windows(),
            8 => self.set_operation(),
            9 => self.with(),
            10 => self.distinct(),
            _ => self.first_rows(),
        }
    }

    /// `SELECT … FROM … [WHERE …]`.
    fn plain(&mut self, depth: usize) -> Query {
        let (from, scope) = self.from(depth);
        let columns = self.columns(&scope, 1 + depth);
        self.select("", columns, &from, &scope, depth)
    }

    fn columns(&mut self, scope: &Scope, most: usize) -> Vec<(String, Kind)> {
        let count = 1 + self.random.below(most + 1);
        (0..count)
            .map(|_| {
                let kind = *self.random.one(&Kind::ALL);
                (self.value(kind, scope, 2), kind)
            })
            .collect()
    }

    fn select(
        &mut self,
        words: &str,
        columns: Vec<(String, Kind)>,
        from: &str,
        scope: &Scope,
        depth: usize,
    ) -> Query {
        let (list, columns) = named(columns);
        let filter = self.filter(scope, depth);
        Query { sql: format!("SELECT {words}{list} FROM {from}{filter}"), columns }
    }

    fn filter(&mut self, scope: &Scope, depth: usize) -> String {
        match self.random.percent(60) {
            true => format!(" WHERE {}", self.condition(scope, depth)),
            false => String::new(),
        }
    }

    /// A condition in which there may be subqueries.
    fn condition(&mut self, scope: &Scope, depth: usize) -> String {
        match self.random.below(if depth == 0 { 6 } else { 10 }) {
            0..=5 => self.value(Kind::Bool, scope, 2),
            6 => {
                let (one, other) =
                    (self.condition(scope, depth - 1), self.condition(scope, depth - 1));
                let operator = self.random.one(&["AND", "OR"]);
                format!("({one} {operator} {other})")
            }
            7 => self.exists(scope),
            8 => self.among(scope),
            _ => self.compared_with_one(scope),
        }
    }

    fn exists(&mut self, scope: &Scope) -> String {
        let (from, inner) = self.table();
        let (outer, own) = (self.column_of(scope, Kind::Int), self.column_of(&inner, Kind::Int));
        let not = self.random.one(&["", "NOT "]);
        let more = match self.random.percent(40) {
            true => format!(" AND {}", self.value(Kind::Bool, &inner, 1)),
            false => String::new(),
        };
        format!("{not}EXISTS (SELECT 1 FROM {from} WHERE {own} = {outer}{more})")
    }

    fn among(&mut self, scope: &Scope) -> String {
        let kind = *self.random.one(&[Kind::Int, Kind::Text, Kind::Date]);
        let (from, inner) = self.table();
        let (one, own) = (self.value(kind, scope, 1), self.value(kind, &inner, 0));
        let not = self.random.one(&["", "NOT "]);
        let filter = self.filter(&inner, 0);
        format!("{one} {not}IN (SELECT {own} FROM {from}{filter})")
    }

    fn compared_with_one(&mut self, scope: &Scope) -> String {
        let (from, inner) = self.table();
        let (own, value) = (self.column_of(&inner, Kind::Int), self.value(Kind::Int, scope, 1));
        let filter = match self.random.percent(50) {
            true => format!(" WHERE {own} = {}", self.column_of(scope, Kind::Int)),
            false => String::new(),
        };
        let function = self.random.one(&["max", "min", "count", "sum"]);
        let operator = self.random.one(&["=", "<", ">="]);
        format!("{value} {operator} (SELECT {function}({own}) FROM {from}{filter})")
    }

    /// One table, under a name of its own.
    fn table(&mut self) -> (String, Scope) {
        self.names += 1;
        let alias = format!("t{}", self.names);
        let table = self.random.one(self.tables);
        let column = |column: &Column| (column.name.clone(), column.kind);
        let columns = table.columns.iter().map(column).collect();
        (format!("{} AS {alias}", table.name), vec![Named { alias, columns }])
    }

    /// A table, a query in its place, or several that are joined.
    fn from(&mut self, depth: usize) -> (String, Scope) {
        let (mut from, mut scope) = self.table_or_query(depth);
        for _ in 0..[0, 0, 1, 1, 2][self.random.below(5)] {
            let (other, inner) = self.table_or_query(depth.saturating_sub(1));
            let kind = *self.random.one(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
            let key = *self.random.one(&[Kind::Int, Kind::Int, Kind::Text]);
            let (left, right) = (self.column_of(&scope, key), self.column_of(&inner, key));
            scope.extend(inner);
            let more = match kind != "FULL JOIN" && self.random.percent(25) {
                true => format!(" AND {}", self.value(Kind::Bool, &scope, 1)),
                false => String::new(),
            };
            from = format!("{from} {kind} {other} ON {left} = {right}{more}");
        }
        (from, scope)
    }

    fn table_or_query(&mut self, depth: usize) -> (String, Scope) {
        if depth < 2 || self.random.percent(75) {
            return self.table();
        }
        let Query { sql, columns } = match self.random.below(3) {
            0 => self.grouped(),
            1 => self.distinct(),
            _ => self.plain(1),
        };
        self.names += 1;
        let alias = format!("t{}", self.names);
        (format!("({sql}) AS {alias}"), vec![Named { alias, columns }])
    }

    fn group_by(&mut self, scope: &Scope, most: usize) -> Vec<(String, Kind)> {
        let mut keys: Vec<(String, Kind)> = Vec::new();
        for _ in 0..1 + self.random.below(most) {
            let kind = *self.random.one(&[Kind::Text, Kind::Int, Kind::Bool, Kind::Date]);
            let key = self.column_of(scope, kind);
            // A constant would be a place in the list.
            if key.contains('.')
                && !key.contains(' ')
                && keys.iter().all(|(known, _)| *known != key)
            {
                keys.push((key, kind));
            }
        }
        keys
    }

    fn aggregate(&mut self, scope: &Scope) -> (String, Kind) {
        let kind = *self.random.one(&[Kind::Int, Kind::Money, Kind::Small, Kind::Date, Kind::Text]);
        let of = self.value(kind, scope, 1);
        let (call, result) = match (self.random.below(7), kind) {
            (0, _) => ("count(*)".to_owned(), Kind::Int),
            (1, _) => (format!("count({of})"), Kind::Int),
            (2, _) => (format!("count(DISTINCT {of})"), Kind::Int),
            (3, Kind::Int | Kind::Small) => (format!("sum({of})"), Kind::Int),
            (3, Kind::Money) => (format!("sum({of})"), Kind::Money),
            (4, Kind::Money) => return (format!("round(avg({of}), 3)"), Kind::Money),
            (5, Kind::Int | Kind::Small) => (format!("sum(DISTINCT {of})"), Kind::Int),
            (0..=5, _) => (format!("min({of})"), kind),
            _ => (format!("max({of})"), kind),
        };
        match self.random.percent(20) {
            true => (format!("{call} FILTER (WHERE {})", self.value(Kind::Bool, scope, 1)), result),
            false => (call, result),
        }
    }

    fn grouped(&mut self) -> Query {
        let (from, scope) = self.from(1);
        let keys = self.group_by(&scope, 2);
        let mut columns = keys.clone();
        for _ in 0..1 + self.random.below(3) {
            columns.push(self.aggregate(&scope));
        }
        let query = self.select("", columns, &from, &scope, 1);
        let names: Vec<_> = keys.iter().map(|(key, _)| key.as_str()).collect();
        let group = if names.is_empty() {
            String::new()
        } else {
            format!(" GROUP BY {}", names.join(", "))
        };
        let having = match self.random.percent(25) {
            true => format!(
                " HAVING count(*) {} {}",
                self.random.one(&[">", "<="]),
                self.random.below(4)
            ),
            false => String::new(),
        };
        Query { sql: format!("{}{group}{having}", query.sql), ..query }
    }

    fn grouping_sets(&mut self) -> Query {
        let (from, scope) = self.from(1);
        let keys = self.group_by(&scope, 3);
        let names: Vec<_> = keys.iter().map(|(key, _)| key.as_str()).collect();
        let mut columns = keys.clone();
        columns.push(self.aggregate(&scope));
        let query = self.select("", columns, &from, &scope, 0);
        let list = names.join(", ");
        let group = match (names.first(), self.random.below(3)) {
            (None, _) => String::new(),
            (_, 0) => format!(" GROUP BY ROLLUP ({list})"),
            (_, 1) => format!(" GROUP BY CUBE ({list})"),
            (Some(first), _) => format!(" GROUP BY GROUPING SETS (({list}), ({first}), ())"),
        };
        Query { sql: format!("{}{group}", query.sql), ..query }
    }

    fn windows(&mut self) -> Query {
        let (from, scope) = self.table();
        let alias = scope[0].alias.clone();
        let mut columns = vec![(format!("{alias}.id"), Kind::Int)];
        for _ in 0..1 + self.random.below(3) {
            let kind = *self.random.one(&[Kind::Text, Kind::Bool, Kind::Int]);
            let partition = match self.random.percent(60) {
                true => format!("PARTITION BY {} ", self.value(kind, &scope, 0)),
                false => String::new(),
            };
            let order = format!("ORDER BY {alias}.id{}", self.random.one(&["", " DESC"]));
            let frame = *self.random.one(&[
                "",
                " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
                " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
                " ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING",
            ]);
            let number = self.value(Kind::Int, &scope, 1);
            let text = self.value(Kind::Text, &scope, 0);
            let (call, result, frame) = match self.random.below(9) {
                0 => ("row_number()".to_owned(), Kind::Int, ""),
                1 => ("rank()".to_owned(), Kind::Int, ""),
                2 => (format!("lag({number})"), Kind::Int, ""),
                3 => (format!("lead({text}, 2)"), Kind::Text, ""),
                4 => (format!("first_value({text})"), Kind::Text, frame),
                5 => (format!("last_value({number})"), Kind::Int, frame),
                6 => (format!("count({text})"), Kind::Int, frame),
                7 => (format!("max({number})"), Kind::Int, frame),
                _ => (format!("sum({number})"), Kind::Int, frame),
            };
            columns.push((format!("{call} OVER ({partition}{order}{frame})"), result));
        }
        self.select("", columns, &from, &scope, 1)
    }

    fn set_operation(&mut self) -> Query {
        let operator = *self.random.one(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]);
        let kinds: Vec<_> = (0..1 + self.random.below(2))
            .map(|_| *self.random.one(&[Kind::Int, Kind::Text, Kind::Date, Kind::Bool]))
            .collect();
        let mut sides = Vec::new();
        for _ in 0..2 {
            let (from, scope) = self.from(0);
            let columns = kinds.iter().map(|kind| (self.value(*kind, &scope, 1), *kind)).collect();
            sides.push(self.select("", columns, &from, &scope, 0));
        }
        let sql = format!("{} {operator} {}", sides[0].sql, sides[1].sql);
        Query { sql, columns: sides.swap_remove(0).columns }
    }

    fn with(&mut self) -> Query {
        let Query { sql, columns } = match self.random.below(3) {
            0 => self.grouped(),
            1 => self.set_operation(),
            _ => self.plain(1),
        };
        let scope = vec![Named { alias: "w".to_owned(), columns: columns.clone() }];
        let (other, inner) = self.table();
        let key = *self.random.one(&[Kind::Int, Kind::Text]);
        let on = format!("{} = {}", self.column_of(&scope, key), self.column_of(&inner, key));
        let all: Scope = scope.into_iter().chain(inner).collect();
        let list = self.columns(&all, 2);
        let kind = self.random.one(&["JOIN", "LEFT JOIN"]);
        let query = self.select("", list, &format!("w {kind} {other} ON {on}"), &all, 0);
        Query { sql: format!("WITH w AS ({sql}) {}", query.sql), ..query }
    }

    fn distinct(&mut self) -> Query {
        let (from, scope) = self.from(1);
        let columns = self.columns(&scope, 1);
        self.select("DISTINCT ", columns, &from, &scope, 1)
    }

    fn first_rows(&mut self) -> Query {
        let (from, scope) = self.table();
        let columns = self.columns(&scope, 2);
        let query = self.select("", columns, &from, &scope, 1);
        let order = format!("{}.id{}", scope[0].alias, self.random.one(&["", " DESC"]));
        let (limit, offset) = (self.random.below(5), self.random.below(3));
        let sql = format!("{} ORDER BY {order} LIMIT {limit} OFFSET {offset}", query.sql);
        Query { sql, ..query }
    }

    /// A column of that kind, or a constant where there is none.
    fn column_of(&mut self, scope: &Scope, kind: Kind) -> String {
        let of_kind = scope.iter().flat_map(|table| {
            let alias = &table.alias;
            let columns = table.columns.iter().filter(|(_, of)| *of == kind);
            columns.map(move |(name, _)| format!("{alias}.{name}"))
        });
        let of_kind: Vec<_> = of_kind.collect();
        if of_kind.is_empty() { self.constant(kind) } else { self.random.one(&of_kind).clone() }
    }

    fn constant(&mut self, kind: Kind) -> String {
        let all: &[&str] = match kind {
            Kind::Bool => &["true", "false"],
            Kind::Small => &["CAST(2 AS INT)", "CAST(-3 AS INT)"],
            Kind::Int => &["CAST(0 AS BIGINT)", "CAST(2 AS BIGINT)", "CAST(70000 AS BIGINT)"],
            Kind::Float => &["CAST(0.5 AS DOUBLE PRECISION)", "CAST(3 AS DOUBLE PRECISION)"],
            Kind::Money => &["CAST(1.15 AS DECIMAL(12,2))", "CAST(-8 AS DECIMAL(12,2))"],
            Kind::Text => &["'a'", "'B'", "'x y'", "''", "'12'"],
            Kind::Date => &["DATE '2026-01-31'", "DATE '2024-02-29'"],
            Kind::Time => &["CAST('2026-03-04T05:06:07Z' AS TIMESTAMP WITH TIME ZONE)"],
            Kind::Json => &["'{}'"],
        };
        (*self.random.one(all)).to_owned()
    }

    /// An expression of that kind.
    fn value(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        if depth == 0 || self.random.percent(35) {
            return match self.random.percent(85) {
                true => self.column_of(scope, kind),
                false => self.constant(kind),
            };
        }
        if kind != Kind::Bool && self.random.percent(25) {
            return self.chosen(kind, scope, depth - 1);
        }
        if self.fallible && self.random.percent(40) {
            return self.fallible(kind, scope, depth - 1);
        }
        self.computed(kind, scope, depth - 1)
    }

    /// One of several values.
    fn chosen(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        let (one, other) = (self.value(kind, scope, depth), self.value(kind, scope, depth));
        match self.random.below(4) {
            0 => format!("coalesce({one}, {other})"),
            1 => format!("nullif({one}, {other})"),
            2 => format!(
                "CASE WHEN {} THEN {one} ELSE {other} END",
                self.value(Kind::Bool, scope, depth)
            ),
            _ => format!("CASE WHEN {} THEN {one} END", self.value(Kind::Bool, scope, depth)),
        }
    }

    /// What fails on some value.
    fn fallible(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        let of = |this: &mut Self, kind| this.value(kind, scope, depth);
        let text = of(self, Kind::Text);
        let (one, other) = (of(self, kind), of(self, kind));
        let (int, float) = (of(self, Kind::Int), of(self, Kind::Float));
        let time = of(self, Kind::Time);
        let operator = *self.random.one(&["/", "%", "*", "+", "-"]);
        let forms: Vec<String> = match kind {
            Kind::Json => vec![one],
            Kind::Bool => {
                vec![
                    format!("{int} / {} > 1", of(self, Kind::Int)),
                    format!("({text} ~ {})", of(self, Kind::Text)),
                ]
            }
            Kind::Small => vec![
                format!("CAST({text} AS INT)"),
                format!("CAST({one} * 40000 AS INT)"),
                format!("CAST({int} AS INT)"),
                format!("({one} {operator} {other})"),
                format!("(- {one})"),
                format!("abs({one})"),
            ],
            Kind::Int => vec![
                format!("CAST({text} AS BIGINT)"),
                format!("({one} {operator} {other})"),
                format!("CAST({float} AS BIGINT)"),
                format!("CAST({} AS BIGINT)", of(self, Kind::Money)),
                format!("(- {one})"),
                format!("abs({one})"),
            ],
            Kind::Float => vec![
                format!("CAST({text} AS DOUBLE PRECISION)"),
                format!("sqrt({one})"),
                format!("ln({one})"),
                format!("power({one}, {other})"),
                format!("({one} / {other})"),
            ],
            Kind::Money => vec![
                format!("CAST({text} AS DECIMAL(12,2))"),
                format!("CAST({one} / {other} AS DECIMAL(12,2))"),
                format!("CAST({int} AS DECIMAL(12,2))"),
                format!("CAST({float} AS DECIMAL(12,2))"),
                format!("CAST({one} * {other} AS DECIMAL(12,2))"),
                format!("round({one}, 1)"),
            ],
            Kind::Date => vec![
                format!("CAST({text} AS DATE)"),
                format!("CAST({one} + INTERVAL '9000 years' AS DATE)"),
                format!("to_date({text})"),
            ],
            Kind::Time => vec![
                format!("CAST({text} AS TIMESTAMP WITH TIME ZONE)"),
                format!("({time} + INTERVAL '300000 years')"),
                format!("to_timestamp({int})"),
                format!("to_timestamp({text})"),
                format!("date_trunc('week', {time})"),
            ],
            Kind::Text => vec![
                format!("chr({int})"),
                format!("repeat({text}, {int})"),
                format!("lpad({text}, {int})"),
                format!("substr({text}, 1, {int})"),
                format!("split_part({text}, ' ', {int})"),
                format!("to_char({time}, {text})"),
                format!("CAST({time} AS VARCHAR)"),
            ],
        };
        self.random.one(&forms).clone()
    }

    /// What cannot fail on the values that there are.
    fn computed(&mut self, kind: Kind, scope: &Scope, depth: usize) -> String {
        if kind == Kind::Bool {
            return self.truth(scope, depth);
        }
        let (one, other) = (self.value(kind, scope, depth), self.value(kind, scope, depth));
        let small = 1 + self.random.below(3);
        let of = |this: &mut Self, kind| this.value(kind, scope, depth);
        match (kind, self.random.below(8)) {
            (Kind::Bool | Kind::Json, _) => one,
            (Kind::Int | Kind::Float | Kind::Money | Kind::Small, 0) => {
                format!("({one} + {other})")
            }
            (Kind::Int | Kind::Float | Kind::Money | Kind::Small, 1) => {
                format!("({one} - {other})")
            }
            (Kind::Int, 2) => format!("({one} / nullif({other}, 0))"),
            (Kind::Int, 3) => format!("({one} % nullif({other}, 0))"),
            (Kind::Int, 4) => format!("CAST(char_length({}) AS BIGINT)", of(self, Kind::Text)),
            (Kind::Int, 5) => {
                format!("CAST(extract(year FROM {}) AS BIGINT)", of(self, Kind::Date))
            }
            (Kind::Int, 6) => format!("CAST({} AS BIGINT)", of(self, Kind::Small)),
            (Kind::Int | Kind::Small | Kind::Float, _) => format!("abs({one})"),
            (Kind::Money, 2) => format!("round({one} * 0.5, 2)"),
            (Kind::Money, 3) => format!("round({one} / nullif({other}, 0), 2)"),
            (Kind::Money, 4) => format!("CAST({} AS DECIMAL(12,2))", of(self, Kind::Int)),
            (Kind::Money, 5) => format!("({one} * {small})"),
            (Kind::Money, _) => format!("abs({one})"),
            (Kind::Text, 0) => format!("upper({one})"),
            (Kind::Text, 1) => format!("concat({one}, {other})"),
            (Kind::Text, 2) => format!("({one} || {other})"),
            (Kind::Text, 3) => format!("substr({one}, {small}, 2)"),
            (Kind::Text, 4) => format!("replace({one}, 'a', 'zz')"),
            (Kind::Text, 5) => format!("left({one}, {small})"),
            (Kind::Text, 6) => format!("CAST({} AS VARCHAR)", of(self, Kind::Int)),
            (Kind::Text, _) => format!("trim({one})"),
            (Kind::Date, 0..=2) => format!("CAST({} AS DATE)", of(self, Kind::Time)),
            (Kind::Date, 3 | 4) => format!("CAST(date_trunc('month', {one}) AS DATE)"),
            (Kind::Date, _) => format!("CAST({one} + INTERVAL '{small} month' AS DATE)"),
            (Kind::Time, 0..=3) => format!("date_trunc('day', {one})"),
            (Kind::Time, _) => format!("({one} + INTERVAL '{small} hours')"),
        }
    }

    fn truth(&mut self, scope: &Scope, depth: usize) -> String {
        let kind = *self.random.one(&Kind::ALL);
        let (one, other) = (self.value(kind, scope, depth), self.value(kind, scope, depth));
        let not = *self.random.one(&["", "NOT "]);
        match self.random.below(10) {
            0..=2 => {
                format!("({one} {} {other})", self.random.one(&["=", "<>", "<", "<=", ">", ">="]))
            }
            3 => format!("({one} IS {not}NULL)"),
            4 => format!("({one} IS {not}DISTINCT FROM {other})"),
            5 => {
                let (one, other) =
                    (self.value(Kind::Bool, scope, depth), self.value(Kind::Bool, scope, depth));
                format!("({one} {} {other})", self.random.one(&["AND", "OR"]))
            }
            6 => format!("(NOT {})", self.value(Kind::Bool, scope, depth)),
            7 => format!("({one} {not}IN ({other}, {}))", self.constant(kind)),
            8 => format!("({one} {not}BETWEEN {other} AND {})", self.constant(kind)),
            _ => format!(
                "({} {not}LIKE '{}')",
                self.value(Kind::Text, scope, depth),
                self.random.one(&["a%", "%b%", "_"])
            ),
        }
    }
}

/// The columns under names that differ.
fn named(columns: Vec<(String, Kind)>) -> (String, Vec<(String, Kind)>) {
    let columns = columns.into_iter().enumerate();
    let named = columns.map(|(index, (value, kind))| {
        let name = format!("c{}", index + 1);
        (format!("{value} AS {name}"), (name, kind))
    });
    let (list, columns): (Vec<_>, _) = named.unzip();
    (list.join(", "), columns)
}
