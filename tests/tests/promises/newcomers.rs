//! The mistakes of the first hour: each is said in words that lead to the fix, at once.
//!
//! What is said of each stands in `newcomers/*.snap`. `cargo test … newcomers -- --nocapture --test-threads 1` prints
//! a table: what was done wrong, what is said first, and after how many seconds.

use std::time::{Duration, Instant};

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::faults::{Fault, On};
use apitap_tests::postgres::{PASSWORD, USER, port};
use apitap_tests::process::{Project, finish};
use apitap_tests::readme::root;
use serde_json::json;

use super::findings::snapshot;
use super::runs::{LIMIT, postgres_database, postgres_do};

/// Nobody waits longer for the word; the machine of the tests may be busy.
const AT_ONCE: Duration = Duration::from_secs(20);

const QUERY: &str = "{{ sink(key=[\"id\"]) }} SELECT id FROM {{ use_source(\"orders\") }}";

const SCHEMA: &str = "{id: int64!, status: string}";

fn collection() -> Collection {
    let orders: Vec<_> = (1..=1500).map(|id| json!({"id": id, "status": "paid"})).collect();
    Collection::new(orders, Pagination::page_number()).data_path("/data")
}

/// A project that is right, and what is done wrong with it.
struct Mistake {
    what: &'static str,
    api: Api,
    project: Project,
    variables: Vec<(&'static str, String)>,
    /// What differs from run to run, and what is shown in its place.
    shown: Vec<(String, &'static str)>,
}

/// What was said of a mistake.
struct Said {
    what: &'static str,
    command: String,
    code: Option<i32>,
    /// From the first error on.
    text: String,
    took: Duration,
}

impl Mistake {
    fn with(what: &'static str, collection: Collection) -> Self {
        let api = Api::serve(collection);
        let yaml = format!(
            "sources:
  - name: orders
    url: {}
    data_path: /data
    pagination: {{kind: page_number, page_param: page, per_page_param: per_page}}
    retry: {{min_delay_secs: 0.05, max_delay_secs: 0.1}}
    schema: {SCHEMA}
targets:
  - {{name: here, type: sqlite, path: out.db}}
",
            api.url()
        );
        let project = Project::new([("pipelines.yaml", &*yaml), ("sql/orders.sql", QUERY)]);
        let server = api.url_of("").trim_start_matches("http://").to_owned();
        let shown = vec![(server, "127.0.0.1:8080")];
        Self { what, api, project, variables: Vec::new(), shown }
    }

    fn new(what: &'static str) -> Self {
        Self::with(what, collection())
    }

    /// Puts a mistake into the YAML file.
    fn write(self, right: &str, wrong: &str) -> Self {
        let yaml = self.project.read("pipelines.yaml");
        assert!(yaml.contains(right), "{yaml}");
        self.project.write("pipelines.yaml", &yaml.replace(right, wrong));
        self
    }

    /// Requests go to this address.
    fn from(self, url: &str) -> Self {
        let right = format!("url: {}", self.api.url());
        self.write(&right, &format!("url: {url}"))
    }

    /// Rows go to PostgreSQL, at this address.
    fn into(mut self, url: &str) -> Self {
        self.shown.push((port().to_string(), "5432"));
        self.write("type: sqlite, path: out.db", &format!("type: postgres, url: \"{url}\""))
    }

    /// Puts a mistake into the query.
    fn query(self, sql: &str) -> Self {
        self.project.write("sql/orders.sql", sql);
        self
    }

    fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    fn call(self, arguments: &[&str]) -> Said {
        // The first one to ask for the program has it built.
        let mut command = self.project.apitap(arguments.iter().copied());
        let begun = Instant::now();
        for name in ["SHOP_TOKEN", "SHOP_URL", "DATABASE_URL"] {
            command.env_remove(name);
        }
        let finished = finish(command.envs(self.variables), LIMIT);
        let took = begun.elapsed();
        // Where findings are, nothing was run.
        let from_error = |text: &str| {
            let lines = text.lines().skip_while(|line| !line.starts_with("error"));
            lines.collect::<Vec<_>>().join("\n")
        };
        let (errors, report) = (from_error(&finished.stderr), from_error(&finished.stdout));
        let text = if errors.is_empty() { report } else { errors };
        let text = self.shown.iter().fold(text, |text, (was, is)| text.replace(was, is));
        assert!(!text.is_empty(), "{}: {}{}", self.what, finished.stdout, finished.stderr);
        let command = arguments.join(" ");
        Said { what: self.what, command, code: finished.code, text, took }
    }

    fn run(self) -> Said {
        self.call(&["run"])
    }
}

/// Prints the part of the table, and compares what was said with its snapshot.
fn show(name: &str, all: &[Said]) {
    let mut text = String::new();
    for Said { what, command, code, text: said, took } in all {
        let first = said.lines().next().unwrap_or_default();
        println!("| {what} | `apitap {command}` | `{first}` | {:.2} |", took.as_secs_f64());
        assert!(*took < AT_ONCE, "{what}: after {took:?}:\n{said}");
        assert!(said.matches("error").count() <= 4, "more than once:\n{said}");
        let code = code.unwrap_or_default();
        text.push_str(&format!("## {what}: apitap {command}, exit code {code}\n\n{said}\n\n"));
    }
    snapshot(&root().join("tests/tests/promises/newcomers"), name, text.trim_end());
}

#[test]
fn an_api_that_cannot_be_reached_is_said_at_once() {
    let path = Mistake::new("a path that the API does not have");
    let wrong = format!("{}/none", path.api.url());
    let secure = Mistake::new("HTTPS where the server speaks HTTP");
    let https = secure.api.url().replace("http:", "https:");
    show(
        "reached",
        &[
            Mistake::new("the wrong port").from("http://127.0.0.1:1/orders").run(),
            Mistake::new("the wrong port, in a variable")
                .from("${SHOP_URL}/orders")
                .variable("SHOP_URL", "http://127.0.0.1:1")
                .run(),
            Mistake::new("a variable whose default is no server")
                .from("${SHOP_URL:-http://127.0.0.1:1}/orders")
                .run(),
            Mistake::new("an unknown host").from("http://no-such-host.invalid/orders").run(),
            Mistake::new("no scheme").from("shop.example.com/orders").run(),
            path.from(&wrong).run(),
            secure.from(&https).run(),
        ],
    );
}

#[test]
fn an_api_that_breaks_off_is_named_with_its_page() {
    let down = collection().fault(On::page(13), Fault::Status(503));
    let page = "<!DOCTYPE html><title>Log in</title>".to_owned();
    let html = collection().fault(On::page(1), Fault::Body("text/html", page));
    let often = || collection().fault(On::page(1), Fault::RetryAfter(429, "7".to_owned()));
    let unsaid = collection().fault(On::page(1), Fault::Status(429));
    let long = collection().fault(On::page(1), Fault::RetryAfter(429, "7200".to_owned()));
    let live = ["check", "--live"];
    show(
        "breaks_off",
        &[
            Mistake::with("an API that is down at page 13", down).run(),
            Mistake::with("HTML in place of JSON", html).run(),
            Mistake::with("a check of an API that is asked too often", often()).call(&live),
            Mistake::with("the same, where the API does not say until when", unsaid).call(&live),
            Mistake::with("the same, where the API says hours", long).call(&live),
        ],
    );
}

#[test]
fn credentials_that_are_wrong_or_missing_are_said_with_the_key_that_holds_them() {
    let guarded = |what| Mistake::with(what, collection().require("authorization", "Bearer right"));
    let auth = |mistake: Mistake, value: &str| {
        mistake.write("    schema", &format!("    auth: {{bearer: \"{value}\"}}\n    schema"))
    };
    show(
        "credentials",
        &[
            guarded("no credentials").run(),
            auth(guarded("an expired token"), "${SHOP_TOKEN}")
                .variable("SHOP_TOKEN", "s3cret-expired")
                .run(),
            auth(guarded("a variable that is not set"), "${SHOP_TOKEN}").run(),
            auth(guarded("a variable that is empty"), "${SHOP_TOKEN}")
                .variable("SHOP_TOKEN", "")
                .run(),
        ],
    );
}

#[test]
fn a_database_that_cannot_take_rows_is_said_before_the_api_is_asked() {
    let database = postgres_database();
    let (server, name) = database.rsplit_once('/').unwrap();
    let password = PASSWORD.replace(' ', "%20");
    let postgres = |what, url: &str| {
        let mut mistake = Mistake::new(what).into(url);
        mistake.shown.push((name.to_owned(), "warehouse"));
        mistake
    };
    postgres_do(
        &database,
        "CREATE ROLE newcomer LOGIN PASSWORD 'newcomer'; REVOKE CREATE ON SCHEMA public FROM \
         PUBLIC; GRANT USAGE ON SCHEMA public TO newcomer",
    );
    let newcomer = database.replace(&format!("{USER}:{password}"), "newcomer:newcomer");
    let here = |what, target: &str| Mistake::new(what).write("type: sqlite, path: out.db", target);
    let said = [
        postgres("the wrong password of the database", "${DATABASE_URL}")
            .variable("DATABASE_URL", &database.replace(&password, "s3cret-wrong"))
            .run(),
        postgres("the wrong port of the database", &database.replace(&port().to_string(), "1"))
            .run(),
        postgres("the wrong port of the database, in a variable", "${DATABASE_URL}")
            .variable("DATABASE_URL", &database.replace(&port().to_string(), "1"))
            .run(),
        postgres("a database that is not there", &format!("{server}/none")).run(),
        postgres("no right to create a table", &newcomer).run(),
        postgres("an address of another database", "mysql://me@localhost/shop").run(),
        here("a folder that is not there", "type: sqlite, path: none/out.db").run(),
        here("a folder that nobody may write to", "type: sqlite, path: /proc/out.db").run(),
    ];
    for said in &said {
        assert!(!said.text.contains("s3cret"), "{}", said.text);
    }
    show("database", &said);
}

#[test]
fn what_the_api_sends_instead_is_said() {
    let linked: Vec<_> = (1..=300).map(|id| json!({"id": id, "status": "paid"})).collect();
    let linked = Collection::new(linked, Pagination::LinkHeader).data_path("/data");
    let pagination =
        "    pagination: {kind: page_number, page_param: page, per_page_param: per_page}\n";
    show(
        "sent",
        &[
            Mistake::new("the wrong `data_path`")
                .write("data_path: /data", "data_path: /items")
                .run(),
            Mistake::new("no `data_path`").write("    data_path: /data\n", "").run(),
            Mistake::new("the wrong type of a field").write("id: int64!", "id: bool!").run(),
            Mistake::with("no `pagination`", linked).write(pagination, "").run(),
        ],
    );
}

#[test]
fn what_is_misspelt_is_said_with_what_was_meant() {
    let new = Mistake::new;
    let source = "{{ use_source(\"orders\") }}";
    show(
        "misspelt",
        &[
            new("a tab in YAML").write("    data_path", "\tdata_path").run(),
            new("a misspelt key").write("data_path", "datapath").run(),
            new("a value of a key that is missing").write("data_path: /data", "data_path:").run(),
            new("a decimal without quotes")
                .write(SCHEMA, "{id: int64!, status: string, total: decimal(12,2)}")
                .run(),
            new("a misspelt pipeline").call(&["run", "order"]),
            new("a misspelt flag").call(&["run", "--dryrun"]),
            new("a misspelt command").call(&["chek"]),
            new("a YAML file that is not there").call(&["-y", "pipeline.yaml", "run"]),
            new("a file of variables that is not there").call(&["run", "--env-file", "prod.env"]),
            new("a misspelt column").query(&QUERY.replace("SELECT id", "SELECT idd")).run(),
            new("a missing comma").query(&QUERY.replace("SELECT id", "SELECT id status")).run(),
            new("a comma too much").query(&QUERY.replace("SELECT id", "SELECT id,")).run(),
            new("a key that may be null").query(
                "{{ sink(key=[\"status\"]) }} SELECT id, status FROM {{ use_source(\"orders\") }}",
            ).run(),
            new("SQL without `sink`")
                .write("targets:\n", "targets:\n  - {name: there, type: sqlite, path: there.db}\n")
                .query(&format!("SELECT id FROM {source}"))
                .run(),
            new("a target that is not declared")
                .query(&QUERY.replace("key=", "name=\"hare\", key="))
                .run(),
            new("a table in place of a source").query(&QUERY.replace(source, "orders")).run(),
            new("a source that is not declared").query(&QUERY.replace("\"orders", "\"order")).run(),
        ],
    );
}
