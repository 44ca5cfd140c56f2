//! The APIs of `docs/recipes`, as far as those pages ask them: with their records, their filters, and what
//! they require of a request.
//!
//! An item was changed so many minutes after the beginning of 2026 as its number says.

use serde_json::{Value, json};

use super::linked::position;
use super::{Call, Item, Reply, Served, text_id};

/// A page of `docs/recipes`, and the API that stands in for the real one.
pub struct Recipe {
    /// The page, without `.md`.
    pub name: &'static str,
    /// What its addresses begin with.
    pub origin: &'static str,
    /// The variables that it names, beside that of the database.
    pub variables: &'static [(&'static str, &'static str)],
    /// Whether a second run loads less than the first one.
    pub incremental: bool,
    /// What has been loaded: a query of PostgreSQL with a column `row`.
    pub found: &'static str,
    /// What should have been, of each item.
    pub expected: fn(&Item) -> Value,
    /// The API.
    pub served: Served,
}

/// All of them.
pub fn recipes() -> Vec<Recipe> {
    vec![GITHUB, HUBSPOT, JIRA, NOTION, SALESFORCE, SHOPIFY, SLACK, SQUARE, STRIPE, ZENDESK]
}

/// When an item was changed, without its offset.
fn changed(item: &Item) -> String {
    let minutes = item.id;
    let (day, hour, minute) = (1 + minutes / 1440, minutes / 60 % 24, minutes % 60);
    format!("2026-01-{day:02}T{hour:02}:{minute:02}:00.000")
}

/// The same, as seconds since 1970.
fn changed_epoch(item: &Item) -> u64 {
    1_767_225_600 + item.id * 60
}

/// Whether an item was changed since a time as RFC 3339 has it.
fn is_new(item: &Item, since: &str) -> bool {
    changed(item).as_str() >= since.trim_end_matches('Z')
}

/// A page of the items that were changed since then, and whether more follow.
fn page_since(
    call: &Call<'_>,
    since: &str,
    start: usize,
    size: usize,
    form: fn(&Item) -> Value,
) -> (Vec<Value>, bool) {
    let new: Vec<_> = call.items.iter().filter(|item| is_new(item, since)).collect();
    let page = new.iter().skip(start).take(size).map(|item| form(item)).collect();
    (page, start + size < new.len())
}

const GITHUB: Recipe = Recipe {
    name: "github",
    origin: "https://api.github.com",
    variables: &[("GITHUB_TOKEN", "ghp_secret"), ("GITHUB_REPOSITORY", "octo/demo")],
    incremental: true,
    found: "SELECT jsonb_build_array(number, title, author, is_pull_request, updated_at) AS row \
            FROM github_issues ORDER BY number",
    expected: |item| {
        let at = changed(item).replace(".000", "+00:00");
        json!([item.id, item.title, "octocat", item.note.is_none(), at])
    },
    served: Served {
        path: "/repos/octo/demo/issues",
        refuses: None,
        answer: |call| {
            if !call.has("authorization", "Bearer ghp_secret") {
                return Reply::status(401);
            }
            let since = call.param("since").expect("since when").to_owned();
            let (page, size) = (call.number("page", 1), call.number("per_page", 30));
            let form = |item: &Item| {
                let pull = item.note.is_none().then(|| json!({"url": "https://…"}));
                json!({"id": 7_000_000 + item.id, "number": item.id, "title": item.title,
                       "state": "open", "user": {"login": "octocat", "id": 1}, "comments": 2,
                       "labels": [{"id": 5, "name": "bug", "color": "f00"}], "pull_request": pull,
                       "created_at": "2026-01-01T00:00:00Z", "closed_at": null,
                       "updated_at": changed(item).replace(".000", "Z"), "locked": false})
            };
            let (issues, more) = page_since(call, &since, (page - 1) * size, size, form);
            let next = format!(
                "<{}{}?state=all&per_page={size}&since={since}&page={}>; rel=\"next\"",
                call.origin(),
                call.path,
                page + 1
            );
            match more {
                true => Reply::json(&issues.into()).header("link", next),
                false => Reply::json(&issues.into()),
            }
        },
    },
};

const STRIPE: Recipe = Recipe {
    name: "stripe",
    origin: "https://api.stripe.com",
    variables: &[("STRIPE_KEY", "rk_secret")],
    incremental: false,
    found: "SELECT jsonb_build_array(id, amount, description, order_id, created) AS row \
            FROM stripe_charges ORDER BY id",
    expected: |item| {
        let amount = format!("{}.50", item.id);
        let amount: Value = serde_json::from_str(&amount).expect("a number");
        let at = changed(item).replace(".000", "+00:00");
        json!([text_id(item.id), amount, item.title, item.note, at])
    },
    served: Served {
        path: "/v1/charges",
        refuses: None,
        answer: |call| {
            if !call.has("authorization", "Bearer rk_secret") {
                return Reply::status(401);
            }
            call.number("created[gte]", 0);
            let start = call.param("starting_after").map_or(0, position);
            let form = |item: &Item| {
                json!({"id": text_id(item.id), "object": "charge", "amount": item.id * 100 + 50,
                       "currency": "eur", "status": "succeeded", "customer": "cus_1",
                       "description": item.title, "created": changed_epoch(item),
                       "metadata": {"order_id": item.note}, "livemode": true})
            };
            let (data, more) = call.page(start, call.number("limit", 10), form);
            Reply::json(
                &json!({"object": "list", "url": "/v1/charges", "has_more": more, "data": data}),
            )
        },
    },
};

const SHOPIFY: Recipe = Recipe {
    name: "shopify",
    origin: "https://${SHOPIFY_SHOP}.myshopify.com",
    variables: &[("SHOPIFY_TOKEN", "shpat_secret")],
    incremental: true,
    found: "SELECT jsonb_build_array(order_id, name, note, total, country) AS row FROM shopify_orders \
            ORDER BY order_id",
    expected: |item| {
        let total: Value = serde_json::from_str(&format!("{}.95", item.id)).expect("a number");
        json!([item.id, item.title, item.note, total, "DE"])
    },
    served: Served {
        path: "/admin/api/",
        refuses: None,
        answer: |call| {
            if !call.has("x-shopify-access-token", "shpat_secret") {
                return Reply::status(401);
            }
            let asked = call.json();
            let variables = &asked["variables"];
            let since = variables["filter"].as_str().and_then(|filter| filter.split('\'').nth(1));
            let size = variables["first"].as_u64().expect("a size") as usize;
            let start = variables["after"].as_str().map_or(0, position);
            let form = |item: &Item| {
                let total = json!({"shopMoney": {"amount": format!("{}.95", item.id), "currencyCode": "EUR"}});
                json!({"id": format!("gid://shopify/Order/{}", item.id), "name": item.title,
                       "note": item.note, "createdAt": "2026-01-01T00:00:00Z",
                       "updatedAt": changed(item).replace(".000", "Z"), "totalPriceSet": total,
                       "displayFinancialStatus": "PAID", "shippingAddress": {"countryCodeV2": "DE"}})
            };
            let (nodes, more) = page_since(call, since.expect("since when"), start, size, form);
            let info =
                json!({"hasNextPage": more, "endCursor": text_id((start + nodes.len()) as u64)});
            Reply::json(&json!({"data": {"orders": {"nodes": nodes, "pageInfo": info}},
                                "extensions": {"cost": {"requestedQueryCost": 102}}}))
        },
    },
};

const HUBSPOT: Recipe = Recipe {
    name: "hubspot",
    origin: "https://api.hubapi.com",
    variables: &[("HUBSPOT_TOKEN", "pat-secret")],
    incremental: true,
    found: "SELECT jsonb_build_array(id, last_name, email, lifecycle_stage) AS row \
            FROM hubspot_contacts ORDER BY id",
    expected: |item| json!([item.id, item.title, item.note, "lead"]),
    served: Served {
        path: "/crm/v3/objects/contacts",
        refuses: None,
        answer: |call| {
            if !call.has("authorization", "Bearer pat-secret") {
                return Reply::status(401);
            }
            let (start, size) = (call.number("after", 0), call.number("limit", 10));
            let form = |item: &Item| {
                json!({"id": item.id.to_string(), "archived": false,
                       "createdAt": "2026-01-01T00:00:00Z", "updatedAt": changed(item) + "Z",
                       "properties": {"email": item.note, "firstname": null, "lastname": item.title,
                                      "lifecyclestage": "lead", "hs_object_id": item.id.to_string()}})
            };
            let (results, more) = call.page(start, size, form);
            let next = json!({"next": {"after": (start + size).to_string(), "link": "https://…"}});
            Reply::json(&match more {
                true => json!({"results": results, "paging": next}),
                false => json!({"results": results}),
            })
        },
    },
};

const ZENDESK: Recipe = Recipe {
    name: "zendesk",
    origin: "https://${ZENDESK_SUBDOMAIN}.zendesk.com",
    variables: &[("ZENDESK_EMAIL", "me@example.com"), ("ZENDESK_TOKEN", "s3cret")],
    incremental: true,
    found: "SELECT jsonb_build_array(id, subject, description, priority) AS row \
            FROM zendesk_tickets ORDER BY id",
    expected: |item| json!([item.id, item.title, item.note, "high"]),
    served: Served {
        path: "/api/v2/incremental/tickets/cursor.json",
        refuses: None,
        answer: |call| {
            // me@example.com/token:s3cret
            if !call.has("authorization", "Basic bWVAZXhhbXBsZS5jb20vdG9rZW46czNjcmV0") {
                return Reply::status(401);
            }
            let since = call.number("start_time", 0) as u64;
            let first = call.items.iter().position(|item| changed_epoch(item) >= since);
            let first = first.unwrap_or(call.items.len());
            let start = call.param("cursor").map_or(first, position);
            let form = |item: &Item| {
                json!({"id": item.id, "subject": item.title, "description": item.note,
                       "status": "open", "priority": "high", "requester_id": 1, "assignee_id": null,
                       "tags": ["vip"], "created_at": "2026-01-01T00:00:00Z",
                       "updated_at": changed(item).replace(".000", "Z"), "via": {"channel": "web"}})
            };
            let (tickets, more) = call.page(start, 150, form);
            let after = text_id((start + tickets.len()) as u64);
            let url = format!("{}{}?cursor={after}", call.origin(), call.path);
            Reply::json(&json!({"tickets": tickets, "after_cursor": after, "after_url": url,
                                "before_cursor": null, "end_of_stream": !more}))
        },
    },
};

/// The API has two channels; the program is in the first one only.
const SLACK: Recipe = Recipe {
    name: "slack",
    origin: "https://slack.com",
    variables: &[("SLACK_TOKEN", "xoxb-secret")],
    incremental: false,
    found: "SELECT jsonb_build_array(ts, text, c.name) AS row \
            FROM slack_messages m JOIN slack_channels c ON c.id = m.channel ORDER BY ts",
    expected: |item| json!([format!("{}.000100", changed_epoch(item)), item.title, "general"]),
    served: Served {
        path: "/api/conversations.",
        refuses: None,
        answer: |call| {
            if !call.has("authorization", "Bearer xoxb-secret") {
                return Reply::json(&json!({"ok": false, "error": "invalid_auth"}));
            }
            if call.path.ends_with(".list") {
                let channel = |id: &str, name: &str| {
                    json!({"id": id, "name": name, "is_archived": false,
                           "topic": {"value": "all of it", "creator": "U1"}})
                };
                return Reply::json(&json!({
                    "ok": true,
                    "channels": [channel("C1", "general"), channel("C2", "secret")],
                    "response_metadata": {"next_cursor": ""}}));
            }
            if call.param("channel") != Some("C1") {
                return Reply::json(&json!({"ok": false, "error": "not_in_channel"}));
            }
            call.number("oldest", 0);
            let (start, size) =
                (call.param("cursor").map_or(0, position), call.number("limit", 100));
            let form = |item: &Item| {
                json!({"type": "message", "ts": format!("{}.000100", changed_epoch(item)),
                       "user": "U1", "text": item.title, "blocks": []})
            };
            let (messages, more) = call.page(start, size, form);
            let mut answer = json!({"ok": true, "messages": messages, "has_more": more});
            if more {
                let next = text_id((start + size) as u64);
                answer["response_metadata"] = json!({"next_cursor": next});
            }
            Reply::json(&answer)
        },
    },
};

const NOTION: Recipe = Recipe {
    name: "notion",
    origin: "https://api.notion.com",
    variables: &[("NOTION_TOKEN", "ntn_secret"), ("NOTION_DATABASE", "d0")],
    incremental: true,
    found: "SELECT jsonb_build_array(name, status, points) AS row FROM notion_tasks ORDER BY id",
    expected: |item| json!([item.title, item.note, item.id]),
    served: Served {
        path: "/v1/databases/d0/query",
        refuses: None,
        answer: |call| {
            if !call.has("authorization", "Bearer ntn_secret")
                || !call.has("notion-version", "2022-06-28")
            {
                return Reply::status(401);
            }
            let asked = call.json();
            let since = asked["filter"]["last_edited_time"]["on_or_after"].as_str();
            let size = asked["page_size"].as_u64().expect("a size") as usize;
            let start = asked["start_cursor"].as_str().map_or(0, position);
            let form = |item: &Item| {
                let status = item.note.as_ref().map(|note| json!({"name": note, "color": "green"}));
                json!({"object": "page", "id": format!("00000000-0000-4000-8000-{:012}", item.id),
                       "created_time": "2026-01-01T00:00:00.000Z",
                       "last_edited_time": changed(item) + "Z", "archived": false,
                       "url": "https://www.notion.so/x", "properties": {
                           "Name": {"type": "title", "title": [{"plain_text": item.title}]},
                           "Status": {"type": "status", "status": status},
                           "Points": {"type": "number", "number": item.id}}})
            };
            let (results, more) = page_since(call, since.expect("since when"), start, size, form);
            let next = more.then(|| text_id((start + results.len()) as u64));
            Reply::json(&json!({"object": "list", "results": results, "next_cursor": next,
                                "has_more": more}))
        },
    },
};

const SALESFORCE: Recipe = Recipe {
    name: "salesforce",
    origin: "https://${SALESFORCE_DOMAIN}.my.salesforce.com",
    variables: &[("SALESFORCE_CLIENT_ID", "3MVG9"), ("SALESFORCE_CLIENT_SECRET", "s3cret")],
    incremental: true,
    found: "SELECT jsonb_build_array(id, name, stage, amount, updated_at) AS row \
            FROM salesforce_opportunities ORDER BY id",
    expected: |item| {
        let amount: Value = serde_json::from_str(&format!("{}.50", item.id)).expect("a number");
        let at = changed(item).replace(".000", "+00:00");
        json!([text_id(item.id), item.title, item.note, amount, at])
    },
    served: Served {
        path: "/services/",
        refuses: None,
        answer: |call| {
            if call.path.ends_with("/oauth2/token") {
                return Reply::json(&json!({"access_token": "00D!x", "token_type": "Bearer",
                                           "instance_url": call.origin()}));
            }
            if !call.has("authorization", "Bearer 00D!x") {
                return Reply::status(401);
            }
            // The next page has an address of its own: the query's, and where it begins.
            let (start, since) = match call.param("q") {
                Some(query) => {
                    let since = query.split(">= ").nth(1).and_then(|rest| rest.split(' ').next());
                    (0, since.expect("since when").to_owned())
                }
                None => {
                    let (_, rest) = call.path.rsplit_once('/').expect("an address");
                    let (since, start) = rest.rsplit_once('-').expect("where it begins");
                    (start.parse().expect("a number"), since.to_owned())
                }
            };
            let form = |item: &Item| {
                let amount: Value = serde_json::from_str(&format!("{}.5", item.id)).expect("one");
                json!({"attributes": {"type": "Opportunity"}, "Id": text_id(item.id),
                       "Name": item.title, "StageName": item.note, "Amount": amount,
                       "CloseDate": "2026-03-31", "AccountId": "001", "IsDeleted": false,
                       "SystemModstamp": changed(item) + "+0000"})
            };
            let all = call.items.iter().filter(|item| is_new(item, &since)).count();
            let (records, more) = page_since(call, &since, start, 200, form);
            let mut answer = json!({"totalSize": all, "done": !more, "records": records});
            if more {
                let next = format!("/services/data/v61.0/query/{since}-{}", start + 200);
                answer["nextRecordsUrl"] = next.into();
            }
            Reply::json(&answer)
        },
    },
};

const JIRA: Recipe = Recipe {
    name: "jira",
    origin: "https://${JIRA_SITE}.atlassian.net",
    variables: &[("JIRA_EMAIL", "me@example.com"), ("JIRA_TOKEN", "s3cret")],
    incremental: false,
    found: "SELECT jsonb_build_array(id, key, summary, status, assignee, updated) AS row \
            FROM jira_issues ORDER BY id",
    expected: |item| {
        let at = changed(item).replace(".000", "+00:00");
        json!([item.id, format!("DEMO-{}", item.id), item.title, "Open", item.note, at])
    },
    served: Served {
        path: "/rest/api/3/search/jql",
        refuses: None,
        answer: |call| {
            // me@example.com:s3cret
            if !call.has("authorization", "Basic bWVAZXhhbXBsZS5jb206czNjcmV0") {
                return Reply::status(401);
            }
            assert!(call.param("jql").is_some_and(|jql| jql.starts_with("updated >= ")));
            let start = call.param("nextPageToken").map_or(0, position);
            let form = |item: &Item| {
                let assignee = item.note.as_ref().map(|note| json!({"displayName": note}));
                json!({"id": item.id.to_string(), "key": format!("DEMO-{}", item.id), "expand": "",
                       "fields": {"summary": item.title, "status": {"name": "Open"},
                                  "issuetype": {"name": "Bug"}, "assignee": assignee,
                                  "created": "2026-01-01T01:00:00.000+0100",
                                  "updated": changed(item) + "+0000", "resolutiondate": null}})
            };
            let (issues, more) = call.page(start, call.number("maxResults", 50), form);
            let mut answer = json!({"issues": issues, "isLast": !more});
            if more {
                answer["nextPageToken"] = text_id((start + issues.len()) as u64).into();
            }
            Reply::json(&answer)
        },
    },
};

const SQUARE: Recipe = Recipe {
    name: "square",
    origin: "https://connect.squareup.com",
    variables: &[("SQUARE_TOKEN", "EAAA-secret")],
    // It looks back over a week, in which all of the items were made.
    incremental: false,
    found: "SELECT jsonb_build_array(id, amount, currency, note) AS row FROM square_payments \
            ORDER BY id",
    expected: |item| json!([text_id(item.id), item.id * 100, "EUR", item.note]),
    served: Served {
        path: "/v2/payments",
        refuses: None,
        answer: |call| {
            if !call.has("authorization", "Bearer EAAA-secret") {
                return Reply::status(401);
            }
            let since = call.param("begin_time").expect("since when").to_owned();
            let start = call.param("cursor").map_or(0, position);
            let form = |item: &Item| {
                json!({"id": text_id(item.id), "status": "COMPLETED", "source_type": "CARD",
                       "amount_money": {"amount": item.id * 100, "currency": "EUR"},
                       "location_id": "L1", "note": item.note, "created_at": changed(item) + "Z",
                       "updated_at": changed(item) + "Z", "receipt_url": "https://…"})
            };
            let (payments, more) = page_since(call, &since, start, call.number("limit", 100), form);
            let cursor = text_id((start + payments.len()) as u64);
            Reply::json(&match more {
                true => json!({"payments": payments, "cursor": cursor}),
                false if payments.is_empty() => json!({}),
                false => json!({"payments": payments}),
            })
        },
    },
};
