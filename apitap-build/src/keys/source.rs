//! An entry of `sources`, and `#[source(…)]`: where records come from.

use std::time::Duration;

use super::api;
use super::bad_record::{self, OnBadRecord};
use super::declare::{Key, Mapping, default, keys};
use super::filters::Filters;
use super::for_each::ForEachList;
use super::incremental::Incremental;
use super::key::KeyType as _;
use super::pairs::Pairs;
use super::rules;
use super::schema::SchemaKeys;
use super::values::Texts;
use crate::codes;
use crate::definition::{
    Auth, Body, Format, Job, Method, OnUnknownField, Pagination, Pointer, RateLimit, ResponseRule,
    Retry, Source, Template, Tls, default_timeout,
};
use crate::diagnostic::{Finding, Place};

keys! {
    /// An API's collection of records.
    pub struct Request, spec RequestSpec {
        /// The table's name in SQL: `use_source("orders")`.
        name: String = required("orders").filled(),
        /// The address of the collection; or `api` and `path`.
        url: Option<Template> = optional()
            .filled()
            .rule(rules::address)
            .expressions()
            .example("https://api.example.com/orders")
            .example("${API_URL:-https://api.example.com}/orders"),
        /// The entry of `apis` that it is of: what is not said here is as it is said there.
        api: Option<String> = optional().filled().example("shop"),
        /// What follows the `url` of its API.
        path: Option<Template> =
            optional().filled().rule(rules::path).expressions().example("/orders"),
        /// How it is requested; `POST` if absent where there is a `body`, else `GET`.
        method: Option<Method> = optional().example("POST"),
        /// Headers that are sent with every request.
        headers: Pairs = headers(),
        /// Query parameters that are sent with every request, before those of the pagination.
        query_params: Pairs = query_params(),
        /// What is sent with every request.
        body: Option<Body> = optional().example("{json: {status: paid}}"),
        /// What it is requested for, one after the other: the records of another source, or values. A list is the product of all.
        for_each: ForEachList = default(ForEachList::default())
            .example("{source: organizations, as: org, fields: [slug]}")
            .example("{values: [open, closed], as: wanted}"),
        /// Loads what has changed since the last run.
        incremental: Option<Incremental> = optional(),
        /// What the API does before there is anything to read: a job that is created, asked for and downloaded.
        job: Option<Job> = optional(),
        /// Query parameters that answer conditions of a query's WHERE, by field.
        filters: Filters = default(Filters::default())
            .example("{status: status}")
            .example("{updated_at: {param: since, op: \">=\"}}"),
        /// How requests are authenticated: exactly one of its keys.
        auth: Option<Auth> = optional(),
        /// What the bodies of the answers are.
        format: Format = default(Format::Json).brief().example("jsonl"),
        /// Where the records are in a JSON body: a list of objects, or one object; `*` stands for every element of a list or an object. The root if absent.
        data_path: Pointer =
            default(Pointer::default()).brief().example("/data").example("/orders/*/items"),
        /// The records are the members of the object at `data_path`: the field that takes each one's key.
        key_as: Option<String> = optional().filled().example("id"),
        /// Whether a body may have nothing at `data_path`, or null (of `jsonl` and `csv`: no byte): then it has no records.
        allow_empty: bool = default(false).brief().example("true"),
        /// What becomes of a record that does not fit its schema.
        on_bad_record: OnBadRecord = default(OnBadRecord::Error).brief().example("skip"),
        /// The file that takes the records that are skipped, one a line as JSON, with the reason; `dead_letters/NAME.jsonl` if absent.
        dead_letters: Option<Template> =
            optional().filled().needs("on_bad_record").example("dead/orders.jsonl"),
        /// How to get the next page.
        pagination: Pagination = pagination(),
        /// What to do about 408, 429, 5xx, and broken connections and bodies.
        retry: Retry = absent().brief(),
        /// For one request, its body included.
        timeout: Duration = timeout(),
        /// What becomes of answers, before the defaults: the first that fits says it.
        on_response: Vec<ResponseRule> = on_response(),
        /// How often the API is asked.
        rate_limit: Option<RateLimit> = optional().example("{requests: 8, per: 1s}"),
        /// Other servers, to which a next page or a redirect may lead: they get the headers and credentials, too.
        allow_hosts: Texts = allow_hosts(),
        /// Certificates beside the usual ones.
        tls: Option<Tls> = optional().example("{ca_file: \"${CA_FILE}\"}"),
        /// What to do about fields that the schema does not declare.
        on_unknown_field: OnUnknownField = default(OnUnknownField::default()).brief().example("error"),
    }
    check: check;
    rules: vec![Rule::OneOf(vec![
        Alternative { with: vec!["url"], without: vec!["api", "path"] },
        Alternative { with: vec!["api", "path"], without: vec!["url"] },
    ])];
}

/// What an API may say for its sources, too.
pub(super) fn headers() -> Key<Pairs> {
    default(Pairs::default())
        .each(rules::header)
        .example("{Accept: application/json}")
        .example("[{key: Accept, value: application/json}]")
}

/// What an API may say for its sources, too.
pub(super) fn query_params() -> Key<Pairs> {
    default(Pairs::default()).example("{status: paid}").example("[{key: status, value: paid}]")
}

/// What an API may say for its sources, too.
pub(super) fn pagination() -> Key<Pagination> {
    default(Pagination::default()).brief()
}

/// What an API may say for its sources, too.
pub(super) fn timeout() -> Key<Duration> {
    default(default_timeout()).brief().example("30s").example("90")
}

/// What an API may say for its sources, too.
pub(super) fn on_response() -> Key<Vec<ResponseRule>> {
    default(Vec::new())
        .example("[{status: 404, action: skip}]")
        .example("[{contains: ratelimited, action: retry, wait: 30s}]")
        .example("[{when: 'body(\"/ok\") == false', action: fail}]")
}

/// What an API may say for its sources, too.
pub(super) fn allow_hosts() -> Key<Texts> {
    default(Texts::default()).rule(rules::host).example("[files.example.com]")
}

/// What the keys say together.
fn check(spec: &RequestSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    let repeats = super::repeats::check(spec, mapping);
    let format = super::format::check(spec, mapping);
    bad_record::check(spec, mapping) && format && repeats
}

/// Reports where a source says its address twice, or not at all: `url`, or `api` and `path`.
pub(crate) fn check_address(mapping: &mut Mapping<'_, '_>) {
    let (url, api, path) = (mapping.has("url"), mapping.has("api"), mapping.has("path"));
    match (url, api, path) {
        (true, false, false) | (false, true, true) => {}
        (true, ..) => {
            let (other, help) = match path {
                true => ("path", "keep `url`, or `api` and `path`"),
                false => ("api", "keep `url`, or write `path`, which follows the `url` of the api"),
            };
            let place = mapping.key_place(other).unwrap_or(mapping.place).clone();
            let message = format!("`url` and `{other}` both say where the source is");
            let finding = Finding::error(codes::CONFLICTING_KEYS, message, &place);
            mapping.findings.push(finding.help(help));
        }
        (false, false, true) => mapping.missing_as("api", "api: shop"),
        (false, true, false) => mapping.missing_as("path", "path: /orders"),
        (false, false, false) => {
            mapping.missing_as("url", "url: https://api.example.com/orders");
        }
    }
}

keys! {
    /// What only an entry of `sources` has: in Rust the struct says it, and the attribute of the target.
    pub struct Described, spec DescribedSpec {
        /// What a record is: the doc comment of the generated record.
        description: Option<String> = optional().example("An order, as the shop's API returns it."),
        /// What a record looks like: fields and their types, or a file that shows them. Fields that are not here are skipped.
        schema: Option<SchemaKeys> = optional(),
        /// The table, where `sink(…)` of the query says none.
        table_destination_name: Option<String> = optional().example("orders"),
        /// The columns that identify a row, where `sink(…)` of the query says none.
        primary_key_in_dest: Option<Texts> = optional().example("id").example("[shop, id]"),
    }
}

impl Described {
    /// What is said where nothing is.
    pub(crate) fn nothing(place: &Place) -> DescribedSpec {
        let nothing = Self {
            description: None,
            schema: None,
            table_destination_name: None,
            primary_key_in_dest: None,
        };
        nothing.at(place)
    }
}

impl Request {
    /// The keys of a source.
    pub(crate) fn of(source: &Source) -> Self {
        Self {
            name: source.name.clone(),
            url: Some(source.url.clone()),
            api: None,
            path: None,
            method: (source.method != usual_method(&source.body)).then_some(source.method),
            headers: Pairs(source.headers.clone()),
            query_params: Pairs(source.query_params.clone()),
            body: source.body.clone(),
            for_each: ForEachList(source.for_each.clone()),
            incremental: source.incremental.clone(),
            job: source.job.clone(),
            filters: Filters(source.filters.clone()),
            auth: source.auth.clone(),
            format: source.format,
            data_path: source.data_path.clone(),
            key_as: source.key_as.clone(),
            allow_empty: source.allow_empty,
            on_bad_record: match source.dead_letters {
                Some(_) => OnBadRecord::Skip,
                None => OnBadRecord::Error,
            },
            dead_letters: source.dead_letters.clone(),
            pagination: source.pagination.clone(),
            retry: source.retry,
            timeout: source.timeout,
            on_unknown_field: source.on_unknown_field,
            on_response: source.on_response.clone(),
            rate_limit: source.rate_limit.clone(),
            allow_hosts: Texts(source.allow_hosts.clone()),
            tls: source.tls.clone(),
        }
    }

    /// The source that the keys say, with the URL of its API where it has one; what its records hold
    /// is said elsewhere.
    pub(crate) fn into_source(self, base: Option<&Template>) -> Source {
        let path = self.path.unwrap_or(Template(String::new()));
        let below = |base| api::joined(base, &path);
        Source {
            description: None,
            url: self.url.or_else(|| base.map(below)).unwrap_or(Template(String::new())),
            method: self.method.unwrap_or(usual_method(&self.body)),
            headers: self.headers.0,
            query_params: self.query_params.0,
            body: self.body,
            job: self.job,
            filters: self.filters.0,
            auth: self.auth,
            format: self.format,
            data_path: self.data_path,
            key_as: self.key_as,
            allow_empty: self.allow_empty,
            dead_letters: match self.on_bad_record {
                OnBadRecord::Skip => {
                    Some(self.dead_letters.unwrap_or_else(|| bad_record::usual_file(&self.name)))
                }
                OnBadRecord::Error => None,
            },
            pagination: self.pagination,
            retry: self.retry,
            timeout: self.timeout,
            on_unknown_field: self.on_unknown_field,
            on_response: self.on_response,
            rate_limit: self.rate_limit,
            allow_hosts: self.allow_hosts.0,
            tls: self.tls,
            for_each: self.for_each.0,
            carried: Vec::new(),
            incremental: self.incremental,
            name: self.name,
            schema: None,
            reads: Default::default(),
        }
    }
}

/// How a source is requested where it does not say so.
fn usual_method(body: &Option<Body>) -> Method {
    if body.is_some() { Method::Post } else { Method::Get }
}
