//! Those that are asked with a body.

use serde_json::json;

use super::linked::position;
use super::{Item, Model, Reply, text_id};

pub(super) const MODELS: &[Model] = &[NOTION, GRAPHQL, SQUARE_ORDERS];

/// `start_cursor` in the body; `next_cursor` and `has_more` in the answer.
const NOTION: Model = Model {
    name: "notion",
    path: "/v1/databases/d0/query",
    keys: "
headers: {Notion-Version: \"2022-06-28\"}
body: {json: {filter: {property: Done, checkbox: {equals: false}}}}
data_path: /results
pagination:
  kind: cursor
  cursor_param: start_cursor
  cursor_path: /next_cursor
  page_size_param: page_size
  page_size: 90
  params_in: body
  stop: {has_more_path: /has_more}
schema: {id: string!, properties: {title: string!, note: string}}
",
    select: "id, properties.title AS title, properties.note AS note",
    refuses: None,
    answer: |call| {
        let asked = call.json();
        let (Some(size), true) = (asked["page_size"].as_u64(), asked["filter"].is_object()) else {
            return Reply::status(400);
        };
        let start = asked["start_cursor"].as_str().map_or(0, position);
        let form = |item: &Item| {
            json!({"object": "page", "id": text_id(item.id),
                   "properties": {"title": item.title, "note": item.note}})
        };
        let (results, more) = call.page(start, size as usize, form);
        let next = more.then(|| text_id((start + results.len()) as u64));
        Reply::json(&json!({"object": "list", "results": results, "next_cursor": next,
                            "has_more": more}))
    },
};

/// The cursor is a variable of the query; `pageInfo` says the end.
const GRAPHQL: Model = Model {
    name: "graphql",
    path: "/graphql",
    keys: "
body:
  json:
    query: \"query($first: Int, $after: String) { orders(first: $first, after: $after) { nodes } }\"
    variables: {}
data_path: /data/orders/nodes
pagination:
  kind: cursor
  cursor_param: /variables/after
  cursor_path: /data/orders/pageInfo/endCursor
  page_size_param: /variables/first
  page_size: 75
  params_in: body
  stop: {has_more_path: /data/orders/pageInfo/hasNextPage}
schema: {id: string!, title: string!, note: string}
",
    select: "id, title, note",
    refuses: None,
    answer: |call| {
        let asked = call.json();
        let variables = &asked["variables"];
        let (Some(size), true) = (variables["first"].as_u64(), asked["query"].is_string()) else {
            return Reply::json(&json!({"errors": [{"message": "no query"}]}));
        };
        let start = variables["after"].as_str().map_or(0, position);
        let form =
            |item: &Item| json!({"id": text_id(item.id), "title": item.title, "note": item.note});
        let (nodes, more) = call.page(start, size as usize, form);
        let end = text_id((start + nodes.len()) as u64);
        Reply::json(&json!({"data": {"orders": {"nodes": nodes,
                            "pageInfo": {"endCursor": end, "hasNextPage": more}}}}))
    },
};

/// `cursor` in the body of the request and of the answer, where there are more.
const SQUARE_ORDERS: Model = Model {
    name: "square_orders",
    path: "/v2/orders/search",
    keys: "
body: {json: {location_ids: [L1], limit: 85}}
data_path: /orders
pagination:
  kind: cursor
  cursor_param: cursor
  cursor_path: /cursor
  params_in: body
  may_be_absent: true
schema: {id: string!, title: string!, note: string}
",
    select: "id, title, note",
    refuses: None,
    answer: |call| {
        let asked = call.json();
        let size = asked["limit"].as_u64().unwrap_or(500) as usize;
        let start = asked["cursor"].as_str().map_or(0, position);
        let form =
            |item: &Item| json!({"id": text_id(item.id), "title": item.title, "note": item.note});
        let (orders, more) = call.page(start, size, form);
        let mut answer = json!({"orders": orders});
        if more {
            answer["cursor"] = text_id((start + size) as u64).into();
        }
        Reply::json(&answer)
    },
};
