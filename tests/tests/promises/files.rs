//! What targets of files promise, shown by the `apitap` command and by programs that are killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use apitap::definition::{Compression, Connection, Folder, Mode, Target, TargetKind, Template};
use apitap::engine::limits::{Limits, Memory};
use apitap::schema::{Field, Schema, Type};
use apitap::sink::{Load, Session, StateChange, resolve};
use apitap_build::size::Size;
use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Project, finish};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};

use super::runs::LIMIT;

/// The rows of a run that is killed.
const ROWS: u64 = 20_000;
/// The rows between two commits.
const PART: u64 = 250;
/// A program is killed behind fewer commits than that.
const COMMITS: u64 = 4;
/// What the program says on its standard error when it has committed.
const COMMITTED: &str = "committed";
/// The variable that tells a test that it is the program to be killed, and where it writes.
const FOLDER: &str = "APITAP_TEST_FOLDER";

/// The lines of all files below a folder that end so, as `**/*` finds them; those without a name yet
/// are where no reader looks.
fn lines(folder: &Path, extension: &str) -> Vec<String> {
    let (mut folders, mut lines) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(extension) {
                let text = std::fs::read_to_string(&path).unwrap();
                lines.extend(text.lines().map(str::to_owned));
            }
        }
    }
    lines.sort();
    lines
}

fn project(api: &Api, target: &str, sink: &str) -> Project {
    let project = Project::new([]);
    let yaml = format!(
        "sources:
  - name: orders
    url: {}
    data_path: /data
    pagination: {{kind: page_number, page_param: page, per_page_param: per_page}}
    schema: {{id: int64!, status: string, amount: \"decimal(12,2)\"}}
targets:
  - {{name: lake, path: data, {target}}}
",
        api.url()
    );
    project.write("pipelines.yaml", &yaml);
    let sql = format!("{{{{ sink({sink}) }}}} SELECT * FROM {{{{ use_source(\"orders\") }}}}");
    project.write("sql/orders.sql", &sql);
    project
}

fn api() -> Api {
    let status = |id| if id % 2 == 0 { "paid" } else { "new, \"open\"" };
    let orders = (1..=250).map(|id| json!({"id": id, "status": status(id), "amount": "12.50"}));
    let orders: Vec<_> = orders.collect();
    Api::serve(Collection::new(orders, Pagination::page_number()).data_path("/data"))
}

fn run(project: &Project) {
    let finished = finish(&mut project.apitap(["run", "--format", "json"]), LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["pipelines"][0]["stored"], 250, "{report:#}");
}

#[test]
fn csv_is_written_by_the_command() {
    let api = api();
    let project = project(&api, "type: csv", "mode=\"replace\"");
    for _ in 0..2 {
        run(&project);
        let lines = lines(&project.path().join("data/orders"), ".csv");
        assert_eq!(lines.len(), 251);
        assert_eq!(lines.last().map(String::as_str), Some("id,status,amount"));
        assert!(lines.contains(&"7,\"new, \"\"open\"\"\",12.50".to_owned()));
    }
}

#[test]
fn json_lines_are_written_by_the_command_into_a_folder_for_each_value() {
    let api = api();
    let project = project(&api, "type: jsonl", "mode=\"append\", partition_by=[\"status\"]");
    run(&project);
    let folder = project.path().join("data/orders/status=paid");
    let lines = lines(&folder, ".jsonl");
    assert_eq!(lines.len(), 125);
    assert!(lines.contains(&r#"{"id":8,"amount":12.50}"#.to_owned()));
    assert!(project.path().join("data/orders/status=new%2C%20%22open%22").is_dir());
}

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn rows_land_once_however_often_the_run_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("orders");
    let (mut chance, mut kills, mut before) = (Chance(20_261_127), 0, 0);
    let (mut seen, mut staged) = (BTreeMap::<u64, u32>::new(), 0);
    loop {
        // At the beginning, at a commit, or somewhere in the work between two of them.
        let Some(commits) = killed_after(folder.path(), &mut chance) else { break };
        kills += 1;
        // What a reader finds now is whole parts, each of them once.
        let found = lines(&table, ".jsonl").len() as u64;
        assert_eq!(found % PART, 0, "after {kills} kills");
        assert!(found >= before + commits * PART, "a commit is lost after {kills} kills");
        before = found;
        *seen.entry(found / PART).or_default() += 1;
        staged += u32::from(table.join("_apitap/staged").exists());
    }
    let mut ids: Vec<_> = lines(&table, ".jsonl").iter().map(|line| id(line)).collect();
    ids.sort_unstable();
    assert!(ids.iter().copied().eq(1..=ROWS), "{} rows after {kills} kills", ids.len());
    assert_eq!(state(folder.path()), json!({ "next": ROWS }));
    assert!(!table.join("_apitap/staged").exists());
    println!("{kills} kills at {} states of the table; {staged} left staged files", seen.len());
    assert!(kills >= 5, "only {kills} kills");
}

/// Runs the program and kills it behind some of its commits, and a while that may reach over the next
/// one: how often it had said that it committed. Nothing if it came to its end.
fn killed_after(folder: &Path, chance: &mut Chance) -> Option<u64> {
    let mut program = Command::new(std::env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "promises::files::the_program_that_is_killed",
        ])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(program.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (wanted, mut commits) = (chance.below(COMMITS), 0);
    let mut last = Instant::now();
    let mut between = Duration::from_millis(20);
    let mut all = String::new();
    let mut committed = |line: &String| {
        all.push_str(line);
        all.push('\n');
        line == COMMITTED
    };
    while commits < wanted && said.by_ref().any(|line| committed(&line)) {
        commits += 1;
        between = last.elapsed();
        last = Instant::now();
    }
    if commits == wanted {
        std::thread::sleep(between.mul_f64(chance.below(200) as f64 / 100.0));
        program.kill().unwrap();
    }
    let commits = commits + said.filter(|line| committed(line)).count() as u64;
    let status = program.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}: {all}");
    (!status.success()).then_some(commits)
}

fn id(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap()["id"].as_u64().unwrap()
}

/// Not a test of its own: it goes on where the last commit says, until all rows are in.
#[test]
#[ignore = "rows_land_once_however_often_the_run_is_killed runs it"]
fn the_program_that_is_killed() {
    let folder = std::env::var(FOLDER).expect("the test that kills says where to write");
    block_on(async {
        let mut session = session(Path::new(&folder)).await;
        let mut next = session
            .state()
            .await
            .unwrap()
            .partitions
            .get("")
            .map_or(0, |state| state["next"].as_u64().expect("the state is a number of rows"));
        while next < ROWS {
            let mut writer = session.writer().await.unwrap();
            writer.write(next + 1, batch(next + 1..=next + PART)).await.unwrap();
            writer.close().await.unwrap();
            next += PART;
            let partitions = BTreeMap::from([(String::new(), json!({ "next": next }))]);
            let change = StateChange { run: "killed".to_owned(), partitions, known: None };
            session.commit(&change).await.unwrap();
            eprintln!("{COMMITTED}");
        }
        session.finish().await.unwrap();
    });
}

fn state(folder: &Path) -> Value {
    block_on(async {
        let mut session = session(folder).await;
        let state = session.state().await.unwrap();
        session.abort().await.unwrap();
        state.partitions.get("").cloned().unwrap_or_default()
    })
}

fn row() -> Schema {
    let fields = [("id", Type::Int64, false), ("text", Type::String, true)];
    fields.map(|(name, ty, nullable)| Field::new(name, ty, nullable)).into_iter().collect()
}

fn batch(ids: std::ops::RangeInclusive<u64>) -> RecordBatch {
    let texts: StringArray = ids.clone().map(|id| Some(format!("order {id}"))).collect();
    let ids = Int64Array::from_iter_values(ids.map(|id| id as i64));
    let columns: Vec<ArrayRef> = vec![std::sync::Arc::new(ids), std::sync::Arc::new(texts)];
    RecordBatch::try_new(apitap::schema::arrow::schema(&row()), columns).unwrap()
}

async fn session(folder: &Path) -> Box<dyn Session> {
    let path = Template(folder.to_str().unwrap().to_owned());
    let folder = Folder { path, file_size: Size(128 << 20), compression: Compression::None };
    let (kind, connection) = (TargetKind::Jsonl, Connection::Folder(folder));
    let target = Target { name: "lake".to_owned(), kind, connection };
    let load = Load::new("orders", "orders", Mode::Append, &[], &row()).unwrap();
    let limits = Limits::of(Memory::default(), 1);
    resolve(&target, &mut Default::default()).open(load, &limits).await.unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}
