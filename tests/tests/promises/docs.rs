//! What the pages of `docs/` say is so: their examples load what an API serves, their queries run, their
//! commands do, their links lead somewhere.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use apitap_tests::process::{Project, binary, finish};
use apitap_tests::public::{Public, Recipe, items, recipes};
use apitap_tests::readme::{blocks_of, root};
use serde_json::{Value, json};

use super::runs::{LIMIT, postgres, postgres_database, project, sqlite, sqlite_file};

const QUERY: &str = "{{ sink(mode=\"append\") }} SELECT id FROM {{ use_source(\"orders\") }}";

/// The block of a page with this first line.
fn block(page: &str, info: &str) -> String {
    let language = info.split(' ').next().unwrap();
    let found = blocks_of(page, language).into_iter().find(|block| block.info == info);
    found.unwrap_or_else(|| panic!("{page} has no block `{info}`")).text
}

/// The example of a page loads all records of a collection.
fn check_example(page: &str, collection: Collection, variables: &[(&str, &str)]) {
    let sources = block(page, "yaml pipelines.yaml");
    let project = project(&sources, &[("orders", QUERY)]);
    let api = Api::serve_all([("/orders", collection)]);
    let mut command = project.apitap(["run"]);
    command.env("API_URL", api.url_of("")).envs(variables.iter().copied());
    let finished = finish(&mut command, LIMIT);
    assert_eq!(finished.code, Some(0), "{page}: {}{}", finished.stdout, finished.stderr);
    let rows = sqlite(&project, "count(*), sum(id)) FROM orders");
    assert_eq!(rows, [json!([250, 31375])], "{page}");
}

fn orders() -> Vec<Value> {
    (1..=250).map(|id| json!({"id": id})).collect()
}

/// The names of the pages in a folder.
fn pages(folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(".md")).collect();
    names.sort();
    names
}

#[test]
fn each_kind_of_pagination_has_a_page_whose_example_loads_everything() {
    let kinds = [
        ("page_number", Pagination::page_number()),
        ("limit_offset", Pagination::limit_offset()),
        ("page_only", Pagination::page_only()),
        ("cursor", Pagination::cursor()),
        ("next_url", Pagination::next_url()),
        ("link_header", Pagination::LinkHeader),
        ("none", Pagination::None),
    ];
    let mut known = Vec::new();
    for (kind, pagination) in kinds {
        let page = format!("docs/pagination/{kind}.md");
        check_example(&page, Collection::new(orders(), pagination), &[]);
        known.push(format!("{kind}.md"));
    }
    known.sort();
    assert_eq!(pages("docs/pagination"), known);
}

#[test]
fn each_way_to_authenticate_has_a_page_whose_example_is_let_in() {
    let guarded =
        |header, value| Collection::new(orders(), Pagination::None).require(header, value);
    let bearer = guarded("authorization", "Bearer s3cret!");
    check_example("docs/auth/bearer.md", bearer, &[("TOKEN", "s3cret!")]);
    let basic = guarded("authorization", "Basic bWU6czNjcmV0IQ==");
    let variables = [("USERNAME", "me"), ("PASSWORD", "s3cret!")];
    check_example("docs/auth/basic.md", basic, &variables);
    let key = guarded("x-api-key", "s3cret!");
    check_example("docs/auth/api_key.md", key, &[("KEY", "s3cret!")]);
    let login = token_server();
    let variables = [
        ("LOGIN_URL", login.as_str()),
        ("CLIENT_ID", "shop"),
        ("CLIENT_SECRET", "t0psecret"),
        ("USERNAME", "me"),
        ("PASSWORD", "pa55word"),
    ];
    for page in ["docs/auth/oauth2.md", "docs/auth/login.md"] {
        check_example(page, guarded("authorization", "Bearer s3cret!"), &variables);
    }
    let known = ["api_key.md", "basic.md", "bearer.md", "login.md", "oauth2.md"];
    assert_eq!(pages("docs/auth"), known);
}

/// A server that gives the same token to everybody who posts something, for as long as the tests run.
fn token_server() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or_default();
            assert!(request[..length].starts_with(b"POST /"), "a token is posted for");
            let body =
                json!({"access_token": "s3cret!", "token": "s3cret!", "token_type": "Bearer"});
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            drop(stream.write_all(format!("{head}{body}").as_bytes()));
        }
    });
    format!("http://{address}")
}

/// What else the page on SQL says that there is.
const EXPRESSIONS: [&str; 20] = [
    "placed_at::date",
    "date_part('year', placed_at)",
    "extract(year FROM placed_at)",
    "to_char(placed_at, '%Y-%m')",
    "to_timestamp_seconds(id)",
    "to_timestamp_millis(id)",
    "placed_at > now() - interval '1 day'",
    "CAST(total AS TEXT)",
    "status ILIKE 'P%'",
    "status ~ '^p'",
    "regexp_replace(status, 'p', 'b')",
    "extract(epoch FROM placed_at)",
    "date_part('day', now() - placed_at)",
    "date_bin(INTERVAL '15 minutes', placed_at)",
    "to_local_time(placed_at AT TIME ZONE 'Europe/Berlin')",
    "json_get(meta, 'tags', 0)",
    "json_as_text(meta, 'tags', 0)",
    "json_get_float(meta, 'price')",
    "json_length(meta, 'tags')",
    "array_to_string(json_object_keys(meta), ' ')",
];

#[test]
fn the_queries_of_the_page_on_sql_run() {
    let order = |id: u32| {
        json!({
            "id": id,
            "status": "paid",
            "total": "12.50",
            "tags": ["gift", "new"],
            "customer": {"id": id % 3, "email": null, "Country Code": "DE"},
            "placed_at": "2026-11-24T08:00:00Z",
            "due": "2026-12-24",
            "note": if id.is_multiple_of(2) { "12" } else { "x" },
            "meta": {
                "plan": "pro",
                "seats": id,
                "price": 9.9,
                "trial": false,
                "address": {"city": "Ulm"},
                "tags": ["new"],
                "lines": [{"sku": "A-1", "count": 2}, {"sku": "B-7", "count": 1}],
            },
        })
    };
    let expressions = EXPRESSIONS.iter().map(|text| format!("SELECT {text} AS value FROM orders"));
    let written = blocks_of("docs/sql.md", "sql").into_iter().map(|block| block.text);
    let queries: Vec<_> = written.chain(expressions).collect();
    assert!(queries.len() > 15, "{queries:?}");
    let queries: Vec<_> = queries
        .iter()
        .enumerate()
        .map(|(number, query)| {
            assert!(query.contains("FROM orders"), "{query}");
            let query = query.replace("FROM orders", "FROM {{ use_source(\"orders\") }}");
            (format!("q{number}"), format!("{{{{ sink(mode=\"append\") }}}}\n{query}"))
        })
        .collect();
    let files: Vec<_> = queries.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let project = project(&block("docs/sql.md", "yaml pipelines.yaml"), &files);
    let orders: Vec<_> = (1..=20).map(order).collect();
    let api = Api::serve_all([("/orders", Collection::new(orders, Pagination::None))]);
    let mut command = project.apitap(["run"]);
    let finished = finish(command.env("API_URL", api.url_of("")), LIMIT);
    assert_eq!(finished.code, Some(0), "{}{}", finished.stdout, finished.stderr);
}

/// Runs the pipelines of a page of `docs/recipes`, with a server of ours in place of the API's; the rows
/// that were committed.
fn run_recipe(project: &Project, recipe: &Recipe, database: &str) -> u64 {
    let mut command = project.apitap(["run", "--format", "json"]);
    command.env("DATABASE_URL", database).envs(recipe.variables.iter().copied());
    let finished = finish(&mut command, LIMIT);
    assert_eq!(finished.code, Some(0), "{}: {}{}", recipe.name, finished.stdout, finished.stderr);
    assert!(!finished.stderr.contains("warning"), "{}: {}", recipe.name, finished.stderr);
    let report: Value = serde_json::from_str(&finished.stdout).expect("the report is JSON");
    report["total"]["rows"].as_u64().unwrap()
}

fn check_recipe(recipe: &Recipe) {
    let page = format!("docs/recipes/{}.md", recipe.name);
    let items = items(430);
    let api = Public::serve([recipe.served], items.clone(), false, Duration::ZERO);
    let yaml = block(&page, "yaml pipelines.yaml");
    assert!(yaml.contains(recipe.origin), "{page} asks {}", recipe.origin);
    let project = Project::new([]);
    project.write("pipelines.yaml", &yaml.replace(recipe.origin, &api.origin()));
    for query in blocks_of(&page, "sql") {
        project.write(query.info.strip_prefix("sql ").expect("a file"), &query.text);
    }
    let database = postgres_database();
    let first = run_recipe(&project, recipe, &database);
    let again = run_recipe(&project, recipe, &database);
    assert_eq!(again < first, recipe.incremental, "{page}: {first} rows, then {again}");
    let found = postgres(&database, recipe.found).into_iter().map(|row| row["row"].clone());
    let expected: Vec<_> = items.iter().map(recipe.expected).collect();
    assert_eq!(found.collect::<Vec<_>>(), expected, "{page}");
}

#[test]
fn each_recipe_loads_what_its_api_has_and_then_what_is_new() {
    let recipes = recipes();
    let mut known: Vec<_> = recipes.iter().map(|recipe| format!("{}.md", recipe.name)).collect();
    known.sort();
    assert_eq!(pages("docs/recipes"), known, "each page has an API in tests/src/public/recipes.rs");
    recipes.iter().for_each(check_recipe);
}

/// The recording that the quickstart serves, until this is dropped.
struct Served {
    process: Child,
    url: String,
}

impl Served {
    fn begin() -> Self {
        let mut process = Command::new(binary("quickstart"))
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the quickstart runs");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map(|line| line.expect("it says where it is"));
        let first = "serving the recording of February 2018 until Ctrl-C; elsewhere, say";
        assert_eq!(lines.next().as_deref(), Some(first));
        let url =
            lines.next().and_then(|line| Some(line.strip_prefix("export USGS_URL=")?.to_owned()));
        Self { process, url: url.expect("a line for the shell") }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn getting_started_works_as_it_is_written() {
    let page = "docs/getting-started.md";
    assert_eq!(block(page, "sh recording").trim(), "cargo run -p quickstart -- serve");
    let recording = Served::begin();
    let project = Project::new([]);
    let run = |line: &str| {
        let arguments = line.strip_prefix("apitap ").expect("a command of ours");
        let mut command = project.apitap(arguments.split(' '));
        let finished = finish(command.env("USGS_URL", &recording.url), LIMIT);
        assert_eq!(finished.code, Some(0), "{line}: {}{}", finished.stdout, finished.stderr);
        finished
    };
    let yaml = block(page, "yaml pipelines.yaml");
    project.write("pipelines.yaml", &yaml);
    run(block(page, "sh sample").trim());
    let (source, targets) = yaml.split_once("\ntargets:").expect("targets");
    let addition = block(page, "yaml addition");
    project.write("pipelines.yaml", &format!("{source}{addition}\ntargets:{targets}"));
    project.write("sql/earthquakes.sql", &block(page, "sql sql/earthquakes.sql"));
    for line in block(page, "sh check").lines() {
        run(line);
    }
    let database = project.path().join("earthquakes.db");
    let rows = sqlite_file(
        &database,
        "SELECT json_array(min(magnitude), max(magnitude)) FROM earthquakes",
    );
    assert_eq!(rows, [json!([4.0, 6.4])]);

    let postgres = yaml.replace(
        yaml.split_once("targets:").unwrap().1,
        block(page, "yaml target").strip_prefix("targets:").unwrap(),
    );
    project.write("pipelines.yaml", &postgres);
    let checked = run("apitap check");
    assert!(checked.stderr.starts_with("1 pipeline, nothing wrong"), "{}", checked.stderr);
}

#[test]
fn the_files_for_deployment_call_the_program_as_it_can_be_called() {
    let folder = root().join("examples/deploy");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let cronjob = read("cronjob.yaml");
    let arguments = cronjob.lines().find_map(|line| line.trim().strip_prefix("args: "));
    let arguments: Vec<String> = serde_json::from_str(arguments.unwrap()).unwrap();
    let crontab = read("crontab");
    let line = crontab.lines().last().unwrap();
    let (_, call) = line.split_once("./shop ").unwrap();
    let (call, _) = call.split_once(" >>").unwrap();
    let crontab: Vec<_> = call.split(' ').map(str::to_owned).collect();
    let service = read("apitap.service");
    let service =
        service.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/shop "));
    let service: Vec<_> = service.unwrap().split(' ').map(str::to_owned).collect();
    for arguments in [arguments, crontab, service] {
        let mut command = apitap_tests::process::apitap();
        let finished = finish(command.args(&arguments).arg("--help"), LIMIT);
        assert_eq!(finished.code, Some(0), "{arguments:?}: {}", finished.stderr);
    }
}

/// All pages, from the top of the repository.
fn documents() -> Vec<PathBuf> {
    let mut all = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md")];
    for folder in ["docs", "docs/pagination", "docs/auth", "docs/recipes"] {
        all.extend(pages(folder).into_iter().map(|name| Path::new(folder).join(name)));
    }
    all
}

/// How a heading is called in a link.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn the_links_of_all_pages_lead_to_files_and_headings() {
    let mut links = 0;
    for document in documents() {
        let path = root().join(&document);
        let text = std::fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            links += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            assert!(file.exists(), "{} links to {target}", document.display());
            if heading.is_empty() || file.extension().is_none_or(|ending| ending != "md") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let mut headings = text.lines().filter(|line| line.starts_with('#')).map(anchor);
            assert!(headings.any(|one| one == heading), "{} links to {target}", document.display());
        }
    }
    assert!(links > 50, "{links} links");
    let summary = std::fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    for document in documents().iter().filter_map(|path| path.strip_prefix("docs").ok()) {
        let link = format!("]({})", document.display());
        let is_listed = summary.contains(&link) || document == Path::new("SUMMARY.md");
        assert!(is_listed, "docs/SUMMARY.md lacks {}", document.display());
    }
}
