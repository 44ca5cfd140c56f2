//! Findings → `compile_error!`s under the tokens that they are about.

use apitap_build::diagnostic::{Files, Finding, Place, Severity};
use apitap_build::render;

use crate::attribute::Spans;

/// All errors among the findings as one [`syn::Error`], each at its own token.
pub(crate) fn errors(files: &Files, spans: &Spans, findings: &[Finding]) -> Option<syn::Error> {
    findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| error(files, spans, finding))
        .reduce(|mut all, next| {
            all.combine(next);
            all
        })
}

/// rustc shows the token; what it cannot show (a place within a SQL literal) is drawn as text.
fn error(files: &Files, spans: &Spans, finding: &Finding) -> syn::Error {
    let rendered = render::render(files, finding);
    let body = rendered.split_once('\n').map_or("", |(_, body)| body).trim_end();
    // The margin of lines that are not there.
    let body = body.strip_prefix(" |\n").unwrap_or(body);
    let mut message = format!("{} [{}]", finding.message, finding.code);
    if !body.is_empty() {
        message.push('\n');
        message.push_str(body);
    }
    let token = match &finding.place {
        Place::Token(token) => Some(*token),
        Place::Text { file, .. } => files.get(*file).token,
    };
    let span = token.map_or_else(proc_macro2::Span::call_site, |token| spans.get(token));
    syn::Error::new(span, message)
}
