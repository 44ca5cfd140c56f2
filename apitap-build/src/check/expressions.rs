//! The expressions in the texts of requests: whether their names are offered where they stand, and their
//! types fit.
//!
//! That they are well-formed was checked when they were read.

use crate::codes;
use crate::definition::{RequestPart, Template};
use crate::diagnostic::{Finding, Findings, Spanned};
use crate::expression::types::{ExpressionType, Kind, Names, TypeError};
use crate::expression::{Expression, ExpressionError};
use crate::keys::auth::AuthSpec;
use crate::keys::body::BodySpec;
use crate::keys::job::JobRequestSpec;
use crate::keys::pagination::PageName;
use crate::schema::{Field, Type};
use crate::spec::{Project, SourceSpec};

/// Where a text stands, as far as it matters to what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// In the URL, every value must be there.
    Url,
    /// A header or a parameter, which is not sent where its whole value is null.
    Value,
}

/// When a text is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Before there is a job, or with each request.
    First,
    /// When there is one, if the source has one.
    InJob,
}

/// Checks the sources of a project; those with findings are among the broken ones afterwards.
pub(super) fn check_all(project: &mut Project, findings: &mut Findings) {
    let (good, bad) = std::mem::take(&mut project.sources)
        .into_iter()
        .partition::<Vec<_>, _>(|source| check(source, findings));
    project.sources = good;
    for source in bad {
        project.broken_sources.add(Some(source.table.name.value.clone()));
        let known = source.table.declared.is_some();
        project.broken_sources.with_fields.extend(known.then_some(source.table));
    }
}

/// Whether all expressions of a source can be evaluated; findings say which cannot.
pub fn check(source: &SourceSpec, findings: &mut Findings) -> bool {
    let before = findings.errors();
    let names = offered(source);
    let mut in_job = names.clone();
    if source.request.job.value.is_some() {
        in_job.insert("job".to_owned(), ExpressionType::of(Kind::Text));
    }
    for (when, part, text) in job_texts(source) {
        let names = if when == When::InJob { &in_job } else { &names };
        check_text(part, &text, names, findings);
    }
    for (when, part, text) in page_texts(source) {
        let mut names = if when == When::InJob { in_job.clone() } else { names.clone() };
        add_page_name(source, &mut names);
        check_text(part, &text, &names, findings);
    }
    // A login is not a request of the source: it may come before the first of them.
    for text in login_texts(source) {
        check_text(Part::Value, &text, &Names::default(), findings);
    }
    let used = used(source);
    check_used(source, &used, findings);
    check_page_name(source, findings);
    super::incremental::check_source(source, &used, findings);
    super::filters::check_source(source, findings);
    findings.errors() == before
}

/// The texts of a source in which expressions may stand.
fn texts(source: &SourceSpec) -> impl Iterator<Item = (When, Part, Spanned<Template>)> {
    page_texts(source).chain(job_texts(source))
}

/// Those of the requests about its job.
fn job_texts(source: &SourceSpec) -> impl Iterator<Item = (When, Part, Spanned<Template>)> {
    source.request.job.value.iter().flat_map(|job| {
        let create = texts_of_job(When::First, &job.create.value);
        create.into_iter().chain(texts_of_job(When::InJob, &job.poll.value))
    })
}

/// Those of the requests for its pages.
fn page_texts(source: &SourceSpec) -> impl Iterator<Item = (When, Part, Spanned<Template>)> {
    let request = &source.request;
    let headers = request.headers.value.iter();
    let headers = headers.map(|(_, value)| (When::First, Part::Value, value.clone()));
    let base = source.api.as_ref().map(|(_, url)| url.clone());
    let address = [&request.url, &request.path]
        .into_iter()
        .filter_map(|text| Some(Spanned::new(text.value.clone()?, text.place.clone())));
    let values = request.query_params.value.iter().map(|(_, value)| value.clone());
    let body = request.body.value.iter().flat_map(BodySpec::texts);
    let address = base.into_iter().chain(address).map(|text| (Part::Url, text));
    let own = address.chain(values.chain(body).map(|text| (Part::Value, text)));
    own.map(|(part, text)| (When::InJob, part, text)).chain(headers)
}

/// The texts of a request about a job.
fn texts_of_job(when: When, request: &JobRequestSpec) -> Vec<(When, Part, Spanned<Template>)> {
    let url = Spanned::new(request.url.value.clone(), request.url.place.clone());
    let body = request.body.value.iter().flat_map(BodySpec::texts);
    let body = body.map(|text| (when, Part::Value, text));
    std::iter::once((when, Part::Url, url)).chain(body).collect()
}

/// The texts of what is sent to log in.
fn login_texts(source: &SourceSpec) -> Vec<Spanned<Template>> {
    match &source.request.auth.value {
        Some(AuthSpec::Login(login)) => {
            login.value.body.value.iter().flat_map(BodySpec::texts).collect()
        }
        _ => Vec::new(),
    }
}

/// The names that the requests of a source have.
fn offered(source: &SourceSpec) -> Names {
    let mut names = Names::default();
    names.insert("now".to_owned(), ExpressionType::of(Kind::Timestamp));
    source.carried.iter().for_each(|field| add_names(&field.name, field, &mut names));
    if let Some(incremental) = &source.request.incremental.value {
        // Without a state and a `start`, there is no beginning.
        let nullable = incremental.start.value.is_none();
        names.insert("start".to_owned(), ExpressionType { kind: Kind::Timestamp, nullable });
        names.insert("end".to_owned(), ExpressionType::of(Kind::Timestamp));
    }
    names
}

/// The name of which each page has another value: there is no cursor before the first answer.
fn add_page_name(source: &SourceSpec, names: &mut Names) {
    let Some(PageName { name, .. }) = source.request.pagination.value.name() else { return };
    let ty = match name {
        "cursor" => ExpressionType { kind: Kind::Text, nullable: true },
        _ => ExpressionType::of(Kind::Integer),
    };
    names.insert(name.to_owned(), ty);
}

/// A field, or those of a record in it.
fn add_names(name: &str, field: &Field, names: &mut Names) {
    if let Type::Record(fields) = &field.ty {
        fields.iter().for_each(|inner| add_names(&format!("{name}.{}", inner.name), inner, names));
    } else if let Some(kind) = Kind::of(&field.ty) {
        names.insert(name.to_owned(), ExpressionType { kind, nullable: field.nullable });
    }
}

/// The names that the requests of a source use, without what stands behind their dots.
fn used(source: &SourceSpec) -> Vec<String> {
    used_in(texts(source))
}

fn used_in(texts: impl Iterator<Item = (When, Part, Spanned<Template>)>) -> Vec<String> {
    let mut used = Vec::new();
    for (_, _, text) in texts {
        for part in text.value.request_parts().unwrap_or_default() {
            let RequestPart::Expression(expression) = part else { continue };
            let names = expression.names().into_iter();
            used.extend(names.filter_map(|name| name.split('.').next().map(str::to_owned)));
        }
    }
    used
}

/// Each page makes a difference to the requests: by a parameter, or by an expression.
fn check_page_name(source: &SourceSpec, findings: &mut Findings) {
    let pagination = &source.request.pagination;
    let Some(PageName { name, key, has_param: false }) = pagination.value.name() else { return };
    if used_in(page_texts(source)).iter().any(|used| used == name) {
        return;
    }
    let message = format!("`pagination` has no `{key}`, and no request uses `{{{name}}}`");
    let example = if name == "cursor" { "after" } else { name };
    findings.push(
        Finding::error(codes::MISSING_KEY, message, &pagination.place)
            .label("each page would be the first one")
            .help(format!(
                "add it, as in `{key}: {example}`, or write `{{{name}}}` where the API wants it: \
                 `url`, `query_params`, `headers` or `body`"
            )),
    );
}

/// Each entry of `for_each` makes a difference to the requests: else all of its requests are the same.
fn check_used(source: &SourceSpec, used: &[String], findings: &mut Findings) {
    for entry in &source.request.for_each.value {
        let alias = &entry.alias;
        if used.contains(&alias.value) {
            continue;
        }
        let name = match entry.fields.value.as_deref() {
            Some([first, ..]) => format!("{}.{}", alias.value, first.value),
            _ => alias.value.clone(),
        };
        let message = format!("no request uses `{}`", alias.value);
        findings.push(
            Finding::error(codes::FOR_EACH_NAME, message, &alias.place)
                .label("each of its requests would be the same")
                .help(format!(
                    "write `{{{name}}}` into it: `url`, `query_params`, `headers` or `body`"
                )),
        );
    }
}

fn check_text(part: Part, text: &Spanned<Template>, names: &Names, findings: &mut Findings) {
    // What is not well-formed was said when it was read.
    let parts = text.value.request_parts().unwrap_or_default();
    let alone = parts.len() == 1 && part == Part::Value;
    for found in parts {
        let RequestPart::Expression(expression) = found else { continue };
        let outcome = expression.check(names).and_then(|ty| sendable(&expression, ty, alone));
        findings.extend(outcome.err().map(|error| finding(&error, text)));
    }
}

/// Whether a value of that type can be a part of a text, or the whole of it.
fn sendable(expression: &Expression, ty: ExpressionType, alone: bool) -> Result<(), TypeError> {
    let at = expression.at.clone();
    let error = |message: String, help: String| {
        Err(TypeError::Type(ExpressionError { at: at.clone(), message, help }))
    };
    if ty.nullable && !alone {
        let message = format!("`{expression}` may be null");
        return error(message, format!("say what it is then: `default({expression}, …)`"));
    }
    if ty.kind == Kind::Duration {
        let message = format!("`{expression}` is a duration, which no request holds");
        return error(message, "add it to a time, as in `now - 1d`".to_owned());
    }
    Ok(())
}

/// What is wrong with an expression in a text.
pub(crate) fn finding<T>(error: &TypeError, text: &Spanned<T>) -> Finding
where
    T: AsRef<str>,
{
    let (code, error) = match error {
        TypeError::Name(error) => (codes::UNKNOWN_NAME, error),
        TypeError::Type(error) => (codes::EXPRESSION_TYPE, error),
    };
    Finding::error(code, error.message.clone(), &text.part(error.at.clone()))
        .help(error.help.clone())
}
