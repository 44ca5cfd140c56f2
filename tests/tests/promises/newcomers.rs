//! The mistakes of the first hour: each is said in words that lead to the fix, at once.

use std::time::{Duration, Instant};

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::faults::{Fault, On};
use apitap_tests::postgres::{PASSWORD, USER, port};
use apitap_tests::process::{Project, finish};
use serde_json::json;

use super::runs::{LIMIT, postgres_database, postgres_do};

/// Nobody waits longer for the word; the machine of the tests may be busy.
const AT_ONCE: Duration = Duration::from_secs(20);

const QUERY: &str = "{{ sink(key=[\"id\"]) }} SELECT id FROM {{ use_source(\"orders\") }}";

fn collection() -> Collection {
    let orders: Vec<_> = (1..=1500).map(|id| json!({"id": id})).collect();
    Collection::new(orders, Pagination::page_number()).data_path("/data")
}

/// A project that is right; what is wrong with it is put in place of a part of its YAML file.
struct Mistake {
    api: Api,
    project: Project,
}

impl Mistake {
    fn with(collection: Collection) -> Self {
        let api = Api::serve(collection);
        let yaml = format!(
            "sources:
  - name: orders
    url: {}
    data_path: /data
    pagination: {{kind: page_number, page_param: page, per_page_param: per_page}}
    retry: {{min_delay_secs: 0.05, max_delay_secs: 0.1}}
    schema: {{id: int64!}}
targets:
  - {{name: here, type: sqlite, path: out.db}}
",
            api.url()
        );
        let project = Project::new([("pipelines.yaml", &*yaml), ("sql/orders.sql", QUERY)]);
        Self { api, project }
    }

    fn new() -> Self {
        Self::with(collection())
    }

    /// Puts a mistake into the YAML file.
    fn write(self, right: &str, wrong: &str) -> Self {
        let yaml = self.project.read("pipelines.yaml");
        assert!(yaml.contains(right), "{yaml}");
        self.project.write("pipelines.yaml", &yaml.replace(right, wrong));
        self
    }

    /// Rows go to PostgreSQL, at this address.
    fn into(self, url: &str) -> Self {
        self.write("type: sqlite, path: out.db", &format!("type: postgres, url: \"{url}\""))
    }

    /// Runs it: it must fail with this code, say all of this, and say each failure once.
    fn says(self, arguments: &[&str], code: i32, expected: &[&str]) {
        let begun = Instant::now();
        let mut command = self.project.apitap(arguments.iter().copied());
        let finished = finish(command.env_remove("SHOP_TOKEN"), LIMIT);
        let (took, said) = (begun.elapsed(), format!("{}{}", finished.stdout, finished.stderr));
        assert_eq!(finished.code, Some(code), "{said}");
        for part in expected {
            assert!(said.contains(part), "no `{part}` in:\n{said}");
        }
        assert!(said.matches("error").count() <= 3, "more than once:\n{said}");
        assert!(took < AT_ONCE, "after {took:?}:\n{said}");
    }
}

#[test]
fn an_api_that_cannot_be_reached_is_said_at_once() {
    let port = Mistake::new();
    let url = port.api.url();
    port.write(&url, "http://127.0.0.1:1/orders").says(
        &["run"],
        1,
        &["cannot connect to the server", "refused", "check the host and port in `url`"],
    );
    let host = Mistake::new();
    let url = host.api.url();
    host.write(&url, "http://no-such-host.invalid/orders").says(
        &["run"],
        1,
        &["cannot connect to the server", "check the host and port in `url`"],
    );
    let path = Mistake::new();
    let url = path.api.url();
    path.write(&url, &format!("{url}/none")).says(&["run"], 1, &["404", "check `url`"]);
}

#[test]
fn an_api_that_breaks_off_is_named_with_its_page() {
    let fault = collection().fault(On::page(13), Fault::Status(503));
    Mistake::with(fault).says(
        &["run"],
        1,
        &["503", "page=13", "(5 attempts)", "run it again later", "retry 1 of 4"],
    );
    let html = "<!DOCTYPE html><title>Log in</title>".to_owned();
    let fault = collection().fault(On::page(1), Fault::Body("text/html", html));
    Mistake::with(fault).says(&["run"], 1, &["HTML"]);
}

#[test]
fn credentials_that_are_wrong_or_missing_are_said_with_the_key_that_holds_them() {
    let guarded = || Mistake::with(collection().require("authorization", "Bearer right"));
    guarded().says(&["run"], 1, &["401", "the API requires authentication: add `auth`"]);
    guarded().write("    schema", "    auth: {bearer: expired!}\n    schema").says(
        &["run"],
        1,
        &["401", "the API does not accept the credentials: check `auth`"],
    );
    guarded().write("    schema", "    auth: {bearer: \"${SHOP_TOKEN}\"}\n    schema").says(
        &["run"],
        2,
        &["`SHOP_TOKEN` is not set", "export SHOP_TOKEN=…"],
    );
}

#[test]
fn a_database_that_cannot_take_rows_is_said_before_the_api_is_asked() {
    let database = postgres_database();
    let check = |url: &str, expected: &[&str]| {
        let mistake = Mistake::new().into(url);
        let requests = mistake.api.requests().len();
        assert_eq!(requests, 0);
        mistake.says(&["run"], 1, expected);
    };
    let password = PASSWORD.replace(' ', "%20");
    check(&database.replace(&password, "wrong"), &["password authentication failed"]);
    check(&database.replace(&port().to_string(), "1"), &["refused"]);
    let (server, _) = database.rsplit_once('/').unwrap();
    check(&format!("{server}/none"), &["database \"none\" does not exist"]);
    postgres_do(
        &database,
        "CREATE ROLE newcomer LOGIN PASSWORD 'newcomer'; REVOKE CREATE ON SCHEMA public FROM \
         PUBLIC; GRANT USAGE ON SCHEMA public TO newcomer",
    );
    let newcomer = database.replace(&format!("{USER}:{password}"), "newcomer:newcomer");
    check(&newcomer, &["permission denied for schema public", "grant the user what is missing"]);
    Mistake::new().write("path: out.db", "path: none/out.db").says(
        &["run"],
        1,
        &["there is no folder `none`", "mkdir -p none"],
    );
}

#[test]
fn what_the_api_sends_instead_is_said() {
    Mistake::new().write("data_path: /data", "data_path: /items").says(
        &["run"],
        1,
        &["`data_path` finds no `items`", "there is `data`"],
    );
    Mistake::new().write("id: int64!", "id: bool!").says(&["run"], 1, &["bool", "/id", "record"]);
    let linked: Vec<_> = (1..=300).map(|id| json!({"id": id})).collect();
    let linked = Collection::new(linked, Pagination::LinkHeader).data_path("/data");
    let pagination =
        "    pagination: {kind: page_number, page_param: page, per_page_param: per_page}\n";
    Mistake::with(linked).write(pagination, "").says(&["run"], 1, &["link_header"]);
}

#[test]
fn what_is_misspelt_is_said_with_what_was_meant() {
    Mistake::new().write("    data_path", "\tdata_path").says(&["run"], 1, &["E0101", "tab"]);
    Mistake::new().write("data_path", "datapath").says(&["run"], 1, &["E0110", "`data_path`"]);
    Mistake::new().says(&["run", "order"], 2, &["a similar pipeline exists: `orders`"]);
    Mistake::new().says(&["run", "--dryrun"], 2, &["--dry-run"]);
    Mistake::new().says(&["chek"], 2, &["check"]);
    Mistake::new().says(&["-y", "pipeline.yaml", "run"], 1, &["cannot read `pipeline.yaml`"]);
    let column = Mistake::new();
    column.project.write("sql/orders.sql", &QUERY.replace("SELECT id", "SELECT idd"));
    column.says(&["run"], 1, &["E0204", "a similar field exists: `id`"]);
}
