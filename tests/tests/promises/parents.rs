//! Parents of parents, many of them: each page is requested once, what is empty or gone is passed over, and
//! each child goes on where it has left off.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apitap_tests::answers::{Answer, Answers, Asked};
use apitap_tests::process::{Project, finish};
use apitap_tests::random::Random;
use serde_json::{Value, json};

use super::runs::{
    LIMIT, RUN, Running, call_well, has_table, number, postgres, postgres_database, project,
    run_badly, run_well, sqlite,
};
use super::state::shown;

const PARENTS: u64 = 500;

/// Every 25th organization has no repositories.
fn is_empty(org: u64) -> bool {
    org.is_multiple_of(25)
}

/// One of a hundred has gone since it was listed.
fn is_gone(org: u64) -> bool {
    org % 100 == 51
}

/// The repositories of an organization: three, in pages of two.
fn repositories(org: u64) -> Vec<u64> {
    if is_empty(org) { Vec::new() } else { (1..=3).map(|n| org * 10 + n).collect() }
}

/// `/orgs` by number, `/orgs/ID/repos` by links, `/repos/ID/tags` in one piece; repositories since a time.
fn answer(asked: &Asked) -> Answer {
    let path: Vec<_> = asked.path.split('/').skip(1).collect();
    let number = |index: usize| path[index].parse::<u64>().expect("a number");
    match path.as_slice() {
        ["orgs"] => {
            let page: u64 = asked.param("page").expect("a page").parse().expect("a number");
            let ids = (page - 1) * 100 + 1..=(page * 100).min(PARENTS);
            Answer::json(&ids.map(|id| json!({"id": id, "plan": {"name": "free"}})).collect())
        }
        ["orgs", _, "repos"] if is_gone(number(1)) => Answer::status(404),
        ["orgs", _, "repos"] => {
            let second = asked.param("page") == Some("2");
            let all = repositories(number(1));
            let (first, rest) = all.split_at(all.len().min(2));
            let page = if second { rest } else { first };
            let repo = |id: &u64| json!({"id": id, "pushed_at": format!("2026-01-0{}T00:00:00Z", id % 10)});
            let answer = Answer::json(&page.iter().map(repo).collect());
            match second || rest.is_empty() {
                true => answer,
                false => answer.header("link", format!("<{}?page=2>; rel=\"next\"", asked.path)),
            }
        }
        ["repos", _, "tags"] => {
            let count = number(1) % 3;
            Answer::json(&(0..count).map(|n| json!({"tag": format!("v{n}")})).collect())
        }
        _ => Answer::status(400),
    }
}

fn sources(api: &Answers, incremental: &str) -> String {
    format!(
        "apis:
  - {{name: api, url: \"{}\"}}
sources:
  - name: orgs
    api: api
    path: /orgs
    pagination: {{kind: page_number, page_param: page, per_page_param: per_page, per_page: 100}}
    schema: {{id: int64!, plan!: {{name: string!}}}}
  - name: repos
    api: api
    path: \"/orgs/{{org.id}}/repos\"
    for_each: {{source: orgs, as: org, fields: [id, plan.name]}}
    pagination: {{kind: link_header}}
    on_response: [{{status: 404, action: skip}}]
    {incremental}
    schema: {{id: int64!, pushed_at: timestamp!}}
  - name: tags
    api: api
    path: \"/repos/{{repo.id}}/tags\"
    for_each: {{source: repos, as: repo, fields: [id, org.id]}}
    schema: {{tag: string!}}
  - name: states
    api: api
    path: \"/repos/{{org.id}}/tags\"
    query_params: {{state: \"{{state}}\"}}
    for_each: [{{source: orgs, as: org, fields: [id]}}, {{values: [open, closed], as: state}}]
    schema: {{tag: string!}}",
        api.url("")
    )
}

fn all_repositories() -> Vec<(u64, u64)> {
    let there = (1..=PARENTS).filter(|org| !is_gone(*org));
    there.flat_map(|org| repositories(org).into_iter().map(move |repo| (org, repo))).collect()
}

/// That no request was made twice.
#[track_caller]
fn each_once(targets: &[String]) {
    let unique: BTreeSet<_> = targets.iter().collect();
    assert_eq!(unique.len(), targets.len());
}

fn loaded(project: &Project, columns: &str, table: &str) -> Vec<Value> {
    sqlite(project, &format!("{columns}) FROM {table} ORDER BY rowid"))
}

#[test]
fn three_levels_are_requested_once_each_and_in_order() {
    let api = Answers::serve(answer);
    let queries = [
        ("tags", "SELECT repo.org.id AS org, repo.id AS repo, tag FROM {{ use_source(\"tags\") }}"),
        (
            "repos",
            "SELECT org.id AS org, org.plan.name AS plan, id FROM {{ use_source(\"repos\") }}",
        ),
    ];
    let project = project(&sources(&api, ""), &queries);
    run_well(&project);
    let repos = all_repositories();
    let expected: Vec<_> = repos.iter().map(|(org, id)| json!([org, "free", id])).collect();
    assert_eq!(loaded(&project, "org, plan, id", "repos"), expected);
    let tags = repos
        .iter()
        .flat_map(|(org, id)| (0..id % 3).map(move |n| json!([org, id, format!("v{n}")])));
    assert_eq!(loaded(&project, "org, repo, tag", "tags"), tags.collect::<Vec<_>>());
    let targets = api.targets();
    each_once(&targets);
    let count = |end: &str| targets.iter().filter(|target| target.contains(end)).count();
    // Two pages of each child that has three.
    let empty = (1..=PARENTS).filter(|org| is_empty(*org)).count();
    let gone = (1..=PARENTS).filter(|org| is_gone(*org)).count();
    assert_eq!((empty, gone), (20, 5));
    // Some behind the last were asked for ahead of time.
    assert!((6..=10).contains(&count("/orgs?")), "{}", count("/orgs?"));
    assert_eq!(count("/repos") - count("/tags"), 500 + 500 - empty - gone);
    assert_eq!(count("/tags"), repos.len());
}

#[test]
fn a_parent_and_a_list_are_every_pair_once() {
    let api = Answers::serve(answer);
    let sql = "SELECT org.id AS org, state, tag FROM {{ use_source(\"states\") }}";
    let project = project(&sources(&api, ""), &[("states", sql)]);
    run_well(&project);
    let rows = (1..=PARENTS).flat_map(|org| {
        let pairs = ["open", "closed"]
            .into_iter()
            .flat_map(move |state| (0..org % 3).map(move |n| json!([org, state, format!("v{n}")])));
        pairs.collect::<Vec<_>>()
    });
    assert_eq!(loaded(&project, "org, state, tag", "states"), rows.collect::<Vec<_>>());
    each_once(&api.targets());
}

#[test]
fn each_child_goes_on_where_it_has_left_off() {
    let api = Answers::serve(answer);
    let sql = "{{ sink(mode=\"merge\", key=\"id\") }}\nSELECT id, pushed_at FROM {{ use_source(\"repos\") }}";
    let incremental = "incremental: {field: pushed_at, param: since, start: 2026-01-01}";
    let project = project(&sources(&api, incremental), &[("repos", sql)]);
    run_well(&project);
    let expected: Vec<_> = all_repositories().iter().map(|(_, id)| json!([id])).collect();
    assert_eq!(loaded(&project, "id", "repos"), expected);
    let before = api.asked().len();
    run_well(&project);
    assert_eq!(loaded(&project, "id", "repos"), expected);
    let asked = api.asked();
    let second = asked[before..].iter().filter(|asked| asked.path.ends_with("/repos"));
    let mut counted = 0;
    for asked in second.filter(|asked| asked.param("page").is_none()) {
        let org: u64 = asked.path.split('/').nth(2).expect("an id").parse().expect("a number");
        let left_off = if is_empty(org) || is_gone(org) { "2026-01-01" } else { "2026-01-03" };
        assert_eq!(asked.param("since"), Some(format!("{left_off}T00:00:00Z").as_str()), "{org}");
        counted += 1;
    }
    assert_eq!(counted, PARENTS);
}

/// The organization whose repositories are asked for.
fn organization(asked: &Asked) -> Option<u64> {
    asked.path.strip_prefix("/orgs/")?.strip_suffix("/repos")?.parse().ok()
}

/// Appends the repositories to a target that commits on the way, killed again and again, and looks at what
/// is there in the end, by their ids.
fn check_kills(target: &str, stored: impl Fn(&Project) -> Vec<Value>) {
    let api = Answers::serve(|asked| answer(asked).after(Duration::from_millis(2)));
    let sql = "{{ sink(mode=\"append\") }}\nSELECT org.id AS org, id, pushed_at FROM {{ use_source(\"repos\") }}";
    let incremental = "incremental: {field: pushed_at, param: since, start: 2026-01-01}";
    let sources = sources(&api, incremental);
    let project = project(&sources, &[("repos", sql)]);
    project.write(
        "pipelines.yaml",
        &format!("{sources}\ntargets:\n  - {{{target}, checkpoint: {{rows: 50}}}}\n"),
    );
    let (began, mut chance) = (Instant::now(), Random::new(20_261_127));
    let (most, mut kills) = (number("APITAP_TEST_KILLS", 6_u64), 0);
    let (mut asked_before, mut in_before) = (0, 0);
    for _ in 0..=most {
        let mut running = Running::of(&mut project.apitap(RUN));
        let wanted = if kills == most { u64::MAX } else { chance.below(4) as u64 };
        if running.commits(wanted) == wanted {
            std::thread::sleep(Duration::from_millis(chance.below(200) as u64));
        }
        let has_ended = running.kill();
        // Organizations come in their order: what stands before the last one that is in is not asked for again.
        let asked = api.asked();
        let again = asked[asked_before..].iter().filter_map(organization).min();
        assert!(again.is_none_or(|org| org >= in_before), "{again:?} again behind {in_before}");
        in_before = stored(&project).last().map_or(0, |row| row[0].as_u64().unwrap());
        asked_before = asked.len();
        if has_ended {
            break;
        }
        kills += 1;
    }
    let all = all_repositories();
    let expected: Vec<_> = all.iter().map(|(org, id)| json!([org, id])).collect();
    assert_eq!(stored(&project), expected, "{target}");
    // What is remembered of each organization is how far its own repositories have come.
    let state = shown(&project);
    let state = state.as_array().expect("a list");
    let with_records: BTreeSet<_> = all.iter().map(|(org, _)| *org).collect();
    assert_eq!(state.len(), with_records.len(), "{target}");
    assert!(state.iter().all(|one| one["value"]["cursor"] == "2026-01-03T00:00:00Z"), "{target}");
    let mut asked: BTreeMap<String, u64> = BTreeMap::new();
    for child in api.asked().into_iter().filter(|asked| organization(asked).is_some()) {
        let page = child.param("page").unwrap_or("1");
        *asked.entry(format!("{} {page}", child.path)).or_default() += 1;
    }
    let (pages, requests) = (asked.len() as u64, asked.values().sum::<u64>());
    println!(
        "{target}: {} rows of {PARENTS} parents in {:?}, {kills} kills; {pages} pages of children, {requests} \
         requests for them",
        expected.len(),
        began.elapsed(),
    );
    assert!(kills >= most / 3, "only {kills} kills");
    // Two pages of each organization that has three.
    let (empty, gone) =
        ((1..=PARENTS).filter(|org| is_empty(*org)), (1..=PARENTS).filter(|org| is_gone(*org)));
    assert_eq!(pages, 2 * PARENTS - (empty.count() + gone.count()) as u64);
    run_well(&project);
    assert_eq!(stored(&project), expected, "{target}");
}

#[test]
fn five_hundred_parents_land_once_however_often_the_run_is_killed() {
    check_kills("name: here, type: sqlite, path: out.db", |project| {
        match has_table(project, "repos") {
            true => sqlite(project, "org, id) FROM repos ORDER BY id"),
            false => Vec::new(),
        }
    });
    let url = postgres_database();
    check_kills(&format!("name: here, type: postgres, url: \"{url}\""), |_| {
        if postgres(&url, "SELECT 1 AS n WHERE to_regclass('repos') IS NOT NULL").is_empty() {
            return Vec::new();
        }
        let rows = postgres(&url, "SELECT org, id FROM repos ORDER BY id");
        rows.iter().map(|row| json!([row["org"], row["id"]])).collect()
    });
}

/// Customers that change from run to run, each with two invoices.
struct Customers {
    api: Answers,
    /// When each was changed, by its id: a minute.
    changed: Arc<Mutex<BTreeMap<u64, u64>>>,
    /// The customer whose invoices cannot be had.
    broken: Arc<AtomicU64>,
}

impl Customers {
    fn serve() -> Self {
        let changed = Arc::new(Mutex::new((1..=6).map(|id| (id, id)).collect::<BTreeMap<_, _>>()));
        let broken = Arc::new(AtomicU64::new(0));
        let (customers, bad) = (Arc::clone(&changed), Arc::clone(&broken));
        let api = Answers::serve(move |asked| match asked.path.split('/').nth(2) {
            None => {
                let time = |minute: u64| format!("2026-01-01T00:{minute:02}:00Z");
                let since = asked.param("since").unwrap_or_default();
                let customers = customers.lock().unwrap();
                let all =
                    customers.iter().map(|(id, at)| json!({"id": id, "meta": {"at": time(*at)}}));
                Answer::json(&all.filter(|one| one["meta"]["at"].as_str() >= Some(since)).collect())
            }
            Some(id) if id.parse() == Ok(bad.load(SeqCst)) => Answer::status(403),
            Some(id) => {
                let id: u64 = id.parse().unwrap();
                let at = customers.lock().unwrap()[&id];
                Answer::json(&json!([{"id": id * 10 + 1, "at": at}, {"id": id * 10 + 2, "at": at}]))
            }
        });
        Self { api, changed, broken }
    }

    fn change(&self, customer: u64, minute: u64) {
        self.changed.lock().unwrap().insert(customer, minute);
    }

    fn project(&self, mode: &str, sink: &str) -> Project {
        let sources = format!(
            "apis:
  - {{name: api, url: \"{}\"}}
sources:
  - name: customers
    api: api
    path: /customers
    incremental: {{field: meta.at, start: 2026-01-01, {mode}}}
    schema: {{id: int64!, meta!: {{at: timestamp!}}}}
  - name: invoices
    api: api
    path: \"/customers/{{customer.id}}/invoices\"
    for_each: {{source: customers, as: customer, fields: [id], only_changed: true}}
    retry: {{max_attempts: 1}}
    schema: {{id: int64!, at: int64!}}",
            self.api.url("")
        );
        let sql = format!(
            "{{{{ sink({sink}) }}}}\nSELECT customer.id AS customer, id, at FROM {{{{ use_source(\"invoices\") }}}}"
        );
        project(&sources, &[("invoices", &sql)])
    }

    /// The customers whose invoices were requested, without the first `since` requests.
    fn requested(&self, since: usize) -> Vec<u64> {
        let asked = self.api.asked();
        let invoices = asked[since..].iter().filter_map(|asked| asked.path.split('/').nth(2));
        let mut ids: Vec<_> = invoices.map(|id| id.parse().unwrap()).collect();
        ids.sort_unstable();
        ids
    }
}

fn cursor(project: &Project) -> Value {
    let state = shown(project);
    assert_eq!(state[0]["partition"], "invoices for each customers", "{state}");
    assert_eq!(state.as_array().map(Vec::len), Some(1), "{state}");
    state[0]["value"]["cursor"].clone()
}

#[test]
fn only_what_has_changed_of_a_parent_is_requested_where_the_source_says_so() {
    let merge = "mode=\"merge\", key=\"id\"";
    for (mode, sink, boundary) in [
        // The API sends the last one again: with `merge` that is no harm, and with `append` it is known.
        ("param: since", merge, true),
        ("param: since", "mode=\"append\"", false),
        ("mode: client", merge, true),
        ("mode: client", "mode=\"append\"", false),
    ] {
        let customers = Customers::serve();
        let project = customers.project(mode, sink);
        let run = |expected: &[u64]| {
            let before = customers.api.asked().len();
            run_well(&project);
            assert_eq!(customers.requested(before), expected, "{mode}, {sink}");
        };
        run(&[1, 2, 3, 4, 5, 6]);
        assert_eq!(cursor(&project), "2026-01-01T00:06:00Z");
        customers.change(2, 9);
        run(if boundary { &[2, 6] } else { &[2] });
        let changed = sqlite(&project, "count(*)) FROM invoices WHERE at = 9");
        assert_eq!(changed, [json!([2])], "{mode}, {sink}");
        assert_eq!(cursor(&project), "2026-01-01T00:09:00Z");
        run(if boundary { &[2] } else { &[] });
        // A run that fails has not been.
        (3..=5).for_each(|id| customers.change(id, 10 + id));
        customers.broken.store(4, SeqCst);
        run_badly(&project);
        assert_eq!(cursor(&project), "2026-01-01T00:09:00Z");
        customers.broken.store(0, SeqCst);
        run(if boundary { &[2, 3, 4, 5] } else { &[3, 4, 5] });
        assert_eq!(cursor(&project), "2026-01-01T00:15:00Z");
        let distinct = sqlite(&project, "count(DISTINCT id), sum(at >= 13)) FROM invoices");
        assert_eq!(distinct, [json!([12, 6])], "{mode}, {sink}");
        let set = ["state", "set", "invoices", "2026-01-01T00:14:00Z", "--yes"];
        call_well(&project, &set);
        run(&[4, 5]);
        call_well(&project, &["state", "reset", "invoices", "--yes"]);
        run(&[1, 2, 3, 4, 5, 6]);
    }
}

/// A customer whose invoices were skipped is asked for again, as if it had not been seen.
#[test]
fn what_is_skipped_behind_a_changed_record_is_requested_again() {
    let merge = "mode=\"merge\", key=\"id\"";
    let skips = |project: &Project| {
        let rule = "retry: {max_attempts: 1}\n    on_response: [{status: 403, action: skip}]";
        let yaml = project.read("pipelines.yaml").replace("retry: {max_attempts: 1}", rule);
        project.write("pipelines.yaml", &yaml);
    };
    let customers = Customers::serve();
    let project = customers.project("param: since", merge);
    skips(&project);
    run_well(&project);
    assert_eq!(cursor(&project), "2026-01-01T00:06:00Z");
    [2, 3].into_iter().for_each(|id| customers.change(id, 10 + id));
    customers.broken.store(2, SeqCst);
    let report = run_well(&project);
    let held = "the state of `invoices for each customers` stays where it was";
    assert!(report["pipelines"][0]["warnings"].to_string().contains(held), "{report}");
    assert_eq!(cursor(&project), "2026-01-01T00:06:00Z");
    customers.broken.store(0, SeqCst);
    let before = customers.api.asked().len();
    run_well(&project);
    assert_eq!(customers.requested(before), [2, 3, 6]);
    assert_eq!(cursor(&project), "2026-01-01T00:13:00Z");
    assert_eq!(sqlite(&project, "sum(at)) FROM invoices WHERE at > 10"), [json!([50])]);
    // Where rows are appended, those of the others would be there twice.
    let customers = Customers::serve();
    let project = customers.project("param: since", "mode=\"append\"");
    skips(&project);
    customers.broken.store(2, SeqCst);
    let error = run_badly(&project);
    let said = "an answer with the status 403 was skipped, and the next run would append the rows of `invoices` again";
    assert!(error.contains(said), "{error}");
    customers.broken.store(0, SeqCst);
    run_well(&project);
    assert_eq!(sqlite(&project, "count(*), count(DISTINCT id)) FROM invoices"), [json!([12, 12])]);
}

#[test]
fn what_follows_changes_commits_once_and_is_not_cut_into_parts() {
    let customers = Customers::serve();
    let project = customers.project("param: since", "mode=\"merge\", key=\"id\"");
    let yaml =
        project.read("pipelines.yaml").replace("out.db\"", "out.db\", checkpoint: {rows: 1}");
    project.write("pipelines.yaml", &yaml);
    let checked = finish(&mut project.apitap(["check"]), LIMIT);
    let said = "commits once, at its end: what has changed of its parents counts as a whole";
    assert!(checked.stderr.contains(said), "{}", checked.stderr);
    run_well(&project);
    assert_eq!(sqlite(&project, "count(*)) FROM invoices"), [json!([12])]);
}

/// Projects with a name that may change, and four events each, of which those since a time are sent.
struct Projects {
    api: Answers,
    /// `(id, name)`, in the order of the API.
    all: Arc<Mutex<Vec<(u64, String)>>>,
    /// The project whose events are refused.
    broken: Arc<AtomicU64>,
}

impl Projects {
    fn serve(all: &[(u64, &str)]) -> Self {
        let all: Vec<_> = all.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
        let (all, broken) = (Arc::new(Mutex::new(all)), Arc::<AtomicU64>::default());
        let (seen, refused) = (Arc::clone(&all), Arc::clone(&broken));
        let api = Answers::serve(move |asked| {
            let Some(rest) = asked.path.strip_prefix("/projects/") else {
                let all = seen.lock().unwrap();
                let record = |(id, name): &(u64, String)| json!({"id": id, "name": name});
                return Answer::json(&all.iter().map(record).collect());
            };
            let id: u64 = rest.split('/').next().unwrap().parse().unwrap();
            if id == refused.load(SeqCst) {
                return Answer::status(400);
            }
            let since = asked.param("since").unwrap_or_default();
            let event =
                |n: u64| json!({"id": id * 10 + n, "at": format!("2026-01-0{n}T00:00:00Z")});
            let mut events: Vec<_> = (1..=4).map(event).collect();
            events.retain(|event| event["at"].as_str().unwrap() >= since);
            // The newest first, as a feed has them.
            events.reverse();
            Answer::json(&events.into())
        });
        Self { api, all, broken }
    }

    fn are(&self, all: &[(u64, &str)]) {
        let all = all.iter().map(|(id, name)| (*id, (*name).to_owned())).collect();
        *self.all.lock().unwrap() = all;
    }

    fn project(&self, entry: &str, incremental: &str, sql: &str) -> Project {
        let project = project(&self.sources(entry, incremental), &[("events", sql)]);
        let yaml = project.read("pipelines.yaml");
        project
            .write("pipelines.yaml", &yaml.replace("out.db\"", "out.db\", checkpoint: {rows: 4}"));
        project
    }

    fn sources(&self, entry: &str, incremental: &str) -> String {
        let alias = if entry.contains("as: p,") { "p" } else { "project" };
        format!(
            "sources:
  - name: projects
    url: {0}
    schema: {{id: int64!, name: string!}}
  - name: events
    url: \"{0}/{{{alias}.id}}/events\"
    for_each: {{source: projects, {entry}}}
    retry: {{max_attempts: 1}}
    {incremental}
    schema: {{id: int64!, at: timestamp!}}",
            self.api.url("/projects")
        )
    }

    /// What was asked since that many requests: the id of the project, and since when.
    fn asked(&self, before: usize) -> Vec<(u64, Option<String>)> {
        let asked = self.api.asked();
        let one = |asked: &Asked| {
            let id = asked.path.strip_prefix("/projects/")?.split('/').next()?.parse().ok()?;
            Some((id, asked.param("since").map(str::to_owned)))
        };
        asked[before..].iter().filter_map(one).collect()
    }
}

const EVENTS: &str = "{{ sink(mode=\"append\") }}\nSELECT project.name AS name, id, at FROM {{ use_source(\"events\") }}";

/// The names of the table's rows, each with how many it has, and how many different ones.
fn named(project: &Project) -> Vec<Value> {
    let sql = "name, count(*), count(DISTINCT id)) FROM events GROUP BY name ORDER BY name";
    sqlite(project, sql)
}

/// The partitions that are remembered.
fn partitions(project: &Project) -> Vec<String> {
    let all = shown(project);
    let name = |one: &Value| one["partition"].as_str().unwrap().to_owned();
    all.as_array().unwrap().iter().map(name).collect()
}

const ENTRY: &str = "as: project, fields: [id, name]";

#[test]
fn a_child_goes_on_where_it_has_left_off_though_another_field_of_its_parent_has_changed() {
    for incremental in ["param: since", "mode: client", "mode: feed"] {
        let projects = Projects::serve(&[(1, "a"), (2, "b")]);
        let incremental = format!("incremental: {{field: at, {incremental}}}");
        let project = projects.project(ENTRY, &incremental, EVENTS);
        run_well(&project);
        let all = [json!(["a", 4, 4]), json!(["b", 4, 4])];
        assert_eq!(named(&project), all);
        let keys = ["events {\"project\":{\"id\":1}}", "events {\"project\":{\"id\":2}}"];
        assert_eq!(partitions(&project), keys);
        for name in ["renamed", "again"] {
            projects.are(&[(1, name), (2, "b")]);
            let before = projects.api.asked().len();
            run_well(&project);
            assert_eq!(named(&project), all, "{incremental}");
            assert_eq!(partitions(&project), keys);
            let mut asked = projects.asked(before);
            asked.sort();
            let since = incremental.contains("since").then(|| "2026-01-04T00:00:00Z".to_owned());
            assert_eq!(asked, [(1, since.clone()), (2, since)]);
        }
    }
}

#[test]
fn a_child_goes_on_where_it_has_left_off_under_another_name_and_with_further_fields() {
    let projects = Projects::serve(&[(1, "a"), (2, "b")]);
    let incremental = "incremental: {field: at, param: since}";
    let sql = "{{ sink(mode=\"append\") }}\nSELECT 'all' AS name, id, at FROM {{ use_source(\"events\") }}";
    let project = projects.project("as: project, fields: [id]", incremental, sql);
    run_well(&project);
    let all = [json!(["all", 8, 8])];
    assert_eq!(named(&project), all);
    let (_, target) = project
        .read("pipelines.yaml")
        .split_once("targets:")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    for entry in [
        ENTRY,
        "as: p, fields: [id, name]",
        "as: p, fields: [id]",
        "as: project, fields: [name, id]",
    ] {
        let sources = projects.sources(entry, incremental);
        project.write("pipelines.yaml", &format!("{sources}\ntargets:{target}"));
        run_well(&project);
        assert_eq!(named(&project), all, "{entry}");
        let alias = if entry.contains("as: p,") { "p" } else { "project" };
        let key = |id: u64| format!("events {{\"{alias}\":{{\"id\":{id}}}}}");
        assert_eq!(partitions(&project), [key(1), key(2)]);
    }
}

#[test]
fn two_parents_that_differ_in_another_field_have_their_own_rows_and_states() {
    let both = [(1, "a"), (1, "b"), (2, "c")];
    let projects = Projects::serve(&both);
    let project = projects.project(ENTRY, "incremental: {field: at, param: since}", EVENTS);
    let mut expected = vec![json!(["a", 4, 4]), json!(["b", 4, 4]), json!(["c", 4, 4])];
    run_well(&project);
    assert_eq!(named(&project), expected);
    // In another order, and with another name; one that is new has nothing yet.
    projects.are(&[(1, "b"), (1, "a"), (2, "c")]);
    run_well(&project);
    assert_eq!(named(&project), expected);
    projects.are(&[(1, "b"), (1, "other"), (2, "c")]);
    run_well(&project);
    assert_eq!(named(&project), expected);
    projects.are(&[(1, "new"), (1, "b"), (1, "other"), (2, "c")]);
    run_well(&project);
    expected.push(json!(["new", 4, 4]));
    assert_eq!(named(&project), expected);
    run_well(&project);
    assert_eq!(named(&project), expected);
    assert_eq!(partitions(&project).len(), 4);
}

#[test]
fn a_run_that_goes_on_does_not_load_a_child_again_whose_parent_has_another_name_by_then() {
    for incremental in ["", "incremental: {field: at, param: since}"] {
        let projects = Projects::serve(&[(1, "a"), (2, "b"), (3, "c"), (4, "d")]);
        let project = projects.project(ENTRY, incremental, EVENTS);
        projects.broken.store(3, SeqCst);
        run_badly(&project);
        let first = named(&project);
        assert!(first.contains(&json!(["a", 4, 4])), "{first:?}");
        projects.broken.store(0, SeqCst);
        // One has another name, and one is new beside another of the same id.
        projects.are(&[(1, "renamed"), (2, "b"), (2, "beside"), (3, "c"), (4, "d")]);
        run_well(&project);
        let names = ["a", "b", "beside", "c", "d"].map(|name| json!([name, 4, 4]));
        assert_eq!(named(&project), names, "{incremental}");
    }
}
