//! Checks of single texts: templates, addresses, pointers, names of headers.

use chrono::{DateTime, NaiveDate};

use crate::check::expressions;
use crate::codes;
use crate::definition::database_url::{Parameters, Wrong};
use crate::definition::{Condition, Part, Pointer, RequestPart, RequestTextError, Template};
use crate::diagnostic::{Edit, Finding, Findings, Spanned};
use crate::expression::types::{ExpressionType, Kind, Names};
use crate::expression::{time_format_gap, time_format_problem};
use crate::pointer::Problem;
use crate::spec::secrets;

/// A template whose `${NAME}`s are well-formed.
pub(super) fn template(written: Spanned<String>, findings: &mut Findings) -> Option<Template> {
    let template = Template(written.value);
    match template.parts() {
        Ok(_) => Some(template),
        Err(error) => {
            let place = written.place.within(error.at);
            findings.push(
                Finding::error(codes::INVALID_VARIABLE, error.message, &place).help(error.help),
            );
            None
        }
    }
}

/// The text of a request, whose `${NAME}`s and `{…}`s are well-formed.
pub(super) fn request_text(written: Spanned<String>, findings: &mut Findings) -> Option<Template> {
    let template = Template(written.value.clone());
    let (code, at, message, help) = match template.request_parts() {
        Ok(_) => return Some(template),
        Err(RequestTextError::Variable(error)) => {
            (codes::INVALID_VARIABLE, error.at, error.message, error.help)
        }
        Err(RequestTextError::Expression(error)) => {
            (codes::INVALID_EXPRESSION, error.at, error.message, error.help)
        }
    };
    findings.push(Finding::error(code, message, &written.part(at)).help(help));
    None
}

/// An absolute `http` or `https` address; `${NAME}` and `{…}` may stand anywhere in it.
pub(super) fn address(written: &Spanned<String>, findings: &mut Findings) -> bool {
    secrets::in_address(written, findings);
    let Some(template) = request_text(written.clone(), findings) else { return false };
    // What a variable will hold is not known: a whole host, a port, a part of a path. A text that
    // begins with one is checked at run time.
    if template.0.trim_start().starts_with("${") {
        return true;
    }
    let probe: String = template.request_parts().into_iter().flatten().map(probe).collect();
    let whole = "write all of it, as in `https://api.example.com/orders`";
    let (problem, help) = match url::Url::parse(&probe) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            (format!("an address with the scheme `{}` cannot be read", url.scheme()), whole)
        }
        Ok(url) if url.fragment().is_some() => (
            "what follows the `#` of an address is never sent".to_owned(),
            "remove it; a `#` within the path is written `%23`",
        ),
        Ok(_) => return true,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            ("the address has no scheme".to_owned(), whole)
        }
        Err(error) => (format!("this is not an address: {error}"), whole),
    };
    findings.push(Finding::error(codes::INVALID_URL, problem, &written.place).help(help));
    false
}

/// An address, or what follows the name of the source's own server.
pub(super) fn reference(written: &Spanned<String>, findings: &mut Findings) -> bool {
    if !written.value.trim_start().starts_with('/') {
        return address(written, findings);
    }
    secrets::in_address(written, findings);
    request_text(written.clone(), findings).is_some()
}

/// The address of an API, which paths follow.
pub(super) fn base(written: &Spanned<String>, findings: &mut Findings) -> bool {
    if !address(written, findings) {
        return false;
    }
    let Some(at) = written.value.find('?') else { return true };
    let place = written.place.within(at..written.value.len());
    findings.push(
        Finding::error(codes::INVALID_URL, "the paths of sources follow this address", &place)
            .label("a path cannot follow parameters")
            .help("write the parameters under `query_params`"),
    );
    false
}

/// The name of a server, with its port where that is not the usual one.
pub(super) fn host(written: &Spanned<String>, findings: &mut Findings) -> bool {
    let text = written.value.to_ascii_lowercase();
    let url = url::Url::parse(&format!("https://{text}"));
    let is_host = url.is_ok_and(|url| {
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        url.host_str().is_some_and(|host| format!("{host}{port}") == text)
    });
    if !is_host {
        let message = format!("`{}` is not the name of a server", written.value);
        findings.push(
            Finding::error(codes::INVALID_URL, message, &written.place)
                .help("write a host, as in `files.example.com`, with its port if it has one"),
        );
    }
    is_host
}

/// What follows the address of an API.
pub(super) fn path(written: &Spanned<String>, findings: &mut Findings) -> bool {
    let text = written.value.as_str();
    let (problem, help) = if text.contains("://") {
        (
            "this is a whole address",
            "write what follows the `url` of the api, or `url` in place of `api` and `path`",
        )
    } else if text.contains('#') {
        (
            "what follows the `#` of an address is never sent",
            "remove it; a `#` within the path is written `%23`",
        )
    } else {
        return true;
    };
    findings.push(Finding::error(codes::INVALID_URL, problem, &written.place).help(help));
    false
}

/// What a part of an address may be: a digit can stand in a host, a port and a path.
fn probe(part: RequestPart) -> String {
    match part {
        RequestPart::Start(Part::Literal(text)) => text,
        RequestPart::Start(Part::Variable { .. }) | RequestPart::Expression(_) => "1".to_owned(),
    }
}

/// An expression over an answer that is true or false.
pub(super) fn condition(written: &Spanned<String>, findings: &mut Findings) -> bool {
    let expression = match Condition(written.value.clone()).expression() {
        Ok(expression) => expression,
        Err(error) => {
            let place = written.part(error.at);
            findings.push(
                Finding::error(codes::INVALID_EXPRESSION, error.message, &place).help(error.help),
            );
            return false;
        }
    };
    let finding = match expression.check(&Names::of_answer()) {
        Ok(ExpressionType { kind: Kind::Boolean, .. }) => return true,
        Ok(ty) => {
            let message = format!("`{expression}` is {}, not true or false", ty.kind.text());
            Finding::error(codes::EXPRESSION_TYPE, message, &written.part(expression.at.clone()))
                .help("compare it with something: `body(\"/ok\") == false`, `exists(body(\"/error\"))`")
        }
        Err(error) => expressions::finding(&error, written),
    };
    findings.push(finding);
    false
}

/// How times are written that have an order.
pub(super) fn time_format(written: &Spanned<String>, findings: &mut Findings) -> bool {
    let text = &written.value;
    let problem = time_format_problem(text).or_else(|| time_format_gap(text));
    let is_format = problem.is_none();
    findings.extend(problem.map(|(message, help)| {
        Finding::error(codes::INVALID_VALUE, message, &written.place).help(help)
    }));
    is_format
}

/// A date or a timestamp; what a variable holds is looked at when a run begins.
pub(super) fn start(written: &Spanned<String>, findings: &mut Findings) -> bool {
    let text = written.value.as_str();
    let is_time = text.contains("${")
        || DateTime::parse_from_rfc3339(text).is_ok()
        || text.parse::<NaiveDate>().is_ok();
    if !is_time {
        let message = format!("`{text}` is not a date or a timestamp");
        findings.push(
            Finding::error(codes::INVALID_VALUE, message, &written.place)
                .help("write it as in `2026-01-31` or `2026-01-31T00:00:00Z`"),
        );
    }
    is_time
}

/// A JSON Pointer.
pub(super) fn pointer(written: &Spanned<String>, findings: &mut Findings) -> Option<Pointer> {
    let pointer = Pointer(written.value.clone());
    let help = match pointer.problem() {
        None => return Some(pointer),
        Some(Problem::NoSlash) => format!("begin with `/`: `{}`", as_pointer(&written.value)),
        Some(Problem::Escape) => "in a key, `~` is written `~0` and `/` is written `~1`".to_owned(),
    };
    let message = format!("`{}` is not a JSON Pointer", written.value);
    findings.push(Finding::error(codes::INVALID_POINTER, message, &written.place).help(help));
    None
}

/// `$.data[*].items` → `/data/*/items`.
fn as_pointer(path: &str) -> String {
    let parts = path.trim_start_matches('$').split(['.', '[', ']', '/']);
    let parts = parts.map(|part| part.trim_matches(['\'', '"'])).filter(|part| !part.is_empty());
    parts.map(|part| format!("/{part}")).collect()
}

/// A header's name (RFC 9110's token).
pub(super) fn header_name(name: &Spanned<String>, findings: &mut Findings) -> bool {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !name.value.is_empty() && name.value.chars().all(is_token) {
        return true;
    }
    let message = format!("`{}` is not a header's name", name.value);
    findings.push(
        Finding::error(codes::INVALID_HEADER_NAME, message, &name.place)
            .help("a header's name has letters, digits and `-`, as in `X-Api-Key`"),
    );
    false
}

/// The headers that say how a request is carried, in lower case.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A header: its name, and a value that can be written into one line.
pub(super) fn header(
    name: &Spanned<String>,
    value: &Spanned<Template>,
    findings: &mut Findings,
) -> bool {
    let mut well = header_name(name, findings);
    if value.value.0.chars().any(|c| c.is_control() && c != '\t') {
        let message = format!("the value of the header `{}` has a line break in it", name.value);
        findings.push(
            Finding::error(codes::MULTILINE_HEADER, message, &name.place)
                .help("write it on one line, in quotes; `>-` and `|-` end without a line break"),
        );
        well = false;
    }
    if FRAMING.contains(&name.value.to_ascii_lowercase().as_str()) {
        let message = format!("the header `{}` says how a request is carried", name.value);
        findings.push(
            Finding::error(codes::FRAMING_HEADER, message, &name.place)
                .help("remove it: each request is sent with the one that fits"),
        );
        well = false;
    }
    well
}

/// What the URL of a database begins with.
pub(super) struct DatabaseUrl {
    /// The database, as messages name it.
    pub(super) what: &'static str,
    /// The schemes that it may have.
    pub(super) schemes: &'static [&'static str],
    /// Whether it may have none: then it is a path.
    pub(super) path: bool,
    /// A whole one.
    pub(super) example: &'static str,
    /// What it may say behind its `?`.
    pub(super) parameters: Option<&'static Parameters>,
}

/// The URL of a database; `${NAME}` may stand anywhere in it.
pub(super) fn database_url(
    kind: &DatabaseUrl,
    written: &Spanned<String>,
    findings: &mut Findings,
) -> bool {
    secrets::in_address(written, findings);
    let Some(template) = template(written.clone(), findings) else { return false };
    let trimmed = template.0.trim();
    if trimmed.starts_with("${") {
        return true;
    }
    let scheme = trimmed.split_once("://").map(|(scheme, _)| scheme);
    let is_known = scheme.map_or(kind.path, |scheme| kind.schemes.contains(&scheme));
    let parse = is_known && !kind.path && !trimmed.contains("${");
    let malformed = if parse { url::Url::parse(trimmed).err() } else { None };
    // The text itself may hold a password.
    let message = match (scheme, malformed) {
        (_, Some(error)) => format!("this is not a valid {} URL: {error}", kind.what),
        (Some(scheme), None) if !is_known => {
            format!("scheme `{scheme}` is not supported by a {} target", kind.what)
        }
        (None, None) if !is_known => format!("this is not a valid {} URL", kind.what),
        _ => return parameters(kind, written, findings),
    };
    findings.push(
        Finding::error(codes::INVALID_DATABASE_URL, message, &written.place)
            .help(format!("write all of it, as in `{}`", kind.example)),
    );
    false
}

/// The parameters of a URL, as far as they stand there.
fn parameters(kind: &DatabaseUrl, written: &Spanned<String>, findings: &mut Findings) -> bool {
    let is_url = kind.schemes.iter().any(|scheme| {
        written.value.trim_start().strip_prefix(scheme).is_some_and(|rest| rest.starts_with(':'))
    });
    let wrong = kind.parameters.filter(|_| is_url).and_then(|known| known.wrong(&written.value));
    let Some((at, Wrong { message, help, instead })) = wrong else { return true };
    let place = written.part(at);
    // Where the file spells the URL in another way, it is not known which bytes to replace.
    let instead = instead.filter(|_| place != written.place);
    let finding = Finding::error(codes::INVALID_DATABASE_URL, message, &place);
    findings.push(match instead {
        Some((instead, sure)) => {
            let edit = Edit { place, replacement: instead.to_owned(), sure };
            finding.fix(help, edit)
        }
        None => finding.help(help),
    });
    false
}
