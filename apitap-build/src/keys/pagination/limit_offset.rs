//! `kind: limit_offset`.

use super::{ParamsIn, Stop};
use crate::definition::ParamName;
use crate::keys::declare::keys;

keys! {
    /// `?limit=100&offset=200`, until a page is empty.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct LimitOffset, spec LimitOffsetSpec, kind "limit_offset", also ["offset"] {
        /// The parameter that takes the limit.
        limit_param: ParamName = required("limit").means("size_param"),
        /// The parameter that takes the offset.
        offset_param: ParamName = required("offset"),
        /// Records per page.
        limit: u64 = super::page_size(),
        /// The offset of the first record: 0, or 1 where the API counts from one.
        first_offset: u64 = default(0).example("1").means("first"),
        /// How many requests may be under way at once.
        concurrency: usize = super::concurrency(),
        /// Where the parameters go: the query, or the body.
        params_in: ParamsIn = super::params_in(),
        /// What each answer says of the end.
        stop: Stop = super::stop(),
    }
}
