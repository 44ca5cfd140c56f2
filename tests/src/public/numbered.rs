//! Those that are asked by numbers.

use serde_json::json;

use super::{Item, Model, Reply};

pub(super) const MODELS: &[Model] = &[JIRA, PAGES];

/// `startAt` and `maxResults`, which it caps; `total` counts.
const JIRA: Model = Model {
    name: "jira",
    path: "/rest/api/2/search",
    keys: "
query_params: {jql: \"project = DEMO ORDER BY id\"}
data_path: /issues
pagination:
  kind: limit_offset
  limit_param: maxResults
  offset_param: startAt
  limit: 50
  stop: {total_path: /total}
schema: {id: int64!, key: string!, fields: {summary: string!, description: string}}
",
    select: "id, fields.summary AS title, fields.description AS note",
    refuses: None,
    answer: |call| {
        let (start, size) = (call.number("startAt", 0), call.number("maxResults", 50).min(100));
        let form = |item: &Item| {
            json!({"id": item.id, "key": format!("DEMO-{}", item.id),
                   "fields": {"summary": item.title, "description": item.note}})
        };
        let (issues, _) = call.page(start, size, form);
        let total = call.items.len();
        Reply::json(
            &json!({"startAt": start, "maxResults": size, "total": total, "issues": issues}),
        )
    },
};

/// Pages from 0 with a count of pages, records spread over the groups of a page.
const PAGES: Model = Model {
    name: "grouped",
    path: "/grouped",
    keys: "
data_path: /groups/*/members
pagination:
  kind: page_number
  page_param: page
  per_page_param: size
  per_page: 48
  first_page: 0
  stop: {total_pages_path: /totalPages}
schema: {id: int64!, title: string!, note: string}
",
    select: "id, title, note",
    refuses: None,
    answer: |call| {
        let (page, size) = (call.number("page", 0), call.number("size", 20));
        let form = |item: &Item| json!({"id": item.id, "title": item.title, "note": item.note});
        let (members, _) = call.page(page * size, size, form);
        let groups: Vec<_> = members
            .chunks(7)
            .enumerate()
            .map(|(index, members)| json!({"name": format!("group {index}"), "members": members}))
            .chain([json!({"name": "empty", "members": null})])
            .collect();
        let pages = call.items.len().div_ceil(size);
        Reply::json(&json!({"totalPages": pages, "number": page, "groups": groups}))
    },
};
