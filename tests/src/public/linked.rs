//! Those whose answers say where the next page is: a cursor, a URL or a `Link` header.

use serde_json::{Value, json};

use super::{Item, Model, Reply, text_id};

pub(super) const MODELS: &[Model] =
    &[GITHUB, STRIPE, SHOPIFY, HUBSPOT, ZENDESK, SALESFORCE, SQUARE, HAL, SLACK];

/// `Link` headers with `next` and `last`; the records are the root.
const GITHUB: Model = Model {
    name: "github",
    path: "/repos/octo/demo/issues",
    keys: "
query_params: {per_page: \"30\", state: all}
headers: {Accept: application/vnd.github+json}
auth: {bearer: ghp_test}
pagination: {kind: link_header}
schema: {number: int64!, title: string!, body: string}
",
    select: "number AS id, title, body AS note",
    refuses: None,
    answer: |call| {
        if !call.has("authorization", "Bearer ghp_test") {
            return Reply::status(401);
        }
        let (page, size) = (call.number("page", 1), call.number("per_page", 30));
        let form = |item: &Item| json!({"number": item.id, "title": item.title, "body": item.note});
        let (issues, more) = call.page((page - 1) * size, size, form);
        let to = |page| {
            format!("<{}{}?per_page={size}&state=all&page={page}>", call.origin(), call.path)
        };
        let mut links = vec![format!("{}; rel=\"first\"", to(1))];
        if more {
            links.insert(0, format!("{}; rel=\"next\"", to(page + 1)));
        }
        Reply::json(&issues.into()).header("link", links.join(", "))
    },
};

/// The last record's id is the cursor; `has_more` says whether there is a next page.
const STRIPE: Model = Model {
    name: "stripe",
    path: "/v1/charges",
    keys: "
data_path: /data
auth: {basic: {username: sk_test}}
pagination:
  kind: cursor
  cursor_param: starting_after
  cursor_field: id
  page_size_param: limit
  page_size: 50
  stop: {has_more_path: /has_more}
schema: {id: string!, description: string!, metadata: {note: string}}
",
    select: "id, description AS title, metadata.note AS note",
    refuses: None,
    answer: |call| {
        let start = call.param("starting_after").map_or(0, position);
        let form = |item: &Item| {
            json!({"id": text_id(item.id), "object": "charge", "description": item.title,
                   "metadata": {"note": item.note}})
        };
        let (data, more) = call.page(start, call.number("limit", 10), form);
        Reply::json(
            &json!({"object": "list", "url": "/v1/charges", "has_more": more, "data": data}),
        )
    },
};

/// `Link` headers whose `page_info` is opaque, and stands with `limit` only.
const SHOPIFY: Model = Model {
    name: "shopify",
    path: "/admin/api/2024-10/orders.json",
    keys: "
query_params: {limit: \"40\", status: any}
headers: {X-Shopify-Access-Token: shpat_test}
data_path: /orders
pagination: {kind: link_header}
schema: {id: int64!, name: string!, note: string}
",
    select: "id, name AS title, note",
    refuses: None,
    answer: |call| {
        if !call.has("x-shopify-access-token", "shpat_test") {
            return Reply::status(401);
        }
        let start = match call.param("page_info") {
            // Other parameters are refused beside it, as Shopify does.
            Some(_) if call.param("status").is_some() => return Reply::status(400),
            Some(info) => position(info),
            None => 0,
        };
        let size = call.number("limit", 50);
        let form = |item: &Item| json!({"id": item.id, "name": item.title, "note": item.note});
        let (orders, more) = call.page(start, size, form);
        let reply = Reply::json(&json!({"orders": orders}));
        let to = |start: usize| {
            let info = text_id(start as u64);
            format!("<{}{}?limit={size}&page_info={info}>", call.origin(), call.path)
        };
        match more {
            true => reply.header("link", format!("{}; rel=\"next\"", to(start + size))),
            false => reply,
        }
    },
};

/// `paging.next.after`, and no `paging` on the last page.
const HUBSPOT: Model = Model {
    name: "hubspot",
    path: "/crm/v3/objects/notes",
    keys: "
query_params: {archived: \"false\"}
data_path: /results
pagination:
  kind: cursor
  cursor_param: after
  cursor_path: /paging/next/after
  page_size_param: limit
  page_size: 45
schema: {id: string!, properties: {subject: string!, content: string}}
",
    select: "id, properties.subject AS title, properties.content AS note",
    refuses: None,
    answer: |call| {
        let (start, size) = (call.param("after").map_or(0, position), call.number("limit", 10));
        let form = |item: &Item| {
            json!({"id": text_id(item.id), "archived": false,
                   "properties": {"subject": item.title, "content": item.note}})
        };
        let (results, more) = call.page(start, size, form);
        let after = text_id((start + size) as u64);
        Reply::json(&match more {
            true => json!({"results": results, "paging": {"next": {"after": after, "link": "?…"}}}),
            false => json!({"results": results}),
        })
    },
};

/// The cursor goes on behind the end, which `end_of_stream` says.
const ZENDESK: Model = Model {
    name: "zendesk",
    path: "/api/v2/incremental/tickets/cursor.json",
    keys: "
query_params: {start_time: \"0\"}
data_path: /tickets
pagination:
  kind: cursor
  cursor_param: cursor
  cursor_path: /after_cursor
  stop: {is_last_path: /end_of_stream}
schema: {id: int64!, subject: string!, description: string}
",
    select: "id, subject AS title, description AS note",
    refuses: None,
    answer: |call| {
        let start = call.param("cursor").map_or(0, position);
        let form =
            |item: &Item| json!({"id": item.id, "subject": item.title, "description": item.note});
        let (tickets, more) = call.page(start, 60, form);
        let after = text_id((start + tickets.len()) as u64);
        Reply::json(&json!({"tickets": tickets, "after_cursor": after, "before_cursor": null,
                            "after_url": format!("{}{}?cursor={after}", call.origin(), call.path),
                            "end_of_stream": !more}))
    },
};

/// `nextRecordsUrl` is a path of its own; `done` and `totalSize` say the end.
const SALESFORCE: Model = Model {
    name: "salesforce",
    path: "/services/data/v61.0/query",
    keys: "
query_params: {q: \"SELECT Id, Subject, Description FROM Case\"}
data_path: /records
pagination: {kind: next_url, path: /nextRecordsUrl, stop: {is_last_path: /done, total_path: /totalSize}}
schema: {Id: string!, Subject: string!, Description: string}
",
    select: "Id AS id, Subject AS title, Description AS note",
    refuses: None,
    answer: |call| {
        let start = call.path.rsplit_once('-').map_or(0, |(_, start)| start.parse().expect("one"));
        let form = |item: &Item| {
            json!({"attributes": {"type": "Case"}, "Id": text_id(item.id), "Subject": item.title,
                   "Description": item.note})
        };
        let (records, more) = call.page(start, 100, form);
        let mut answer = json!({"totalSize": call.items.len(), "done": !more, "records": records});
        if more {
            let next = format!("/services/data/v61.0/query/01gD0000002HU6K-{}", start + 100);
            answer["nextRecordsUrl"] = next.into();
        }
        Reply::json(&answer)
    },
};

/// `cursor` beside the records, and none on the last page.
const SQUARE: Model = Model {
    name: "square",
    path: "/v2/payments",
    keys: "
data_path: /payments
pagination: {kind: cursor, cursor_param: cursor, cursor_path: /cursor, may_be_absent: true}
schema: {id: string!, statement: string!, note: string}
",
    select: "id, statement AS title, note",
    refuses: None,
    answer: |call| {
        let start = call.param("cursor").map_or(0, position);
        let form = |item: &Item| json!({"id": text_id(item.id), "statement": item.title, "note": item.note});
        let (payments, more) = call.page(start, 70, form);
        let cursor = text_id((start + 70) as u64);
        Reply::json(&match more {
            true => json!({"payments": payments, "cursor": cursor}),
            false => json!({"payments": payments}),
        })
    },
};

/// HAL: `_links.next.href`, relative; the records are embedded, and counted.
const HAL: Model = Model {
    name: "hal",
    path: "/hal/orders",
    keys: "
headers: {Accept: application/hal+json}
data_path: /_embedded/orders
pagination: {kind: next_url, path: /_links/next/href, stop: {total_path: /page/totalElements}}
schema: {id: int64!, title: string!, note: string}
",
    select: "id, title, note",
    refuses: None,
    answer: |call| {
        let (page, size) = (call.number("page", 0), call.number("size", 64));
        let (orders, more) = call.page(page * size, size, plain);
        let to = |page: usize| json!({"href": format!("/hal/orders?page={page}&size={size}")});
        let mut links = json!({"self": to(page), "first": to(0)});
        if more {
            links["next"] = to(page + 1);
        }
        let total = call.items.len();
        Reply::json(&json!({"_embedded": {"orders": orders}, "_links": links,
                            "page": {"size": size, "number": page, "totalElements": total}}))
    },
};

/// `response_metadata.next_cursor`, which is empty at the end; errors are 200, too.
const SLACK: Model = Model {
    name: "slack",
    path: "/api/conversations.list",
    keys: "
data_path: /channels
auth: {bearer: xoxb-test}
on_response: [{contains: '\"error\":\"ratelimited\"', action: retry, wait: 20ms}]
pagination:
  kind: cursor
  cursor_param: cursor
  cursor_path: /response_metadata/next_cursor
  page_size_param: limit
  page_size: 80
schema: {id: string!, name: string!, topic: {value: string}}
",
    select: "id, name AS title, topic.value AS note",
    refuses: Some(r#"{"ok":false,"error":"ratelimited"}"#),
    answer: |call| {
        let (start, size) = (call.param("cursor").map_or(0, position), call.number("limit", 100));
        let form = |item: &Item| json!({"id": text_id(item.id), "name": item.title, "topic": {"value": item.note}});
        let (channels, more) = call.page(start, size, form);
        let next = if more { text_id((start + size) as u64) } else { String::new() };
        Reply::json(&json!({"ok": true, "channels": channels,
                            "response_metadata": {"next_cursor": next}}))
    },
};

/// `{id, title, note}`.
fn plain(item: &Item) -> Value {
    json!({"id": item.id, "title": item.title, "note": item.note})
}

/// The number in a text id: the items before it and itself.
pub(super) fn position(id: &str) -> usize {
    id.trim_start_matches("id_").parse().expect("an id of ours")
}
