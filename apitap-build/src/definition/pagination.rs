//! How to get from one page to the next: plain data, one type per kind.

use serde::{Deserialize, Serialize};

use super::{Custom, Pointer};

/// The name of a query parameter that apitap sets itself: no other key may set it, too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ParamName(pub String);

impl<T: Into<String>> From<T> for ParamName {
    fn from(name: T) -> Self {
        Self(name.into())
    }
}

/// How to get from one page to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Pagination {
    /// One request holds everything.
    #[default]
    None,
    /// Limits and offsets.
    LimitOffset(LimitOffset),
    /// Numbers and sizes of pages.
    PageNumber(PageNumber),
    /// Numbers of pages.
    PageOnly(PageOnly),
    /// Each body says the next cursor.
    Cursor(Cursor),
    /// `Link: <…>; rel="next"` (RFC 8288); ends where there is none.
    LinkHeader,
    /// Each body holds the next page's URL.
    NextUrl(NextUrl),
    /// What a Rust type makes of each page.
    Custom(Custom),
}

/// `?limit=100&offset=200`; ends at an empty page.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LimitOffset {
    /// The parameter that takes the limit.
    pub limit_param: ParamName,
    /// The parameter that takes the offset.
    pub offset_param: ParamName,
    /// Records per page.
    pub limit: u64,
    /// The offset of the first record: 0, or 1 where the API counts from one.
    pub first_offset: u64,
    /// How many requests may be under way at once.
    pub concurrency: usize,
}

/// `?page=3&per_page=100`; ends at an empty page.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PageNumber {
    /// The parameter that takes the page's number.
    pub page_param: ParamName,
    /// The parameter that takes the page's size.
    pub per_page_param: ParamName,
    /// Records per page.
    pub per_page: u64,
    /// The first page's number.
    pub first_page: u64,
    /// How many requests may be under way at once.
    pub concurrency: usize,
}

/// `?page=3`; ends at an empty page.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PageOnly {
    /// The parameter that takes the page's number.
    pub page_param: ParamName,
    /// The first page's number.
    pub first_page: u64,
    /// How many requests may be under way at once.
    pub concurrency: usize,
}

/// `?after=abc`, where each body says the next cursor; ends where it says null, "" or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cursor {
    /// The parameter that takes the cursor.
    pub cursor_param: ParamName,
    /// Where the body holds the next cursor.
    pub cursor_path: Pointer,
    /// The parameter that takes the page's size, if any.
    pub page_size_param: Option<ParamName>,
    /// Records per page; sent only with `page_size_param`.
    pub page_size: u64,
}

/// The body holds the next page's URL, absolute or relative; ends at null, "" or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NextUrl {
    /// Where the body holds it.
    pub path: Pointer,
}
