//! A slip in the description of an API is found at build time, where it is: random ones in the projects of
//! the APIs that are modelled on well-known public ones.
//!
//! `APITAP_SLIPS=200 cargo test -p apitap-tests --test promises slips -- --nocapture` makes more of them,
//! and prints each with what was found; `APITAP_SLIPS_SEED` draws others.

use std::path::Path;

use apitap_build::check::Schemas;
use apitap_build::diagnostic::{Place, Severity};
use apitap_build::project::check_files;
use apitap_build::render::render;
use apitap_tests::process::Project;
use apitap_tests::public::{Model, models};
use apitap_tests::random::Random;

use super::runs::number;

/// The project of an API.
#[derive(Clone)]
struct Text {
    yaml: Vec<String>,
    sql: String,
}

impl Text {
    fn of(model: &Model) -> Self {
        let origin = "https://api.example.com";
        let keys = model.keys(origin);
        let address = format!("    url: \"{origin}{}\"", model.path);
        let head = ["sources:".to_owned(), format!("  - name: {}", model.name), address];
        let target = "targets:\n  - {name: here, type: sqlite, path: here.db}";
        let target = target.lines().map(str::to_owned);
        Self {
            yaml: head.into_iter().chain(keys).chain(target).collect(),
            sql: format!("SELECT {} FROM {{{{ use_source(\"{}\") }}}}", model.select, model.name),
        }
    }

    /// The errors: in the SQL file or in the YAML file, and on which line, from 0; and as they are shown.
    fn errors(&self) -> (Vec<(bool, usize)>, String) {
        let yaml = format!("{}\n", self.yaml.join("\n"));
        let project = Project::new([("pipelines.yaml", yaml.as_str()), ("sql/t.sql", &self.sql)]);
        let folder: &Path = project.path();
        let (path, sql) = (folder.join("pipelines.yaml"), folder.join("sql"));
        let found = check_files(folder, &path, &sql, Schemas::Declared);
        let errors = found.findings.iter().filter(|finding| finding.severity == Severity::Error);
        let mut places = Vec::new();
        let mut shown = String::new();
        for finding in errors {
            shown += &render(&found.files, finding);
            let Place::Text { file, start, .. } = finding.place else { continue };
            let text = &found.files.get(file).text;
            let line = text.get(..start).unwrap_or_default().matches('\n').count();
            places.push((text.starts_with("SELECT"), line));
        }
        (places, shown)
    }
}

/// A slip: what was done, and where an error must be.
struct Slip {
    text: Text,
    what: String,
    in_sql: bool,
    line: usize,
}

/// A word with a letter less, or two of them in the other order.
fn misspelt(word: &str, random: &mut Random) -> String {
    let mut letters: Vec<_> = word.chars().collect();
    let at = random.below(letters.len() - 1);
    if random.percent(50) || letters[at] == letters[at + 1] {
        letters.remove(at);
    } else {
        letters.swap(at, at + 1);
    }
    letters.into_iter().collect()
}

/// The words of a line that stand before a colon, as keys do, with their places.
fn keys(line: &str) -> Vec<(usize, &str)> {
    let is_letter = |c: char| c.is_ascii_lowercase() || c == '_';
    let mut found = Vec::new();
    for (colon, _) in line.match_indices(": ").chain(line.strip_suffix(':').map(|l| (l.len(), ":")))
    {
        let before = &line[..colon];
        let start = before.rfind(|c| !is_letter(c)).map_or(0, |at| at + 1);
        if colon - start > 3 {
            found.push((start, &before[start..]));
        }
    }
    found
}

/// Lines of YAML whose keys are apitap's: not those of a schema, of bodies, and of what is sent.
fn own_lines(text: &Text) -> Vec<usize> {
    let foreign =
        ["schema", "headers", "query_params", "body", "name:", "url:", "sources", "targets"];
    let mut body = None;
    let lines = text.yaml.iter().enumerate().filter(|(_, line)| {
        let start = line.trim_start();
        let depth = line.len() - start.len();
        body = body.filter(|of| depth > *of).or(start.starts_with("body").then_some(depth));
        depth >= 4 && body.is_none() && !foreign.iter().any(|word| start.starts_with(word))
    });
    lines.map(|(index, _)| index).collect()
}

/// Lines that are put behind the source's keys, each with an error in it.
const ADDED: [&str; 22] = [
    "rate_limit: {requests: 0, per: 1s}",
    "rate_limit: {requests: 5, per: 1 fortnight}",
    "timeout: 30 sconds",
    "retry: {max_attempts: many}",
    "on_response: [{status: 4040, action: skip}]",
    "on_response: [{status: 404, action: skp}]",
    "on_response: [{when: body(\"ok\") == false, action: fail}]",
    "on_response: [{when: stats == 404, action: skip}]",
    "on_response: [{when: \"status == \\\"404\\\"\", action: skip}]",
    "on_response: [{when: \"status = 404\", action: skip}]",
    "incremental: {field: no_such_field, param: changed_since}",
    "incremental: {field: FIELD, param: changed_since}",
    "incremental: {field: FIELD, param: changed_since, format: \"%Q\"}",
    "incremental: {field: FIELD, param: changed_since, start: yesterday}",
    "filters: {no_such_field: q9}",
    "filters: {FIELD: {param: q9, op: \"!=\"}}",
    "filters: {FIELD: {param: q9, format: epoch_s}}",
    "for_each: {source: no_such_source, as: parent, fields: [id]}",
    "for_each: {values: [a, b], as: now}",
    "for_each: {values: [a, b], as: never_used}",
    "job: {create: {url: /jobs}, poll: {url: \"/jobs/{jobb}\"}, done_when: status == 200}",
    "tls: {client_cert: cert.pem}",
];

/// Values with an expression that cannot be evaluated.
const EXPRESSIONS: [&str; 9] = [
    "{nwo}",
    "{format(now, \\\"%Q\\\")}",
    "{format(\\\"today\\\", \\\"%Y\\\")}",
    "{now + 1}",
    "{date_trunc(\\\"mnth\\\", now)}",
    "{lowr(\\\"x\\\")}",
    "{start}",
    "{header(\\\"X-Next\\\")}",
    "{now - 1 day}",
];

/// A slip in a project; `None` where it has no place for one of that kind.
fn slip(original: &Text, model: &Model, random: &mut Random) -> Option<Slip> {
    let mut text = original.clone();
    let lines = own_lines(original);
    let last = original.yaml.iter().position(|line| line == "targets:")?;
    let in_yaml = |text, what: String, line| Some(Slip { text, what, in_sql: false, line });
    match random.below(6) {
        // A key.
        0 | 1 => {
            let line = *random.one(&lines);
            let (start, key) = *keys(&original.yaml[line]).get(random.below(3))?;
            let wrong = misspelt(key, random);
            text.yaml[line].replace_range(start..start + key.len(), &wrong);
            in_yaml(text, format!("`{key}` as `{wrong}`"), line)
        }
        // A column, or a type.
        2 => {
            let columns: Vec<_> = model.select.split([' ', ',', '.']).collect();
            let columns: Vec<_> = columns
                .into_iter()
                .filter(|word| word.len() > 2 && !["AS", "id", "title", "note"].contains(word))
                .collect();
            let column = *columns.get(random.below(columns.len().max(1)))?;
            let wrong = misspelt(column, random);
            text.sql = text.sql.replacen(column, &wrong, 1);
            (text.sql != original.sql).then(|| Slip {
                text,
                what: format!("column `{column}` as `{wrong}`"),
                in_sql: true,
                line: 0,
            })
        }
        3 => {
            let line = original.yaml.iter().position(|line| line.contains("string"))?;
            let (right, wrong) =
                *random.one(&[("string", "strng"), ("string", "text[]"), ("string", "varchar2")]);
            text.yaml[line] = text.yaml[line].replacen(right, wrong, 1);
            in_yaml(text, format!("type `{wrong}`"), line)
        }
        // Something that cannot be meant.
        4 => {
            let field = original.yaml.iter().find(|line| line.contains("schema"))?;
            let field = field.split(['{', ':', '!']).nth(2)?.trim();
            let added = random.one(&ADDED).replace("FIELD", field);
            let key = added.split(':').next()?;
            let is_there =
                original.yaml.iter().any(|line| line.trim_start().starts_with(&format!("{key}:")));
            if is_there || original.yaml.iter().any(|line| line.contains("format: jsonl")) {
                return None;
            }
            text.yaml.insert(last, format!("    {added}"));
            in_yaml(text, added, last)
        }
        // An expression.
        _ => {
            let expression = random.one(&EXPRESSIONS);
            let key = *random.one(&["query_params", "headers"]);
            if original.yaml.iter().any(|line| line.trim_start().starts_with(key)) {
                return None;
            }
            let added = format!("{key}: {{X-Slip: \"{expression}\"}}");
            text.yaml.insert(last, format!("    {added}"));
            in_yaml(text, added, last)
        }
    }
}

#[test]
fn a_slip_in_the_description_of_an_api_is_found_where_it_is() {
    let models = models();
    let originals: Vec<_> = models.iter().map(Text::of).collect();
    for (model, original) in models.iter().zip(&originals) {
        let (errors, shown) = original.errors();
        assert!(errors.is_empty(), "{}: {shown}", model.name);
    }
    let wanted = number("APITAP_SLIPS", 30_u64);
    let mut random = Random::new(number("APITAP_SLIPS_SEED", 7_u64));
    let (mut made, mut missed) = (0, Vec::new());
    while made < wanted {
        let index = random.below(models.len());
        let Some(slip) = slip(&originals[index], &models[index], &mut random) else { continue };
        made += 1;
        let (errors, shown) = slip.text.errors();
        let name = models[index].name;
        if !errors.contains(&(slip.in_sql, slip.line)) {
            missed.push(format!("{name}: {}\n{}\n{shown}", slip.what, slip.text.yaml.join("\n")));
        } else if std::env::var_os("APITAP_SLIPS").is_some() {
            eprintln!("{name}: {}: {}", slip.what, shown.lines().next().unwrap_or_default());
        }
    }
    eprintln!("{made} slips, {} found where they are", made - missed.len() as u64);
    assert!(
        missed.is_empty(),
        "{} of {made} were not found:\n{}",
        missed.len(),
        missed.join("\n---\n")
    );
}
