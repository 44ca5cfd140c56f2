//! What a driver or its database refuses, in words that say what to do.

use super::*;

async fn refusal(target: &Arc<dyn Target>) -> String {
    let opened = open(target, "t", Mode::Append, &[], &orders()).await;
    opened.err().expect("it is refused").to_string()
}

#[tokio::test]
async fn a_driver_that_is_not_there_says_where_it_was_looked_for_and_how_to_get_it() {
    let by_name = refusal(&of_driver(AdbcDialect::Postgresql, "apitap_nothing", &[])).await;
    for part in [
        "cannot load the ADBC driver `apitap_nothing`",
        "libapitap_nothing.so",
        "it was looked for in `ADBC_DRIVER_PATH`",
        "`dbc install postgresql`, or `pip install adbc-driver-postgresql`",
    ] {
        assert!(by_name.contains(part), "no `{part}` in: {by_name}");
    }
    let by_path = refusal(&of_driver(AdbcDialect::Duckdb, "/nowhere/libduckdb.so", &[])).await;
    for part in ["cannot load the ADBC driver `/nowhere/libduckdb.so`", "`dbc install duckdb`"] {
        assert!(by_path.contains(part), "no `{part}` in: {by_path}");
    }
}

#[tokio::test]
async fn a_library_that_is_no_driver_is_refused() {
    let library = refusal(&of_driver(AdbcDialect::Sqlite, "libm.so.6", &[])).await;
    assert!(library.starts_with("cannot load the ADBC driver `libm.so.6`: "), "{library}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_reached_is_told_without_the_password() {
    let uri = "postgresql://me:hunt42@127.0.0.1:1/shop";
    let said = refusal(&with_options(AdbcDialect::Postgresql, &[("uri", uri)])).await;
    assert!(said.starts_with("cannot connect to PostgreSQL (ADBC) through "), "{said}");
    assert!(said.contains("127.0.0.1:1/shop") && said.contains("Connection refused"), "{said}");
    assert!(!said.contains("hunt42"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_option_that_a_driver_does_not_know_is_told() {
    let database = Database::new(AdbcDialect::Sqlite).await;
    let options = [("uri", database.place.as_str()), ("sped", "up")];
    let said = refusal(&with_options(AdbcDialect::Sqlite, &options)).await;
    assert!(said.contains("sped"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_duckdb_is_not_opened_twice_in_one_process() {
    let database = Database::new(AdbcDialect::Duckdb).await;
    let run = database.open("t", Mode::Append, &orders()).await.unwrap();
    let options = [("path", database.place.as_str()), ("memory_limit", "1GB")];
    let said = refusal(&with_options(AdbcDialect::Duckdb, &options)).await;
    assert_eq!(
        said,
        format!(
            "DuckDB (ADBC) at `{}` is open already, by another target with other options\n  help:     \
             write the same `driver` and `options` in both, or keep one target",
            database.place
        )
    );
    run.abort().await.unwrap();
    // Now it is closed.
    let target = with_options(AdbcDialect::Duckdb, &options);
    open(&target, "t", Mode::Append, &[], &orders()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_there_is_told_with_the_mode_that_updates_it() {
    for database in Database::all().await {
        database.execute(&["CREATE TABLE t (id bigint PRIMARY KEY, status text)"]);
        let rows = json!([{ "id": 1, "status": "a" }]);
        database.load("t", Mode::Append, &orders(), rows.clone()).await.unwrap();
        let error =
            database.load("t", Mode::Append, &orders(), rows).await.unwrap_err().to_string();
        assert!(error.contains("refused the rows for `t`: "), "{error}");
        assert!(error.ends_with("use the mode `merge`"), "{error}");
        assert_eq!(database.rows("SELECT id, status FROM t"), ["1|a"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_those_that_were_written_whatever_is_in_them() {
    for database in Database::all().await {
        let dialect = (database.dialect, database.engine);
        let row = schema(&[("id", Type::Int64, false), ("it's \"x\"; --", Type::String, true)]);
        let rows = json!([{ "id": 1, "it's \"x\"; --": "'); DROP TABLE t" }]);
        for mode in [Mode::Append, Mode::Replace] {
            database.load("Mixed Case", mode, &row, rows.clone()).await.unwrap();
        }
        let found = database.rows(r#"SELECT id, "it's ""x""; --" FROM "Mixed Case""#);
        assert_eq!(found, ["1|'); DROP TABLE t"], "{dialect:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_no_table_in_standard_sql() {
    for engine in [AdbcDialect::Duckdb, AdbcDialect::Postgresql] {
        let database = Database::standard(engine).await;
        database.execute(&["CREATE VIEW t AS SELECT 1 AS id"]);
        let loaded = database.load("t", Mode::Append, &orders(), json!([{ "id": 1 }])).await;
        fails(loaded, "`t` is a view, not a table\n  help:     name another table");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replace_in_standard_sql_sees_whose_rows_would_go_with_it() {
    let database = Database::standard(AdbcDialect::Postgresql).await;
    database.execute(&[
        "CREATE TABLE t (id bigint PRIMARY KEY, status text)",
        "CREATE TABLE lines (t bigint REFERENCES t ON DELETE CASCADE)",
    ]);
    let loaded = database.load("t", Mode::Replace, &orders(), json!([{ "id": 1 }])).await;
    let said = loaded.unwrap_err().to_string();
    assert!(
        said.starts_with(
            "`t` cannot be replaced: the table `lines` refers to it with ON DELETE CASCADE"
        ),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_merge_or_catalog_is_refused_before_the_first_row() {
    let database = Database::speaking(AdbcDialect::Standard, AdbcDialect::Sqlite).await;
    let said = database.open("t", Mode::Append, &orders()).await.err().unwrap().to_string();
    assert!(said.starts_with("it is not known in which schema `t` is: "), "{said}");
    assert!(!database.is_there("t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_of_two_runs_that_began_with_one_state_commits_nothing() {
    use std::collections::BTreeMap;

    use apitap::engine::limits::{Limits, Memory};
    use apitap::sink::{Load, StateChange};

    let database = Database::standard(AdbcDialect::Postgresql).await;
    database.execute(&["CREATE TABLE t (id bigint, status text)"]);
    let limits = Limits::of(Memory::default(), 1);
    let mut sessions = Vec::new();
    for name in ["one", "two"] {
        // With other options, nothing within the process keeps them apart.
        let sign = if database.place.contains('?') { '&' } else { '?' };
        let place = format!("{}{sign}application_name={name}", database.place);
        let target = target(AdbcDialect::Standard, AdbcDialect::Postgresql, &place);
        let load = Load::new("p", "t", Mode::Append, &[], &orders()).unwrap();
        let mut session = target.open(load, &limits).await.unwrap();
        let known = session.state().await.unwrap();
        let mut writer = session.writer().await.unwrap();
        writer.write(1, batch(&orders(), json!([{ "id": 1, "status": "a" }]))).await.unwrap();
        writer.close().await.unwrap();
        sessions.push((session, known));
    }
    let commits = sessions.into_iter().map(|(mut session, known)| async move {
        let partitions = BTreeMap::from([(String::new(), json!({ "next": 1 }))]);
        let known = Some(known);
        let change = StateChange { run: "r".to_owned(), partitions, known, ..Default::default() };
        session.commit(&change).await.is_ok()
    });
    let done = futures::future::join_all(commits).await;
    assert_eq!(done.iter().filter(|is_done| **is_done).count(), 1, "{done:?}");
    assert_eq!(database.rows("SELECT count(*) FROM t"), ["1"]);
    // A person sees the state of the pipeline, and nothing of the lock.
    let load = Load::new("p", "t", Mode::Append, &[], &orders()).unwrap();
    let remembered = database.target().remembered(&load).await.unwrap();
    let [one] = remembered.as_slice() else { panic!("{remembered:?}") };
    assert_eq!(one.value, json!({ "next": 1 }));
    assert!(one.changed_at.len() == 20 && one.changed_at.ends_with('Z'), "{}", one.changed_at);
}
