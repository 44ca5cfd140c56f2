//! An entry of `sources`, and `#[source(…)]`: where records come from.

use std::time::Duration;

use super::declare::keys;
use super::key::KeyType as _;
use super::mapping::Mapping;
use super::pairs::Pairs;
use super::rules;
use super::schema::SchemaKeys;
use super::values::Texts;
use crate::definition::{
    Auth, Format, OnUnknownField, Pagination, Pointer, Retry, Source, Template, default_timeout,
};
use crate::diagnostic::Place;

keys! {
    /// An API's collection of records.
    pub struct Request, spec RequestSpec {
        /// The table's name in SQL: `use_source("orders")`.
        name: String = required("orders").filled(),
        /// The address of the collection.
        url: Template = required("https://api.example.com/orders")
            .filled()
            .rule(rules::address)
            .expressions()
            .example("${API_URL:-https://api.example.com}/orders"),
        /// Headers that are sent with every request.
        headers: Pairs = default(Pairs::default())
            .each(rules::header)
            .example("{Accept: application/json}")
            .example("[{key: Accept, value: application/json}]"),
        /// Query parameters that are sent with every request, before those of the pagination.
        query_params: Pairs = default(Pairs::default())
            .example("{status: paid}")
            .example("[{key: status, value: paid}]"),
        /// Who asks: exactly one way.
        auth: Option<Auth> = optional(),
        /// What the bodies of the answers are.
        format: Format = default(Format::Json).brief().example("jsonl"),
        /// Where the records are in a JSON body: a list of objects, or one object; `*` stands for every element of a list or an object. The root if absent.
        data_path: Pointer =
            default(Pointer::default()).brief().example("/data").example("/orders/*/items"),
        /// The records are the members of the object at `data_path`: the field that takes each one's key.
        key_as: Option<String> = optional().filled().example("id"),
        /// Whether a body may have nothing at `data_path`, or null: then it has no records.
        allow_empty: bool = default(false).brief().example("true"),
        /// How to get the next page.
        pagination: Pagination = default(Pagination::default()).brief(),
        /// What to do about 408, 429, 5xx, and broken connections and bodies.
        retry: Retry = absent().brief(),
        /// For one request, its body included.
        timeout: Duration = default(default_timeout()).brief().example("30s").example("90"),
        /// What to do about fields that the schema does not declare.
        on_unknown_field: OnUnknownField = default(OnUnknownField::default()).brief().example("error"),
    }
    check: check;
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

/// What the keys say together.
fn check(spec: &RequestSpec, mapping: &mut Mapping<'_, '_>) -> bool {
    let repeats = super::repeats::check(spec, mapping);
    super::format::check(spec, mapping) && repeats
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
            url: source.url.clone(),
            headers: Pairs(source.headers.clone()),
            query_params: Pairs(source.query_params.clone()),
            auth: source.auth.clone(),
            format: source.format,
            data_path: source.data_path.clone(),
            key_as: source.key_as.clone(),
            allow_empty: source.allow_empty,
            pagination: source.pagination.clone(),
            retry: source.retry,
            timeout: source.timeout,
            on_unknown_field: source.on_unknown_field,
        }
    }

    /// The source that the keys say; what its records hold is said elsewhere.
    pub(crate) fn into_source(self) -> Source {
        Source {
            name: self.name,
            description: None,
            url: self.url,
            headers: self.headers.0,
            query_params: self.query_params.0,
            auth: self.auth,
            format: self.format,
            data_path: self.data_path,
            key_as: self.key_as,
            allow_empty: self.allow_empty,
            pagination: self.pagination,
            retry: self.retry,
            timeout: self.timeout,
            on_unknown_field: self.on_unknown_field,
            schema: None,
            reads: Default::default(),
        }
    }
}
