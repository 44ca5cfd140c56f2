//! `kind: page_only`.

use super::{ParamsIn, Stop};
use crate::definition::ParamName;
use crate::keys::declare::keys;

keys! {
    /// `?page=3`, until a page is empty.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct PageOnly, spec PageOnlySpec, kind "page_only" {
        /// The parameter that takes the page's number, unless `{page}` stands in the request.
        page_param: Option<ParamName> = optional().example("page"),
        /// The number of the first page.
        first_page: u64 = super::first_page(),
        /// How many requests may be under way at once.
        concurrency: usize = super::concurrency(),
        /// Where the parameters go: the query, or the body.
        params_in: ParamsIn = super::params_in(),
        /// What each answer says of the end.
        stop: Stop = super::stop(),
    }
}
