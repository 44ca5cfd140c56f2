//! What becomes of a table when the query changes: each change, on each database, for each value of `evolve`. The
//! tables of docs/reference.md say what was seen here.

use std::fmt::Write as _;

use apitap::definition::{Evolve, Mode, TargetKind};
use apitap::schema::{Schema, Type};
use apitap::sink::Load;
use apitap::sink::conformance::Run;
use serde_json::{Value, json};

use super::loads::{self, batch, schema, value};
use super::runs::{mariadb, postgres, sqlite_file};

/// A change of the query: the table has a key `id`, and what stands here.
struct Change {
    what: &'static str,
    /// The other columns of the table, for each database.
    there: [&'static str; 3],
    /// The other columns of the rows.
    rows: Vec<(&'static str, Type, bool)>,
    /// Whether the key of the table is another column.
    other_key: bool,
}

fn changes() -> Vec<Change> {
    let change = |what, there, rows| Change { what, there, rows, other_key: false };
    let same = |there| [there; 3];
    let decimal = |precision, scale| Type::Decimal { precision, scale };
    let text = ["v text", "v longtext CHARACTER SET utf8mb4", "v TEXT"];
    vec![
        change("a new column", same(""), vec![("v", Type::String, true)]),
        change("a wider type", same("v integer"), vec![("v", Type::Int64, true)]),
        change("a narrower type", same("v bigint"), vec![("v", Type::Int32, true)]),
        change(
            "a type that is wider in one way and narrower in another",
            ["v numeric(8,2)", "v decimal(8,2)", "v integer"],
            vec![("v", decimal(8, 4), true)],
        ),
        change("another type", same("v integer"), vec![("v", Type::String, true)]),
        change(
            "a column less",
            ["v text, w text", "v longtext CHARACTER SET utf8mb4, w longtext", "v TEXT, w TEXT"],
            vec![("v", Type::String, true)],
        ),
        change(
            "a column less, which is NOT NULL",
            [
                "v text, w text NOT NULL",
                "v longtext CHARACTER SET utf8mb4, w longtext NOT NULL",
                "v TEXT, w TEXT NOT NULL",
            ],
            vec![("v", Type::String, true)],
        ),
        change("a column of another name", text, vec![("w", Type::String, true)]),
        change(
            "a column that may be null now, and is NOT NULL",
            ["v text NOT NULL", "v longtext CHARACTER SET utf8mb4 NOT NULL", "v TEXT NOT NULL"],
            vec![("v", Type::String, true)],
        ),
        change("a column that is never null now", text, vec![("v", Type::String, false)]),
        Change {
            what: "another key",
            there: ["v bigint", "v bigint", "v INTEGER"],
            rows: vec![("v", Type::Int64, false)],
            other_key: true,
        },
    ]
}

/// A database of its own.
struct Database {
    kind: TargetKind,
    url: String,
    _folder: Option<tempfile::TempDir>,
}

const KINDS: [TargetKind; 3] = [TargetKind::Postgres, TargetKind::Mysql, TargetKind::Sqlite];

impl Database {
    async fn new(kind: TargetKind) -> Self {
        let folder = (kind == TargetKind::Sqlite).then(|| tempfile::tempdir().unwrap());
        let url = match (kind, &folder) {
            (_, Some(folder)) => folder.path().join("test.db").display().to_string(),
            (TargetKind::Postgres, _) => apitap_tests::postgres::database().await,
            _ => apitap_tests::mariadb::database().await,
        };
        Self { kind, url, _folder: folder }
    }

    fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    async fn execute(&self, sql: &str) {
        use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let done = match self.kind {
            TargetKind::Postgres => {
                sqlx::PgConnection::connect(&self.url).await.unwrap().execute(sql).await.map(drop)
            }
            TargetKind::Mysql => sqlx::MySqlConnection::connect(&self.url)
                .await
                .unwrap()
                .execute(sql)
                .await
                .map(drop),
            _ => {
                let url = format!("sqlite:{}?mode=rwc", self.url);
                sqlx::SqliteConnection::connect(&url).await.unwrap().execute(sql).await.map(drop)
            }
        };
        done.unwrap();
    }

    /// The values of a query, each of which is JSON.
    async fn values(&self, sql: [&str; 3]) -> Vec<Value> {
        let (kind, url) = (self.kind, self.url.clone());
        let sql = sql[KINDS.iter().position(|of| *of == kind).unwrap()].to_owned();
        let ask = move || match kind {
            TargetKind::Postgres => {
                postgres(&url, &sql).iter().map(|row| row["v"].clone()).collect()
            }
            TargetKind::Mysql => mariadb(&url, &sql),
            _ => sqlite_file(url.as_ref(), &sql),
        };
        tokio::task::spawn_blocking(ask).await.unwrap()
    }

    /// The columns: name, type, and whether they are NOT NULL.
    async fn columns(&self) -> Vec<Value> {
        self.values([
            "SELECT json_build_array(attname, format_type(atttypid, atttypmod), attnotnull) AS v
             FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped
             ORDER BY attnum",
            "SELECT JSON_ARRAY(column_name, column_type, is_nullable = 'NO') FROM information_schema.columns
             WHERE table_schema = database() AND table_name = 't' ORDER BY ordinal_position",
            "SELECT json_array(name, type, \"notnull\") FROM pragma_table_info('t') ORDER BY cid",
        ])
        .await
    }

    async fn ids(&self) -> Vec<Value> {
        self.values([
            "SELECT id AS v FROM t ORDER BY id",
            "SELECT JSON_EXTRACT(JSON_ARRAY(id), '$[0]') FROM t ORDER BY id",
            "SELECT json(id) FROM t ORDER BY id",
        ])
        .await
    }

    fn target(&self) -> std::sync::Arc<dyn apitap::sink::Target> {
        loads::destination(self.kind, &self.url)
    }
}

/// What is seen of a change, in words.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    outcome: String,
    /// What `schema --diff` prints.
    statements: Vec<String>,
}

async fn see(change: &Change, kind: TargetKind, evolve: Evolve) -> Seen {
    let database = Database::new(kind).await;
    let there = change.there[KINDS.iter().position(|of| *of == kind).unwrap()];
    let id = if kind == TargetKind::Sqlite { "id INTEGER NOT NULL" } else { "id bigint NOT NULL" };
    let (id, v) = match change.other_key {
        false => (format!("{id} PRIMARY KEY"), there.to_owned()),
        true => (id.to_owned(), format!("{there} NOT NULL PRIMARY KEY")),
    };
    let columns: Vec<_> = [&*id, &*v].into_iter().filter(|column| !column.is_empty()).collect();
    database.execute(&format!("CREATE TABLE t ({})", columns.join(", "))).await;
    let not_null = v.split(", ").filter(|column| column.contains("NOT NULL"));
    let names: Vec<_> = not_null.map(|column| &column[..1]).collect();
    let given: String = names.iter().map(|name| format!(", {name}")).collect();
    let ones = ", 1".repeat(names.len());
    database.execute(&format!("INSERT INTO t (id{given}) VALUES (1{ones})")).await;

    let mode = if evolve == Evolve::Replace { Mode::Replace } else { Mode::Merge };
    let fields: Vec<_> =
        [("id", Type::Int64, false)].into_iter().chain(change.rows.clone()).collect();
    let row: Schema = schema(&fields);
    let load = Load::new("p", "t", mode, &["id".to_owned()], &row).unwrap().evolve(evolve);
    let target = database.target();
    let before = database.columns().await;
    let differences = target.differences(&load).await.unwrap();
    let is_made = differences.iter().all(|difference| difference.is_made);
    let mut record = json!({"id": 2});
    for (name, ty, _) in &change.rows {
        record[*name] = value(ty);
    }
    let loaded = async {
        let mut run = Run::of(target.as_ref(), load).await?;
        run.write(batch(&row, json!([record]))).await?;
        run.commit().await
    };
    let loaded = loaded.await;
    let (after, ids) = (database.columns().await, database.ids().await);
    // What is told before is what happens.
    assert_eq!(loaded.is_ok(), is_made, "{}: {loaded:?} {differences:?}", change.what);
    let outcome = match loaded {
        Err(error) => {
            assert_eq!((&after, ids), (&before, vec![json!(1)]), "{}", change.what);
            let help = error.to_string();
            let told = differences.iter().filter(|difference| !difference.is_made);
            let told = told.filter_map(|difference| difference.statement.as_deref());
            assert!(told.clone().all(|statement| help.contains(statement)), "{help}");
            "an error".to_owned()
        }
        Ok(_) => {
            let expected =
                if mode == Mode::Replace { vec![json!(2)] } else { vec![json!(1), json!(2)] };
            assert_eq!(ids, expected, "{}", change.what);
            match after == before {
                true => "fits".to_owned(),
                false => columns_of(&before, &after),
            }
        }
    };
    let statements = differences.into_iter().filter_map(|difference| difference.statement);
    let plain = |statement: String| {
        let place =
            [format!("`{}`.`t`", database.name()), "\"public\".\"t\"".into(), "main.\"t\"".into()];
        place.iter().fold(statement, |statement, place| statement.replace(place, "t"))
    };
    Seen { outcome, statements: statements.map(plain).collect() }
}

/// How columns have changed, in words.
fn columns_of(before: &[Value], after: &[Value]) -> String {
    let name = |column: &Value| column[0].as_str().unwrap().to_owned();
    let find = |columns: &[Value], name: &Value| columns.iter().find(|c| c[0] == *name).cloned();
    let mut said = Vec::new();
    for column in after {
        match find(before, &column[0]) {
            None => said.push(format!("`{}` is added", name(column))),
            Some(old) if old[1] != column[1] => {
                said.push(format!("`{}` becomes `{}`", name(column), column[1].as_str().unwrap()));
            }
            Some(old) if old[2] != column[2] => {
                let null = if column[2] == json!(true) || column[2] == json!(1) {
                    "is"
                } else {
                    "is no longer"
                };
                said.push(format!("`{}` {null} NOT NULL", name(column)));
            }
            Some(_) => {}
        }
    }
    let gone = before.iter().filter(|column| find(after, &column[0]).is_none());
    said.extend(gone.map(|column| format!("`{}` is dropped", name(column))));
    said.join(", ")
}

/// What all databases say, or each of them.
fn cell(seen: &[(TargetKind, Seen)]) -> String {
    let Some((_, first)) = seen.first() else { return "—".to_owned() };
    if seen.iter().all(|(_, seen)| seen.outcome == first.outcome) {
        return first.outcome.clone();
    }
    let each =
        seen.iter().map(|(kind, seen)| format!("{}: {}", kind.capabilities().name, seen.outcome));
    each.collect::<Vec<_>>().join("; ")
}

fn code(statements: &[String]) -> String {
    match statements {
        [] => "—".to_owned(),
        _ => statements.iter().map(|one| format!("`` {one} ``")).collect::<Vec<_>>().join("; "),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_table_is_what_the_page_says() {
    let mut outcomes =
        "| the query has | `add` | `freeze` | `replace` |\n|---|---|---|---|\n".to_owned();
    let mut statements =
        "| the query has | PostgreSQL | MySQL | SQLite |\n|---|---|---|---|\n".to_owned();
    for change in changes() {
        let mut cells = Vec::new();
        let mut printed = Vec::new();
        for evolve in [Evolve::Add, Evolve::Freeze, Evolve::Replace] {
            let mut seen = Vec::new();
            for kind in KINDS {
                if evolve == Evolve::Replace && !kind.capabilities().renews_tables {
                    continue;
                }
                seen.push((kind, see(&change, kind, evolve).await));
            }
            if evolve == Evolve::Add {
                printed = seen.iter().map(|(_, seen)| code(&seen.statements)).collect();
            }
            cells.push(cell(&seen));
        }
        writeln!(outcomes, "| {} | {} |", change.what, cells.join(" | ")).unwrap();
        writeln!(statements, "| {} | {} |", change.what, printed.join(" | ")).unwrap();
    }
    held("evolution", &outcomes);
    held("statements", &statements);
}

/// The page has this table between its markers; `INSTA_UPDATE=always` writes it.
fn held(name: &str, table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (begin, end) = (format!("<!-- seen: {name} -->\n"), format!("<!-- end: {name} -->"));
    let (before, rest) = page.split_once(&begin).unwrap();
    let (there, after) = rest.split_once(&end).unwrap();
    if std::env::var("INSTA_UPDATE").is_ok_and(|value| value == "always") {
        std::fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
        return;
    }
    assert_eq!(there, table, "`INSTA_UPDATE=always` writes it anew");
}

/// What hangs on a table that gets other columns stays, or keeps it from getting them.
#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_table_that_is_replaced_stays_or_is_named() {
    for (kind, hangs, look, expected) in [
        (
            TargetKind::Postgres,
            "CREATE ROLE reader_of_evolved; GRANT SELECT ON t TO reader_of_evolved",
            "SELECT has_table_privilege('reader_of_evolved', 't', 'SELECT') AS v",
            Ok(json!(true)),
        ),
        (
            TargetKind::Postgres,
            "CREATE VIEW of_t AS SELECT id FROM t",
            "SELECT count(*) AS v FROM of_t",
            Ok(json!(1)),
        ),
        (
            TargetKind::Postgres,
            "CREATE VIEW of_t AS SELECT v FROM t",
            "",
            Err("view of_t depends on column v"),
        ),
        (
            TargetKind::Postgres,
            "CREATE TABLE other (id int8 REFERENCES t)",
            "SELECT count(*) AS v FROM pg_constraint WHERE confrelid = 't'::regclass",
            Ok(json!(1)),
        ),
        (
            TargetKind::Sqlite,
            "CREATE INDEX of_t ON t (id DESC)",
            "SELECT json_array(count(*)) FROM sqlite_schema WHERE name = 'of_t'",
            Ok(json!([1])),
        ),
        (
            TargetKind::Sqlite,
            "CREATE TABLE log (id); CREATE TRIGGER of_t AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END",
            "SELECT json_array(id) FROM log",
            Ok(json!([2])),
        ),
        (
            TargetKind::Sqlite,
            "CREATE VIEW of_t AS SELECT id FROM t",
            "SELECT json_array(count(*)) FROM of_t",
            Ok(json!([1])),
        ),
        (
            TargetKind::Sqlite,
            "CREATE VIEW of_t AS SELECT w FROM t",
            "",
            Err("the view `of_t` needs another"),
        ),
        (TargetKind::Sqlite, "CREATE INDEX of_t ON t (w)", "", Err("no such column: w")),
        (
            TargetKind::Sqlite,
            "DROP TABLE t; CREATE TABLE t (id bigint UNIQUE, v integer, w text)",
            "SELECT json_array(id) FROM t",
            Ok(json!([2])),
        ),
        (
            TargetKind::Sqlite,
            "DROP TABLE t; CREATE TABLE t (id bigint PRIMARY KEY, v integer DEFAULT 7, w text)",
            "",
            Err(
                "`t` cannot get the columns of the query: SQLite would have to make it anew, and it has a DEFAULT \
                 of the column `v`, which would be lost\n  help:     drop the table, and the run creates it; or \
                 make it anew yourself, with the columns of the query",
            ),
        ),
        (
            TargetKind::Sqlite,
            "DROP TABLE t; CREATE TABLE t (id bigint PRIMARY KEY, v integer CHECK (v > 0), w text)",
            "",
            Err("and it has CHECK, which would be lost"),
        ),
        (
            TargetKind::Sqlite,
            "DROP TABLE t; CREATE TABLE t (id bigint PRIMARY KEY, v integer, w text, UNIQUE (v, w))",
            "",
            Err("and it has UNIQUE (v, w), which would be lost"),
        ),
        (
            TargetKind::Sqlite,
            "CREATE TABLE other (w text PRIMARY KEY); DROP TABLE t;
             CREATE TABLE t (id bigint PRIMARY KEY, v integer, w text REFERENCES other)",
            "",
            Err("and it has a FOREIGN KEY that refers to `other`, which would be lost"),
        ),
    ] {
        let database = Database::new(kind).await;
        database.execute("CREATE TABLE t (id bigint PRIMARY KEY, v integer, w text)").await;
        database.execute("INSERT INTO t VALUES (1, 1, 'w')").await;
        database.execute(hangs).await;
        let row = schema(&[("id", Type::Int64, false), ("v", Type::String, true)]);
        let load = Load::new("p", "t", Mode::Replace, &["id".to_owned()], &row).unwrap();
        let target = database.target();
        let opened = Run::of(target.as_ref(), load.evolve(Evolve::Replace)).await;
        match expected {
            Ok(expected) => {
                let mut run = opened.unwrap();
                // Nobody sees anything of it before.
                assert_eq!(database.columns().await.len(), 3, "{hangs}");
                run.write(batch(&row, json!([{"id": 2, "v": "two"}]))).await.unwrap();
                run.commit().await.unwrap();
                assert_eq!(database.columns().await.len(), 2, "{hangs}");
                assert_eq!(database.values([look; 3]).await, [expected], "{hangs}");
            }
            Err(expected) => {
                let error = opened.err().map(|error| error.to_string()).unwrap_or_default();
                assert!(error.contains(expected), "{hangs}: {error}");
                assert_eq!(database.columns().await.len(), 3, "{hangs}");
            }
        }
    }
}
