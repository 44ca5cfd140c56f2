//! Parents of parents, many of them: each page is requested once, what is empty or gone is passed over, and
//! each child goes on where it has left off.

use std::collections::BTreeSet;

use apitap_tests::answers::{Answer, Answers, Asked};
use apitap_tests::process::Project;
use serde_json::{Value, json};

use super::runs::{project, run_well, sqlite};

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
