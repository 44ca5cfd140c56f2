//! Pages that name the next one → requests one after the other, until a page names none.
//!
//! A page that leads back to where the run has been is an error, not an endless run.

use std::sync::Arc;

use apitap_build::definition::{Cursor, NextUrl, Pagination, Pointer};
use url::Url;

use super::body::shortened;
use super::endpoint::Endpoint;
use super::fetch::Answer;
use super::visited::Visited;
use super::{link, same_records};
use crate::source::custom::{self, Follow, Next};
use crate::source::page::{self, Page};
use crate::{Error, Result};

/// The pages of a collection in which each page leads to the next.
pub(super) struct Linked {
    endpoint: Arc<Endpoint>,
    pagination: Arc<Pagination>,
    /// What a pagination that is written in Rust makes of the pages.
    custom: Option<Box<dyn Follow>>,
    /// The next request; `None` at the end.
    next: Option<Url>,
    /// The next page's number.
    number: u64,
    visited: Visited,
    previous: Option<Page>,
}

impl Linked {
    pub(super) fn new(
        endpoint: Arc<Endpoint>,
        pagination: Pagination,
        mut custom: Option<Box<dyn Follow>>,
    ) -> Self {
        let first = match &pagination {
            Pagination::Custom(_) => {
                let params = custom.as_mut().map(|custom| custom.first()).unwrap_or_default();
                endpoint.url(&borrowed(&params))
            }
            Pagination::Cursor(Cursor { page_size_param: Some(param), page_size, .. }) => {
                endpoint.url(&[(param.0.as_str(), page_size.to_string())])
            }
            _ => endpoint.url(&[]),
        };
        let mut visited = Visited::default();
        if !matches!(pagination, Pagination::Cursor(_)) {
            visited.insert(first.as_str());
        }
        let pagination = Arc::new(pagination);
        let next = Some(first);
        Self { endpoint, pagination, custom, next, number: 1, visited, previous: None }
    }

    /// The next page with records.
    pub(super) async fn next(&mut self) -> Result<Option<Page>> {
        while let Some(url) = self.next.take() {
            let fetched = Arc::clone(&self.endpoint).fetch(url, self.number).await;
            let answer = fetched.map_err(|failure| failure.error)?;
            self.endpoint.fetched.count(&answer.page);
            self.number += 1;
            let following = self.following(&answer);
            self.next = following.map_err(|error| error.in_request(&answer.page.request))?;
            if !answer.page.records.is_empty() {
                self.previous = self.next.is_some().then(|| answer.page.clone());
                return Ok(Some(answer.page));
            }
        }
        Ok(None)
    }

    /// The request after this answer; `None` at the end.
    fn following(&mut self, answer: &Answer) -> Result<Option<Url>> {
        let body = &answer.page.body;
        let pagination = Arc::clone(&self.pagination);
        match &*pagination {
            Pagination::Cursor(Cursor {
                cursor_param,
                cursor_path,
                page_size_param,
                page_size,
            }) => {
                let cursor_param = cursor_param.0.as_str();
                let ignored = format!("`{cursor_param}`");
                if let Some(error) = self.repeated(&answer.page, &ignored, "check `cursor_param`") {
                    return Err(error);
                }
                let Some(cursor) = scalar(body, cursor_path)? else { return Ok(None) };
                if !self.visited.insert(&cursor) {
                    let shown = self.endpoint.secrets.mask(&shortened(&cursor, 100));
                    return Err(Error::data(format!(
                        "the cursor `{shown}` came before: the run would never end"
                    ))
                    .at_path(cursor_path.0.clone())
                    .help(format!(
                        "check `cursor_param`: the API seems to ignore `{cursor_param}`"
                    )));
                }
                let size =
                    page_size_param.iter().map(|name| (name.0.as_str(), page_size.to_string()));
                let params: Vec<_> = size.chain([(cursor_param, cursor)]).collect();
                Ok(Some(self.endpoint.url(&params)))
            }
            Pagination::LinkHeader => {
                let next = link::next(&answer.links).map_err(|value| {
                    let shown = self.endpoint.secrets.mask(&shortened(&value, 200));
                    Error::data(format!("the `Link` header is not a list of links: `{shown}`"))
                        .help("without it the next page is not known; try another `pagination`")
                })?;
                next.map(|next| self.follow(answer, &next)).transpose()
            }
            Pagination::NextUrl(NextUrl { path }) => {
                let next = scalar(body, path)?;
                let url = next.map(|next| self.follow(answer, &next)).transpose();
                url.map_err(|error| error.at_path(path.0.clone()))
            }
            Pagination::Custom(custom) => self.custom(answer, &custom.path),
            Pagination::None
            | Pagination::LimitOffset(_)
            | Pagination::PageNumber(_)
            | Pagination::PageOnly(_) => Ok(None),
        }
    }

    fn follow(&mut self, answer: &Answer, reference: &str) -> Result<Url> {
        let url = self.endpoint.follow(&answer.url, reference)?;
        self.new_place(url)
    }

    /// The URL, where it was not requested before.
    fn new_place(&mut self, url: Url) -> Result<Url> {
        if self.visited.insert(url.as_str()) {
            return Ok(url);
        }
        let label = self.endpoint.label(&url);
        Err(Error::data(format!(
            "the next page is one that was requested before: the run would never end (`{label}`)"
        ))
        .help("the API's pages lead in a circle; try another `pagination`"))
    }

    /// The request that the user's own code says.
    fn custom(&mut self, answer: &Answer, path: &str) -> Result<Option<Url>> {
        let ignored = format!("what `{path}` asks for");
        if let Some(error) = self.repeated(&answer.page, &ignored, "check how it asks") {
            return Err(error);
        }
        let Some(custom) = &mut self.custom else { return Ok(None) };
        let next = custom.next(&custom::Answer {
            url: &answer.url,
            status: answer.status.as_u16(),
            headers: &answer.headers,
            body: &answer.page.body,
            number: answer.page.number,
            records: answer.page.records.len(),
        })?;
        match next {
            Next::End => Ok(None),
            Next::Params(params) => self.new_place(self.endpoint.url(&borrowed(&params))).map(Some),
            Next::Url(reference) => self.follow(answer, &reference).map(Some),
        }
    }

    /// An error where the page has just the records of the page before it.
    fn repeated(&self, page: &Page, ignored: &str, help: &str) -> Option<Error> {
        let previous = self.previous.as_ref()?;
        same_records(previous, page).then(|| {
            Error::data(format!(
                "page {} repeats page {}: the API seems to ignore {ignored}",
                page.number, previous.number
            ))
            .help(help)
        })
    }
}

fn borrowed(params: &[(String, String)]) -> Vec<(&str, String)> {
    params.iter().map(|(name, value)| (name.as_str(), value.clone())).collect()
}

/// What the body says about the next page; an empty body says nothing.
fn scalar(body: &[u8], path: &Pointer) -> Result<Option<String>> {
    if body.is_empty() { Ok(None) } else { page::scalar_at(body, path) }
}
