//! Random queries over random rows: a column that is said to be never null never is.

use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;

use super::super::never_null;
use super::*;

/// What a query is made of: each choice takes a byte, and where there are no more the first is taken.
struct Choices<'a>(std::slice::Iter<'a, u8>);

impl Choices<'_> {
    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.number(of.len())]
    }

    fn number(&mut self, below: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or_default()) % below
    }

    fn integer(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self
                .one(&["t.a", "t.b", "u.a", "u.b", "t.r.x", "u.r.x", "1", "NULL"])
                .to_owned();
        }
        let depth = depth - 1;
        match self.number(9) {
            0 => format!("({} + {})", self.integer(depth), self.integer(depth)),
            1 => format!("coalesce({}, {})", self.integer(depth), self.integer(depth)),
            2 => format!("nullif({}, {})", self.integer(depth), self.integer(depth)),
            3 => format!(
                "CASE WHEN {} THEN {} ELSE {} END",
                self.condition(depth),
                self.integer(depth),
                self.integer(depth)
            ),
            4 => format!(
                "CASE WHEN {} THEN {} WHEN {} THEN {} ELSE {} END",
                self.condition(depth),
                self.integer(depth),
                self.condition(depth),
                self.integer(depth),
                self.integer(depth)
            ),
            5 => format!("character_length({})", self.text(depth)),
            6 => format!("TRY_CAST({} AS BIGINT)", self.text(depth)),
            7 => self.one(&["(SELECT max(v.b) FROM v)", "(SELECT count(v.b) FROM v)"]).to_owned(),
            _ => format!("abs({})", self.integer(depth)),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.one(&["t.s", "u.s", "t.r.y", "u.r.y", "'a'"]).to_owned();
        }
        let depth = depth - 1;
        match self.number(5) {
            0 => format!("upper({})", self.text(depth)),
            1 => format!("({} || {})", self.text(depth), self.text(depth)),
            2 => format!("concat({}, {})", self.text(depth), self.text(depth)),
            3 => format!("coalesce({}, {})", self.text(depth), self.text(depth)),
            _ => format!("CAST({} AS VARCHAR)", self.integer(depth)),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let inner = depth.saturating_sub(1);
        match self.number(if depth == 0 { 8 } else { 14 }) {
            0 => format!("{} IS NOT NULL", self.integer(inner)),
            1 => format!("{} IS NULL", self.integer(inner)),
            2 => format!(
                "{} {} {}",
                self.integer(inner),
                self.one(&["=", "<>", "<", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"]),
                self.integer(inner)
            ),
            3 => format!("{} = 'a'", self.text(inner)),
            4 => format!("{} {} ('a', 'b')", self.text(inner), self.one(&["IN", "NOT IN"])),
            5 => format!(
                "{} {} {} AND {}",
                self.integer(inner),
                self.one(&["BETWEEN", "NOT BETWEEN"]),
                self.integer(inner),
                self.integer(inner)
            ),
            6 => format!("{} {} 'a%'", self.text(inner), self.one(&["LIKE", "NOT LIKE"])),
            7 => format!(
                "{} {} (SELECT v.b FROM v)",
                self.integer(inner),
                self.one(&["IN", "NOT IN"])
            ),
            8 | 9 => format!("({} AND {})", self.condition(inner), self.condition(inner)),
            10 | 11 => format!("({} OR {})", self.condition(inner), self.condition(inner)),
            12 => format!("NOT ({})", self.condition(inner)),
            _ => format!(
                "({}) IS {}",
                self.condition(inner),
                self.one(&["TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "UNKNOWN", "NOT UNKNOWN"])
            ),
        }
    }

    /// The tables, `t` and `u` among them.
    fn from(&mut self) -> String {
        let table = |name: &str, choices: &mut Self| match choices.number(3) {
            0 | 1 => name.to_owned(),
            _ => {
                let condition = choices.condition(1).replace("u.", "t.").replace("t.", "v.");
                format!("(SELECT * FROM v WHERE {condition}) AS {name}")
            }
        };
        let (t, u) = (table("t", self), table("u", self));
        let join = self.one(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"]);
        match join {
            "CROSS JOIN" => format!("{t} CROSS JOIN {u}"),
            "FULL JOIN" => format!("{t} FULL JOIN {u} ON t.a = u.a"),
            join => format!("{t} {join} {u} ON {}", self.condition(1)),
        }
    }

    fn columns(&mut self) -> String {
        let columns =
            [self.integer(2), self.text(2), self.integer(0), self.integer(0), self.text(0)];
        let named =
            columns.iter().enumerate().map(|(index, column)| format!("{column} AS c{index}"));
        named.collect::<Vec<_>>().join(", ")
    }

    fn select(&mut self) -> String {
        let from = self.from();
        let filter = match self.number(3) {
            0 => String::new(),
            _ => format!(" WHERE {}", self.condition(2)),
        };
        match self.number(4) {
            0 => {
                let (key, text) = (self.integer(1), self.text(1));
                let having = self.one(&[
                    "",
                    " HAVING max(u.b) > 0",
                    " HAVING count(*) > 1",
                    " HAVING min(t.r.x) IS NOT NULL",
                ]);
                format!(
                    "SELECT {key} AS c0, {text} AS c1, max(u.b) AS c2, min(t.r.x) AS c3, \
                     min(t.s) AS c4 FROM {from}{filter} GROUP BY {key}, {text}{having}"
                )
            }
            1 => format!(
                "SELECT max({}) AS c0, min({}) AS c1, sum({}) AS c2, count({}) AS c3, \
                 max({}) AS c4 FROM {from}{filter}",
                self.integer(1),
                self.text(1),
                self.integer(0),
                self.integer(0),
                self.text(0)
            ),
            _ => format!("SELECT {} FROM {from}{filter}", self.columns()),
        }
    }

    fn query(&mut self) -> String {
        match self.number(5) {
            0 => format!("{} UNION ALL {}", self.select(), self.select()),
            1 => {
                let column = self.one(&["c0", "c1", "c2", "c3", "c4"]);
                format!("SELECT * FROM ({}) AS q WHERE q.{column} IS NOT NULL", self.select())
            }
            2 => {
                let function = self.one(&["max", "sum", "count", "lag"]);
                format!(
                    "SELECT *, {function}(c2) OVER (ORDER BY c0) AS w FROM ({}) AS q",
                    self.select()
                )
            }
            _ => self.select(),
        }
    }
}

/// The values of one record: `id`, `n`, `s` and the fields of `c`.
type Values = (i64, Option<i64>, Option<String>, Option<(i64, Option<String>)>);

/// Some rows: an integer and a text that may be null, an integer that is not, and a record.
fn table(rows: &[Values]) -> RecordBatch {
    let fields = Fields::from(vec![
        Field::new("x", DataType::Int64, false),
        Field::new("y", DataType::Utf8, true),
    ]);
    let schema = Schema::new(vec![
        Field::new("a", DataType::Int64, false),
        Field::new("b", DataType::Int64, true),
        Field::new("s", DataType::Utf8, true),
        Field::new("r", DataType::Struct(fields.clone()), true),
    ]);
    let records = rows.iter().map(|row| row.3.as_ref());
    let validity: Vec<bool> = records.clone().map(|record| record.is_some()).collect();
    // As the decoders write it: without a record, its fields are null, whatever they declare.
    let x: Int64Array = records.clone().map(|r| r.map(|r| r.0)).collect();
    let y = records.map(|r| r.and_then(|r| r.1.clone())).collect::<StringArray>();
    let inner: Vec<ArrayRef> = vec![Arc::new(x), Arc::new(y)];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.2.clone()).collect::<StringArray>()),
        Arc::new(StructArray::new(fields, inner, Some(validity.into()))),
    ];
    RecordBatch::try_new(Arc::new(schema), columns).expect("the columns fit the schema")
}

/// The columns of a query that are said to be never null, and are; `None` where it cannot run.
fn wrong(context: &SessionContext, sql: &str) -> Option<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let state = context.state();
    let plan = runtime.block_on(state.create_logical_plan(sql)).ok()?;
    let plan = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).ok()?;
    let never = never_null(&plan);
    let batches = rows(context, sql).ok()?;
    let mut wrong = Vec::new();
    for (index, field) in plan.schema().fields().iter().enumerate() {
        let nulls = batches.iter().any(|batch| batch.column(index).null_count() > 0);
        if nulls && never[index] {
            wrong.push(field.name().clone());
        }
    }
    Some(wrong)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_column_that_is_said_to_be_never_null_never_is(
        choices in prop::collection::vec(any::<u8>(), 40..160),
        rows in prop::collection::vec(
            (
                0..3_i64,
                prop::option::of(0..3_i64),
                prop::option::of("[ab1]"),
                prop::option::of((0..3_i64, prop::option::of("[ab]"))),
            ),
            0..5,
        ),
    ) {
        let context = context();
        for name in ["t", "u", "v"] {
            let batch = table(&rows);
            let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).expect("a table");
            context.register_table(name, Arc::new(table)).expect("the name is free");
        }
        let sql = Choices(choices.iter()).query();
        let wrong = wrong(&context, &sql).unwrap_or_default();
        prop_assert!(wrong.is_empty(), "{wrong:?} of {sql}");
    }
}
