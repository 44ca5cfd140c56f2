//! An OpenAPI document → the sources and queries of a new project.
//!
//! An operation that reads becomes a source where its records are known and its path is complete; the
//! others are listed with the reason. What the document does not say is not guessed: a comment asks.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use apitap_build::diagnostic::{Files, Finding, Findings};
use apitap_build::keys::yaml_quoted as quoted;
use apitap_build::names;
use apitap_build::render;
use apitap_build::schema::documents::{self, Documents};
use apitap_build::schema::openapi::{self, Operation, Records};
use apitap_build::schema::scalar::Domain;
use apitap_build::schema::{Field, notation};
use datafusion::sql::sqlparser::keywords::ALL_KEYWORDS;

use auth::Auth;

mod auth;

/// What a document makes of a project.
pub(super) struct Made {
    /// Paths in the project, and texts.
    pub(super) files: Vec<(String, String)>,
    /// How many sources there are, in a line.
    pub(super) summary: String,
}

/// Reads a document, and writes the project's sources and queries.
///
/// # Errors
/// What is wrong with the document, with help.
pub(super) fn project(path: &Path, package: &str) -> Result<Made, String> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!(
            "cannot read `{shown}`: {error}\nhelp: `--from` takes an OpenAPI document as a file"
        )
    })?;
    refuse_other_files(&shown, &text)?;
    let mut files = Files::default();
    let file = files.add(shown.as_str(), text.as_str());
    let mut findings = Findings::default();
    let Some(documents) = Documents::parse(&files, file, &mut findings) else {
        let found: Vec<_> = findings.sorted().iter().map(|f| rendered(&files, f)).collect();
        return Err(found.join("\n"));
    };
    let mut operations =
        openapi::operations(&documents).map_err(|finding| rendered(&files, &finding))?;
    operations.retain(|operation| operation.method == "GET");

    let is_json = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    let document = if is_json { "openapi.json" } else { "openapi.yaml" };
    let mut project = Project::default();
    for operation in &operations {
        match usable(operation) {
            Ok(records) => {
                let auth = auth::of(&documents, &operation.path);
                project.add(document, operation, records, &auth);
            }
            Err(reason) => project.leave(operation, &reason),
        }
    }
    let (sources, all) = (project.queries.len(), operations.len());
    if sources == 0 {
        return Err(format!(
            "`{shown}` has no operation that can be a source{}\nhelp: one is needed that reads \
             (`GET`), has no parameters in its path, and answers with JSON that has a schema",
            project.left
        ));
    }
    let ending = if sources == 1 { "" } else { "s" };
    let summary = format!("{sources} source{ending} of {all} operations");
    let summary = match all - sources {
        0 => summary,
        _ => format!("{summary}; the others are listed at the end of pipelines.yaml"),
    };
    let yaml = project.yaml(package);
    let mut files = vec![(document.to_owned(), text), ("pipelines.yaml".to_owned(), yaml)];
    files.extend(project.queries.into_iter().map(|(name, sql)| (format!("sql/{name}.sql"), sql)));
    Ok(Made { files, summary })
}

fn refuse_other_files(shown: &str, text: &str) -> Result<(), String> {
    let others = documents::references(text);
    let [first, ..] = &others[..] else { return Ok(()) };
    Err(format!(
        "`{shown}` refers to other files, such as `{first}`\nhelp: make one file of them first, as \
         `npx @redocly/cli bundle` does"
    ))
}

/// A finding as a message of the command line.
fn rendered(files: &Files, finding: &Finding) -> String {
    let mut said = match render::location(files, &finding.place) {
        Some((file, line, column)) => format!("{}\n --> {file}:{line}:{column}", finding.message),
        None => finding.message.clone(),
    };
    let notes = finding.notes.iter().map(|note| ("note", note));
    let helps = finding.help.iter().map(|help| ("help", &help.sentence));
    for (level, line) in notes.chain(helps) {
        let _ = write!(said, "\n{level}: {line}");
    }
    said
}

/// The records of an operation, or why it is no source.
fn usable(operation: &Operation) -> Result<&Records, String> {
    let parameters: Vec<_> = operation
        .path
        .split('{')
        .skip(1)
        .map(|rest| match rest.split_once('}') {
            Some((name, _)) => format!("`{name}`"),
            None => format!("`{rest}`"),
        })
        .collect();
    if !parameters.is_empty() {
        return Err(format!("its path needs {}", parameters.join(", ")));
    }
    let records = operation
        .records
        .as_ref()
        .map_err(|finding| finding.notes.first().unwrap_or(&finding.message).clone())?;
    if records.schema.fields.is_empty() {
        return Err("its records have no fields".to_owned());
    }
    Ok(records)
}

/// What is written so far.
#[derive(Default)]
struct Project {
    sources: String,
    /// Names of sources, and SQL.
    queries: Vec<(String, String)>,
    /// The operations that are no sources, a comment each.
    left: String,
    names: BTreeSet<String>,
}

impl Project {
    fn add(&mut self, document: &str, operation: &Operation, records: &Records, auth: &Auth) {
        // Every source is a `GET`: the method would say nothing in a table's name.
        let said = match (operation.id.as_deref(), operation.path.as_str()) {
            (Some(id), _) => id,
            (None, "/") => "root",
            (None, path) => path,
        };
        let name = names::unique(&names::snake(said), "_", &mut self.names);
        let key = records.schema.field("id").filter(|field| can_be_key(field));
        let mut lines = vec![format!("- name: {name}")];
        lines.extend(
            operation.description.as_ref().map(|said| format!("description: {}", quoted(said))),
        );
        lines.push(format!("url: {}", url(operation)));
        lines.extend(auth.line.clone());
        let (pagination, sent) = pagination(&operation.query_params);
        lines.extend(query_params(operation, &sent, auth));
        if !records.data_path.0.is_empty() {
            lines.push(format!("data_path: {}", quoted(&records.data_path.0)));
        }
        lines.push(pagination);
        lines.push("schema:".to_owned());
        let operation = quoted(&operation.name());
        lines.push(format!("  openapi: {{file: {document}, operation: {operation}}}"));
        if let Some(field) = key.filter(|field| field.nullable) {
            lines.push("  # The document lets it be null, a key cannot be.".to_owned());
            lines.push(format!("  fields: {{id: {}}}", notation::type_text(&field.ty, false)));
        }
        let _ = writeln!(self.sources, "  {}\n", lines.join("\n    "));
        let sql = query(&name, &records.schema.fields, key.is_some());
        self.queries.push((name, sql));
    }

    fn leave(&mut self, operation: &Operation, reason: &str) {
        let line = format!("{} {}: {reason}", operation.method, operation.path);
        // A line break would end the comment.
        let line: Vec<_> = line.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        let _ = write!(self.left, "\n# - {}", line.join(" "));
    }

    fn yaml(&self, package: &str) -> String {
        let mut yaml = format!(
            "# yaml-language-server: $schema=pipelines.schema.json\nsources:\n{}targets:\n  \
             - name: database\n    type: sqlite\n    path: ${{DATABASE:-{package}.db}}\n",
            self.sources
        );
        if !self.left.is_empty() {
            let _ = writeln!(yaml, "\n# Operations that read, and are no sources:{}", self.left);
        }
        yaml
    }
}

fn can_be_key(field: &Field) -> bool {
    matches!(field.ty.domain(), Some(Domain::Whole(..) | Domain::Text { .. }))
}

/// The address, with a variable for the server so that a test can be one.
fn url(operation: &Operation) -> String {
    let server = operation.servers.first().map(|server| server.trim_end_matches('/'));
    let absolute = |server: &&str| {
        let web = server.starts_with("https://") || server.starts_with("http://");
        // A brace would end the default.
        web && !server.contains(['{', '}', '$'])
    };
    let server = server
        .filter(absolute)
        .map_or_else(|| "${API_URL}".to_owned(), |server| format!("${{API_URL:-{server}}}"));
    let url = format!("{server}{}", operation.path);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._~-:${}".contains(c);
    if url.chars().all(plain) && !url.ends_with(':') { url } else { quoted(&url) }
}

/// The pagination that the parameters make plain, and those that it sends.
fn pagination(params: &[String]) -> (String, Vec<&str>) {
    let find = |names: &[&'static str]| {
        names.iter().copied().find(|name| params.iter().any(|known| known == name))
    };
    let page = find(&["page"]);
    let size = find(&["per_page", "page_size", "limit"]);
    match (page, size, find(&["limit"]), find(&["offset"])) {
        (Some(page), Some(size), _, None) => (
            format!(
                "pagination: {{kind: page_number, page_param: {page}, per_page_param: {size}}}"
            ),
            vec![page, size],
        ),
        (Some(page), None, _, None) => {
            (format!("pagination: {{kind: page_only, page_param: {page}}}"), vec![page])
        }
        (None, _, Some(limit), Some(offset)) => (
            format!(
                "pagination: {{kind: limit_offset, limit_param: {limit}, offset_param: {offset}}}"
            ),
            vec![limit, offset],
        ),
        _ => ("# pagination: what the API's own documentation says".to_owned(), Vec::new()),
    }
}

/// The parameters that must be sent, and that nothing else sends; each is a variable.
fn query_params(operation: &Operation, sent: &[&str], auth: &Auth) -> Vec<String> {
    let others =
        |name: &&String| !sent.contains(&name.as_str()) && auth.query_param.as_ref() != Some(*name);
    let needed: Vec<_> = operation.required_params.iter().filter(others).collect();
    if needed.is_empty() {
        return Vec::new();
    }
    let line = |name: &String| {
        let variable = names::snake(name).to_uppercase();
        // `n`, `on` and the like are no texts to every reader of YAML.
        let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
        let plain = names::snake(name) == *name && !reserved.contains(&name.as_str());
        let key = if plain { name.clone() } else { quoted(name) };
        format!("  {key}: ${{{variable}}}")
    };
    std::iter::once("query_params:".to_owned()).chain(needed.into_iter().map(line)).collect()
}

/// All fields of the records, by name.
fn query(name: &str, fields: &[Field], has_key: bool) -> String {
    let sink = if has_key { "{{ sink(key=[\"id\"]) }}\n" } else { "" };
    // A brace could be one of the template.
    let columns = if fields.iter().any(|field| field.name.contains(['{', '}'])) {
        "    *".to_owned()
    } else {
        let columns: Vec<_> =
            fields.iter().map(|field| format!("    {}", column(&field.name))).collect();
        columns.join(",\n")
    };
    format!("{sink}SELECT\n{columns}\nFROM {{{{ use_source(\"{name}\") }}}}\n")
}

/// Keywords of SQL that are columns all the same wherever they stand alone.
const HARMLESS: [&str; 6] = ["id", "name", "type", "status", "version", "metadata"];

/// A column's name, quoted where SQL needs it.
fn column(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && (HARMLESS.contains(&name) || !ALL_KEYWORDS.contains(&name.to_uppercase().as_str()));
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}
