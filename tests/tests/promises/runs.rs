//! Projects run by the `apitap` command: what they print, and what is in the table afterwards.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use apitap_tests::process::{Finished, Project, finish};
use serde_json::{Value, json};
use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgConnectOptions;
use sqlx::{
    ConnectOptions as _, Connection as _, MySqlConnection, PgConnection, Row as _, SqliteConnection,
};

/// Longer than any run of a test; one that hangs fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

/// A project with the target `here`, a SQLite file `out.db` in the project's folder.
pub(crate) fn project(sources: &str, queries: &[(&str, &str)]) -> Project {
    let project = Project::new([]);
    let target = format!("sqlite:{}/out.db", project.path().display());
    let yaml =
        format!("{sources}\ntargets:\n  - {{name: here, type: sqlite, url: \"{target}\"}}\n");
    project.write("pipelines.yaml", &yaml);
    for (name, sql) in queries {
        project.write(&format!("sql/{name}.sql"), sql);
    }
    project
}

/// Events `(id, minute)`.
pub(crate) fn events(events: &[(i64, u32)]) -> Vec<Value> {
    let event = |(id, minute): &(i64, u32)| json!({"id": id, "at": format!("2026-01-01T00:{minute:02}:00Z")});
    events.iter().map(event).collect()
}

/// A project of the pipeline `events`, whose source has that key of `incremental`; the API is `API`.
pub(crate) fn events_project(incremental: &str, sink: &str) -> Project {
    let sources = format!(
        "sources:
  - name: events
    url: ${{API:-http://127.0.0.1:9}}
    data_path: /data
    pagination: {{kind: next_url, path: /links/next}}
    {incremental}
    schema: {{id: int64!, at: timestamp!}}"
    );
    let sql = format!(
        "{{{{ sink(name=\"here\", {sink}) }}}}\nSELECT id, at FROM {{{{ use_source(\"events\") }}}}"
    );
    project(&sources, &[("events", &sql)])
}

/// Another target than the SQLite file, as YAML.
pub(crate) fn with_target(project: &Project, target: &str) {
    let yaml = project.read("pipelines.yaml");
    let (sources, _) = yaml.split_once("targets:").unwrap();
    project.write("pipelines.yaml", &format!("{sources}targets:\n  - {target}\n"));
}

/// Calls the command.
pub(crate) fn call(project: &Project, arguments: &[&str]) -> Finished {
    finish(&mut project.apitap(arguments.iter().copied()), LIMIT)
}

/// Calls the command, which must do well; what it prints.
pub(crate) fn call_well(project: &Project, arguments: &[&str]) -> String {
    let finished = call(project, arguments);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    finished.stdout
}

/// Runs all pipelines of a project.
pub(crate) fn run(project: &Project) -> Finished {
    finish(&mut project.apitap(["run", "--format", "json"]), LIMIT)
}

/// Runs all pipelines, which must go well; the report.
pub(crate) fn run_well(project: &Project) -> Value {
    let finished = run(project);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    serde_json::from_str(&finished.stdout).expect("the report is JSON")
}

/// Runs all pipelines, which must fail; the error of the first pipeline that failed, as people see it.
pub(crate) fn run_badly(project: &Project) -> String {
    let finished = finish(&mut project.apitap(["run"]), LIMIT);
    assert_ne!(finished.code, Some(0), "{}", finished.stdout);
    let error = finished.stdout.split_once("error: ").map(|(_, error)| error.to_owned());
    error.unwrap_or_else(|| panic!("no error in {}{}", finished.stdout, finished.stderr))
}

/// How a run is started that says when it commits, and waits for one that was killed to be gone.
pub(crate) const RUN: [&str; 5] = ["run", "--log-level", "info", "--wait", "30s"];

/// A program under way, and what it says.
pub(crate) struct Running {
    pub(crate) child: Child,
    said: std::io::Lines<BufReader<ChildStderr>>,
}

impl Running {
    /// Starts it.
    pub(crate) fn of(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, said }
    }

    /// Waits until it has committed `wanted` more times; fewer if it ends before that.
    pub(crate) fn commits(&mut self, wanted: u64) -> u64 {
        let said = self.said.by_ref().map_while(Result::ok);
        let commits = said.filter(|line| line.contains("committed a part"));
        commits.take(usize::try_from(wanted).unwrap()).count() as u64
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        self::signal(&self.child, signal);
    }

    /// Kills it; whether it came to its end before.
    pub(crate) fn kill(mut self) -> bool {
        self.child.kill().unwrap();
        self.child.wait().unwrap().code().is_some()
    }
}

/// How much of something there is in a test, which a variable may say.
pub(crate) fn number<N: FromStr<Err: std::fmt::Debug>>(variable: &str, usual: N) -> N {
    std::env::var(variable).map_or(usual, |text| text.parse().expect("a number"))
}

/// Waits until that is so.
#[track_caller]
pub(crate) fn wait_until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LIMIT, "it does not come so far");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a program a signal.
pub(crate) fn signal(program: &Child, signal: &str) {
    let id = program.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
}

/// The rows of a query on the project's SQLite file, as lists of values: `sql` is all that stands
/// behind `SELECT json_array(`.
pub(crate) fn sqlite(project: &Project, sql: &str) -> Vec<Value> {
    sqlite_file(&project.path().join("out.db"), &format!("SELECT json_array({sql}"))
}

/// The first column of a query on a SQLite file, which is JSON.
pub(crate) fn sqlite_file(path: &Path, sql: &str) -> Vec<Value> {
    block_on(async {
        let url = format!("sqlite:{}", path.display());
        let mut database = SqliteConnection::connect(&url).await.expect("the database is there");
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let rows = sqlx::query(sql).fetch_all(&mut database).await.expect("the query works");
        rows.iter()
            .map(|row| serde_json::from_str(row.get::<&str, _>(0)).expect("SQLite writes JSON"))
            .collect()
    })
}

/// Whether the project's SQLite file has a table.
pub(crate) fn has_table(project: &Project, table: &str) -> bool {
    project.path().join("out.db").exists()
        && !sqlite(project, &format!("1) FROM sqlite_master WHERE name = '{table}'")).is_empty()
}

/// The first column of a query on PostgreSQL, as JSON.
pub(crate) fn postgres(url: &str, sql: &str) -> Vec<Value> {
    block_on(async {
        let mut database = PgConnection::connect(url).await.expect("the database is there");
        let sql = sqlx::AssertSqlSafe(format!("SELECT to_jsonb(t)::text FROM ({sql}) t"));
        let rows = sqlx::query(sql).fetch_all(&mut database).await.expect("the query works");
        rows.iter()
            .map(|row| serde_json::from_str(row.get::<&str, _>(0)).expect("it writes JSON"))
            .collect()
    })
}

/// Executes statements on PostgreSQL.
pub(crate) fn postgres_do(url: &str, sql: &str) {
    block_on(async {
        // PgBouncer does not know that setting.
        let options: PgConnectOptions = url.parse().expect("a URL");
        let connected = options.extra_float_digits(None).connect().await;
        let mut database = connected.expect("the database is there");
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        sqlx::raw_sql(sql).execute(&mut database).await.expect("the statements work");
    });
}

/// The first column of a query on MariaDB, which is JSON.
pub(crate) fn mariadb(url: &str, sql: &str) -> Vec<Value> {
    block_on(async {
        let mut database = MySqlConnection::connect(url).await.expect("the database is there");
        let sql = sqlx::AssertSqlSafe(sql.to_owned());
        let rows = sqlx::query(sql).fetch_all(&mut database).await.expect("the query works");
        let text = |row: &MySqlRow| row.get::<String, _>(0);
        rows.iter().map(|row| serde_json::from_str(&text(row)).expect("it writes JSON")).collect()
    })
}

/// A fresh MariaDB database.
pub(crate) fn mariadb_database() -> String {
    block_on(apitap_tests::mariadb::database())
}

/// A fresh PostgreSQL database.
pub(crate) fn postgres_database() -> String {
    block_on(apitap_tests::postgres::database())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
