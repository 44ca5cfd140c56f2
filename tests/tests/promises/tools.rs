//! The tools around a project, as programs: `check --watch`, `expand`, `json-schema`.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use apitap_build::check::Schemas;
use apitap_build::codegen;
use apitap_build::project::check_files;
use apitap_tests::process::{Project, finish};
use apitap_tests::readme::root;
use serde_json::Value;

use super::runs::{LIMIT, signal};

const YAML: &str = "sources:
  - name: orders
    url: https://api.example.com/orders
    schema: {id: int64!, total: float64}
targets:
  - {name: here, type: sqlite, path: out.db}
";

const ORDERS: &str = "SELECT id, total FROM {{ use_source(\"orders\") }}";

fn project() -> Project {
    Project::new([("pipelines.yaml", YAML), ("sql/orders.sql", ORDERS)])
}

/// A program that goes on, and the lines that it says.
struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    fn start(project: &Project, arguments: &[&str]) -> Self {
        let mut command = project.apitap(["check", "--watch"]);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let gather = |pipe: Box<dyn Read + Send>| {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines() {
                    drop(sender.send(line.unwrap()));
                }
            });
        };
        gather(Box::new(child.stdout.take().unwrap()));
        gather(Box::new(child.stderr.take().unwrap()));
        Self { child, lines }
    }

    /// Waits for a line that has this; the lines up to it.
    fn until(&self, part: &str) -> Vec<String> {
        let mut said = Vec::new();
        let end = Instant::now() + LIMIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else { panic!("no `{part}`: {said:?}") };
            said.push(line);
            if said.last().is_some_and(|line| line.contains(part)) {
                return said;
            }
        }
    }

    /// Nothing is said for a while.
    fn is_silent(&self) {
        let line = self.lines.recv_timeout(Duration::from_secs(1));
        assert!(line.is_err(), "{line:?}");
    }

    /// Stops it as Ctrl-C does; the exit code.
    fn stop(mut self, name: &str) -> Option<i32> {
        signal(&self.child, name);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Where a test has failed it is still there.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_project_is_checked_again_whenever_one_of_its_files_changes() {
    let project = project();
    let watch = Watch::start(&project, &[]);
    let said = watch.until("1 pipeline, nothing wrong");
    assert!(said[0].starts_with("── ") && said[0].ends_with(" ──"), "{said:?}");
    watch.is_silent();

    project.write("sql/orders.sql", &ORDERS.replace("total", "totl"));
    let said = watch.until("1 error, 0 warnings");
    assert!(said.iter().any(|line| line.contains("column `totl` not found")), "{said:?}");
    project.write("pipelines.yaml", &YAML.replace("total", "totl"));
    watch.until("1 pipeline, nothing wrong");

    // A new file, one that is gone, and a folder of files.
    project.write("sql/more/again.sql", "SELECT id FROM {{ use_source(\"orders\") }}");
    watch.until("2 pipelines, nothing wrong");
    std::fs::remove_file(project.path().join("sql/orders.sql")).unwrap();
    watch.until("1 pipeline, nothing wrong");
    // What is not a file of the project does not matter.
    project.write("sql/notes.txt", "mine");
    watch.is_silent();

    std::fs::remove_file(project.path().join("pipelines.yaml")).unwrap();
    watch.until("cannot read `pipelines.yaml`");
    watch.until("1 error, 0 warnings");
    project.write("pipelines.yaml", YAML);
    watch.until("1 pipeline, nothing wrong");
    assert_eq!(watch.stop("-INT"), Some(0));
}

#[test]
fn a_file_that_the_yaml_names_is_watched_before_it_is_there_and_after() {
    let project = project();
    project
        .write("pipelines.yaml", &YAML.replace("{id: int64!, total: float64}", "{sample: s.json}"));
    let watch = Watch::start(&project, &[]);
    watch.until("cannot read `s.json`");
    watch.until("1 error, 0 warnings");
    watch.is_silent();
    project.write("s.json", r#"[{"id": 1, "total": 1.5}]"#);
    watch.until("1 pipeline, nothing wrong");
    project.write("s.json", r#"[{"id": 1}]"#);
    let said = watch.until("1 error, 0 warnings");
    assert!(said.iter().any(|line| line.contains("column `total` not found")), "{said:?}");
    assert_eq!(watch.stop("-INT"), Some(0));
}

#[test]
fn a_machine_reads_each_check_as_one_line() {
    let project = project();
    project.write("sql/orders.sql", &ORDERS.replace("total", "totl"));
    let watch = Watch::start(&project, &["--format", "json"]);
    let line = watch.until("E0204").pop().unwrap();
    let findings: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&findings[0]["code"], &findings[0]["line"]), (&"E0204".into(), &1.into()));
    project.write("sql/orders.sql", ORDERS);
    assert_eq!(watch.until("[]").pop().unwrap(), "[]");
    assert_eq!(watch.stop("-TERM"), Some(0));
}

/// A call that prints something, and what it prints.
fn check_printed(project: &Project, arguments: &[&str], expected: &str) {
    let finished = finish(project.apitap(["expand"]).args(arguments), LIMIT);
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
    assert_eq!(finished.stdout, expected);
}

#[test]
fn what_is_expanded_is_what_a_build_writes() {
    let project = project();
    project.write("sql/daily/orders.sql", ORDERS);
    project.write("sql/daily_orders2.sql", ORDERS);
    let path = project.path();
    let (yaml, sql) = (path.join("pipelines.yaml"), path.join("sql"));
    let file = codegen::file(
        "pipelines.yaml and sql/",
        &check_files(path, &yaml, &sql, Schemas::Declared),
    );
    check_printed(&project, &[], &file);
    for name in ["orders", "daily_orders", "daily_orders2"] {
        let finished = finish(&mut project.apitap(["expand", name]), LIMIT);
        let start = format!("/// `orders` → table `{name}` of `here`.\n");
        assert!(finished.stdout.starts_with(&start), "{}", finished.stdout);
        assert!(file.contains(&format!("\n{}", finished.stdout)), "{}", finished.stdout);
    }
}

#[test]
fn a_pipeline_that_is_broken_or_unknown_has_no_rust() {
    let project = project();
    project.write("sql/bad.sql", &ORDERS.replace("total", "totl"));
    project.write("sql/worse.sql", "SELECT");
    let broken = finish(&mut project.apitap(["expand", "bad"]), LIMIT);
    assert_eq!((broken.code, &*broken.stdout), (Some(1), ""));
    assert!(broken.stderr.contains("column `totl` not found"), "{}", broken.stderr);
    assert!(!broken.stderr.contains("worse.sql"), "{}", broken.stderr);
    assert!(
        broken.stderr.ends_with("nothing is generated for `bad`: fix the errors above first\n")
    );

    let unknown = finish(&mut project.apitap(["expand", "order"]), LIMIT);
    assert_eq!((unknown.code, &*unknown.stdout), (Some(2), ""));
    assert_eq!(
        unknown.stderr,
        "error: there is no pipeline `order`\nhelp: a similar pipeline exists: `orders`\n"
    );

    // The others are there, and the file says what is wrong.
    let whole = finish(&mut project.apitap(["expand"]), LIMIT);
    assert_eq!(whole.code, Some(1));
    assert!(whole.stdout.contains("pub mod orders {"), "{}", whole.stdout);
    assert_eq!(whole.stdout.matches("::core::compile_error! {").count(), 2, "{}", whole.stdout);
    assert!(whole.stderr.contains("worse.sql"), "{}", whole.stderr);
}

#[test]
fn the_json_schema_is_printed_as_it_is_in_the_documents() {
    let printed = finish(&mut project().apitap(["json-schema"]), LIMIT);
    assert_eq!((printed.code, &*printed.stderr), (Some(0), ""));
    let path = root().join("docs/pipelines.schema.json");
    assert_eq!(printed.stdout, std::fs::read_to_string(path).unwrap());
}

#[test]
fn a_folder_without_a_project_says_how_to_get_one() {
    let checked = finish(&mut Project::new([]).apitap(["check"]), LIMIT);
    assert_eq!(checked.code, Some(1));
    assert!(
        checked.stderr.contains("help: `apitap new DIR` makes a project"),
        "{}",
        checked.stderr
    );
}
