//! `pagination`: how to get from one page to the next. Each kind is declared in a file of its own.

use super::declare::{choices, kinds};
#[cfg(feature = "compiler")]
use super::key::{Key, absent, default};

mod cursor;
mod custom;
mod limit_offset;
mod link_header;
mod next_url;
mod page_number;
mod page_only;
mod single;
mod stop;

pub use stop::Stop;

choices! {
    /// Where the parameters of a pagination go.
    pub enum ParamsIn {
        /// The query of the URL.
        Query = "query", also ["params", "url"];
        /// The body: members of a JSON body, at their names or JSON Pointers, or fields of a form.
        Body = "body", also ["json", "form"];
    }
}

kinds! {
    /// How to get the next page.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case", tag = "kind")]
    pub enum Pagination, spec PaginationSpec, key "kind" {
        page_number::PageNumber,
        limit_offset::LimitOffset,
        page_only::PageOnly,
        cursor::Cursor,
        next_url::NextUrl,
        link_header::LinkHeader,
        custom::Custom,
        single::Single,
    }
}

impl Default for Pagination {
    fn default() -> Self {
        Self::Single(Single::default())
    }
}

/// Records per page: a page is one body, which has to fit into memory.
#[cfg(feature = "compiler")]
fn page_size() -> Key<u64> {
    default(100).within(1..=1_000_000).example("500").means("size")
}

/// The number of the first page.
#[cfg(feature = "compiler")]
fn first_page() -> Key<u64> {
    default(1).example("0").means("first")
}

/// How many requests may be under way at once: no API likes more.
#[cfg(feature = "compiler")]
fn concurrency() -> Key<usize> {
    default(4).within(1..=1_000).example("2")
}

/// Where the parameters go.
#[cfg(feature = "compiler")]
fn params_in() -> Key<ParamsIn> {
    default(ParamsIn::Query).brief().example("body")
}

#[cfg(feature = "compiler")]
impl PaginationSpec {
    /// Where the parameters go, of a kind that has some.
    pub(crate) fn params_in(&self) -> Option<&crate::diagnostic::Spanned<ParamsIn>> {
        match self {
            Self::PageNumber(kind) => Some(&kind.params_in),
            Self::LimitOffset(kind) => Some(&kind.params_in),
            Self::PageOnly(kind) => Some(&kind.params_in),
            Self::Cursor(kind) => Some(&kind.params_in),
            Self::NextUrl(_) | Self::LinkHeader(_) | Self::Custom(_) | Self::Single(_) => None,
        }
    }
}

/// A key that ends the pages of a source before its API does.
#[cfg(feature = "compiler")]
#[derive(Debug, Clone)]
pub(crate) struct EarlyEnd<'s> {
    /// As it is written.
    pub(crate) key: &'static str,
    /// What a source does because of it: `reads at most 2 pages`.
    pub(crate) reads: String,
    pub(crate) place: &'s crate::diagnostic::Place,
}

#[cfg(feature = "compiler")]
impl PaginationSpec {
    /// What ends the pages wherever they are, if anything does.
    pub(crate) fn ends_early(&self) -> Option<EarlyEnd<'_>> {
        let stop = match self {
            Self::PageNumber(kind) => &kind.stop,
            Self::LimitOffset(kind) => &kind.stop,
            Self::PageOnly(kind) => &kind.stop,
            Self::Cursor(kind) => &kind.stop,
            Self::NextUrl(kind) => &kind.stop,
            Self::LinkHeader(kind) => &kind.stop,
            Self::Custom(_) => return None,
            Self::Single(kind) => {
                let only = &kind.first_page_only;
                let reads = "reads the first page only".to_owned();
                let end = EarlyEnd { key: "first_page_only", reads, place: &only.place };
                return only.value.then_some(end);
            }
        };
        let most = &stop.value.max_pages;
        let reads = match most.value? {
            1 => "reads one page only".to_owned(),
            many => format!("reads at most {many} pages"),
        };
        Some(EarlyEnd { key: "max_pages", reads, place: &most.place })
    }
}

/// What each answer says of the end.
#[cfg(feature = "compiler")]
fn stop() -> Key<Stop> {
    absent().brief()
}

/// A name of which each request of a pagination has another value.
#[cfg(feature = "compiler")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PageName {
    /// As it stands in expressions.
    pub(crate) name: &'static str,
    /// The key of the parameter that takes the value.
    pub(crate) key: &'static str,
    /// Whether there is one.
    pub(crate) has_param: bool,
}

#[cfg(feature = "compiler")]
impl PaginationSpec {
    /// The name that the requests of a kind have.
    pub(crate) fn name(&self) -> Option<PageName> {
        let (name, key, has_param) = match self {
            Self::Cursor(kind) => ("cursor", "cursor_param", kind.cursor_param.value.is_some()),
            Self::PageNumber(kind) => ("page", "page_param", kind.page_param.value.is_some()),
            Self::PageOnly(kind) => ("page", "page_param", kind.page_param.value.is_some()),
            Self::LimitOffset(_)
            | Self::NextUrl(_)
            | Self::LinkHeader(_)
            | Self::Custom(_)
            | Self::Single(_) => return None,
        };
        Some(PageName { name, key, has_param })
    }
}

/// An API may leave the next cursor or URL out where one page holds everything.
#[cfg(feature = "compiler")]
fn may_be_absent() -> Key<bool> {
    default(false).brief().example("true")
}
