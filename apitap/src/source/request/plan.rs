//! A source's request, with nothing left to look up: what is sent, whatever the page.

use reqwest::Method;

use super::body::BodyText;
use super::client::{Client, TlsFiles};
use super::endpoint::address;
use super::expression::Scope;
use super::template::RequestText;
use crate::definition::{self, RateLimit, ResponseRule, Source};
use crate::environment::Environment;
use crate::source::filters::Parameter;
use crate::{Error, Result};

/// What to ask for. Built once from definition and environment.
///
/// Two that are equal make the same requests. It has no `Debug`: it holds secrets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestPlan {
    pub(super) method: Method,
    pub(super) url: RequestText,
    /// Query parameters, in order, behind those of the URL.
    pub(super) query: Vec<(String, RequestText)>,
    pub(super) headers: Vec<(String, RequestText)>,
    pub(super) body: BodyText,
    /// Servers besides the source's own that get headers and credentials: `files.example.com:8443`.
    pub(super) allowed_hosts: Vec<String>,
    pub(super) rules: Vec<ResponseRule>,
    pub(super) rate_limit: Option<RateLimit>,
    pub(super) tls: Option<TlsFiles>,
}

/// A request about a job, with the environment's values in it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(in crate::source) struct JobRequestPlan {
    method: Method,
    url: RequestText,
    body: BodyText,
}

impl JobRequestPlan {
    /// Puts the environment's values in.
    pub(in crate::source) fn resolve(
        request: &definition::JobRequest,
        environment: &mut Environment,
    ) -> Self {
        let usual = match request.body {
            Some(_) => definition::Method::Post,
            None => definition::Method::Get,
        };
        let body = request.body.as_ref().map(|body| BodyText::resolve(body, environment));
        Self {
            method: method(request.method.unwrap_or(usual)),
            url: RequestText::address(&request.url, environment),
            body: body.unwrap_or_default(),
        }
    }

    /// Whether an expression of it uses a name.
    pub(in crate::source) fn uses(&self, name: &str) -> bool {
        self.url.uses(&[name]) || self.body.uses(&[name])
    }
}

/// The method that a definition names.
pub(super) fn method(method: definition::Method) -> Method {
    match method {
        definition::Method::Get => Method::GET,
        definition::Method::Post => Method::POST,
        definition::Method::Put => Method::PUT,
        definition::Method::Patch => Method::PATCH,
    }
}

impl RequestPlan {
    /// Puts the environment's values into a source's texts. What is missing is in the environment's
    /// [`check`](Environment::check); what cannot be sent is found when it is made an endpoint.
    pub fn resolve(source: &Source, environment: &mut Environment) -> Self {
        let pairs = |pairs: &[(String, _)], environment: &mut Environment| {
            let pair = |(name, text): &(String, _)| {
                (name.clone(), RequestText::resolve(text, environment))
            };
            pairs.iter().map(pair).collect()
        };
        let body = source.body.as_ref().map(|body| BodyText::resolve(body, environment));
        Self {
            method: method(source.method),
            url: RequestText::address(&source.url, environment),
            headers: pairs(&source.headers, environment),
            query: pairs(&source.query_params, environment),
            body: body.unwrap_or_default(),
            allowed_hosts: source
                .allow_hosts
                .iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
            rules: source.on_response.clone(),
            rate_limit: source.rate_limit.clone(),
            tls: source.tls.as_ref().map(|tls| TlsFiles::resolve(tls, environment)),
        }
    }

    /// The same for a request about the job of a source of that name; `base` has values of all names of
    /// the source's own URL, to which the job's may refer.
    pub(in crate::source) fn of_job(
        &self,
        source: &str,
        job: &JobRequestPlan,
        scope: &Scope,
        base: &Scope,
    ) -> Result<Self> {
        let base = address(&self.url.url(base)?, "`url`", source)?;
        let text = job.url.url(scope)?;
        let url = base.join(&text).map_err(|cause| {
            Error::config(format!("the `url` of `job` of source `{source}` is not a valid URL"))
                .caused_by(cause)
        })?;
        Ok(Self {
            method: job.method.clone(),
            url: RequestText::literal(url.as_str()),
            query: Vec::new(),
            body: job.body.clone(),
            ..self.clone()
        })
    }

    /// Whether an expression of what is sent uses one of these names.
    pub(in crate::source) fn uses(&self, names: &[&str]) -> bool {
        let pairs = self.query.iter().chain(&self.headers).map(|(_, text)| text);
        let mut texts = std::iter::once(&self.url).chain(pairs);
        texts.any(|text| text.uses(names)) || self.body.uses(names)
    }

    /// As a file is requested.
    pub(in crate::source) fn without_body(&mut self) {
        self.method = Method::GET;
        self.body = BodyText::default();
    }

    /// Adds query parameters that conditions of a query set.
    pub(in crate::source) fn ask_for(&mut self, sent: &[Parameter]) {
        let param = |sent: &Parameter| (sent.param.clone(), RequestText::literal(&sent.value));
        self.query.extend(sent.iter().map(param));
    }

    /// The URL and the query parameters, each up to its first expression.
    pub(in crate::source) fn place(&self) -> String {
        let query = self.query.iter().map(|(name, text)| format!("{name}={}", text.start()));
        format!("{}?{}", self.url.start(), query.collect::<Vec<_>>().join("&"))
    }

    /// Whether its certificates can be read.
    ///
    /// # Errors
    /// A config error that names the file.
    pub(in crate::source) fn check(&self) -> Result<()> {
        self.tls.as_ref().map_or(Ok(()), |tls| Client::of(Some(tls)).map(drop))
    }
}
