//! Those that ask for a token of an OAuth 2.0 server, which is good for some requests only: with a secret of
//! the program's, with refresh tokens that are replaced with each use, and for a job that prepares a file.

use serde_json::{Value, json};
use url::form_urlencoded;

use super::exports::quoted;
use super::linked::position;
use super::{Call, Item, Model, Reply, Served, text_id};

pub(super) const MODELS: &[Model] = &[SALESFORCE_JOBS, PAYPAL, XERO];

/// Who gives tokens to those that ask at `/oauth2/NAME/token`.
pub(super) const SERVER: Served = Served { path: "/oauth2/", refuses: None, answer: token };

/// The tokens that an API has given.
#[derive(Debug, Default)]
pub(super) struct Given {
    /// How many.
    count: u64,
    /// How many requests the last one was on.
    used: u64,
}

/// How many requests a token is good for.
const GOOD_FOR: u64 = 3;

/// `tester:s3cr3t-0f-ours`, as the header of a client has it.
const CLIENT: &str = "Basic dGVzdGVyOnMzY3IzdC0wZi1vdXJz";

/// A token in place of the last one. A refresh token is good until the one that replaces it was used, as
/// where an answer may get lost.
fn token(call: &Call<'_>) -> Reply {
    let form: Vec<_> = form_urlencoded::parse(call.body).collect();
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| &**value);
    let name = call.path.split('/').nth(2).expect("the name of an API").to_owned();
    let mut memory = call.memory.lock().unwrap();
    let given = memory.tokens.entry(name.clone()).or_default();
    let is_known = match field("grant_type") {
        Some("client_credentials") => {
            given.count += 1;
            true
        }
        Some("refresh_token") => {
            let sent = field("refresh_token").and_then(|token| token.strip_prefix("refresh-"));
            let sent: Option<u64> = sent.and_then(|number| number.parse().ok());
            let is_new = sent == Some(given.count);
            given.count += u64::from(is_new);
            is_new || sent.is_some_and(|sent| sent + 1 == given.count)
        }
        _ => false,
    };
    if !is_known || !call.has("authorization", CLIENT) {
        return Reply { status: 400, ..Reply::json(&json!({"error": "invalid_grant"})) }.repeated();
    }
    given.used = 0;
    let mut answer = json!({"token_type": "Bearer", "expires_in": 3600,
                            "access_token": format!("{name}-{}", given.count)});
    if field("grant_type") == Some("refresh_token") {
        answer["refresh_token"] = format!("refresh-{}", given.count).into();
    }
    Reply::json(&answer).repeated()
}

impl Call<'_> {
    /// Whether the last token of an API is on the request, and has not ended.
    fn is_allowed(&self, api: &str) -> bool {
        let mut memory = self.memory.lock().unwrap();
        let Some(given) = memory.tokens.get_mut(api) else { return false };
        let is_last = self.has("authorization", &format!("Bearer {api}-{}", given.count));
        given.used += u64::from(is_last);
        is_last && given.used <= GOOD_FOR
    }
}

/// Query jobs of the Bulk API 2.0: created, asked for, and read as CSV by `Sforce-Locator`.
const SALESFORCE_JOBS: Model = Model {
    name: "salesforce_jobs",
    path: "/services/data/v60.0/jobs/query/{job}/results",
    keys: "
format: csv
auth:
  oauth2:
    grant: client_credentials
    token_url: HOST/oauth2/salesforce_jobs/token
    client_id: tester
    client_secret: s3cr3t-0f-ours
job:
  create:
    url: /services/data/v60.0/jobs/query
    body: {json: {operation: query, query: \"SELECT Id, Subject, Description FROM Case\"}}
  poll: {url: \"/services/data/v60.0/jobs/query/{job}\"}
  every: 5ms
  done_when: body(\"/state\") == \"JobComplete\"
  failed_when: body(\"/state\") == \"Failed\" or body(\"/state\") == \"Aborted\"
pagination:
  kind: cursor
  cursor_param: locator
  cursor_header: Sforce-Locator
  page_size_param: maxRecords
  page_size: 60
schema: {Id: string!, Subject: string!, Description: string}
",
    select: "Id AS id, Subject AS title, Description AS note",
    refuses: None,
    answer: |call| {
        if !call.is_allowed("salesforce_jobs") {
            return Reply {
                status: 401,
                ..Reply::json(&json!([{"errorCode": "INVALID_SESSION_ID"}]))
            };
        }
        let rest = call.path.split_once("/jobs/query").map_or("", |(_, rest)| rest);
        let state = |state: &str| Reply::json(&json!({"id": "750R0000000zlh9IAA", "state": state}));
        match rest {
            "" if call.json()["operation"] == "query" => state("UploadComplete"),
            "/750R0000000zlh9IAA" => {
                let mut memory = call.memory.lock().unwrap();
                let polls = memory.polls.entry("salesforce_jobs".to_owned()).or_default();
                *polls += 1;
                state(if *polls < 4 { "InProgress" } else { "JobComplete" }).repeated()
            }
            "/750R0000000zlh9IAA/results" => {
                let start = call.param("locator").map_or(0, position);
                let size = call.number("maxRecords", 50_000);
                let (records, more) = call.page(start, size, row);
                let lines: String = records.iter().filter_map(Value::as_str).collect();
                let next = if more { text_id((start + size) as u64) } else { "null".to_owned() };
                Reply::bytes("text/csv", format!("Id,Subject,Description\n{lines}"))
                    .header("sforce-locator", next)
            }
            _ => Reply::status(404),
        }
    },
};

/// A row of CSV.
fn row(item: &Item) -> Value {
    let note = item.note.as_deref().map(quoted).unwrap_or_default();
    format!("{},{},{note}\n", text_id(item.id), quoted(&item.title)).into()
}

/// A token for a client's secret; the body says where the next page is.
const PAYPAL: Model = Model {
    name: "paypal",
    path: "/v1/billing/plans",
    keys: "
data_path: /plans
auth:
  oauth2:
    grant: client_credentials
    token_url: HOST/oauth2/paypal/token
    client_id: tester
    client_secret: s3cr3t-0f-ours
    scopes: [read]
pagination: {kind: next_url, path: /next}
schema: {id: string!, name: string!, description: string}
",
    select: "id, name AS title, description AS note",
    refuses: None,
    answer: |call| {
        if !call.is_allowed("paypal") {
            return Reply::status(401);
        }
        let (page, size) = (call.number("page", 1), call.number("page_size", 40));
        let form = |item: &Item| json!({"id": text_id(item.id), "name": item.title, "description": item.note});
        let (plans, more) = call.page((page - 1) * size, size, form);
        let next = more.then(|| format!("/v1/billing/plans?page={}&page_size={size}", page + 1));
        Reply::json(&json!({"plans": plans, "next": next}))
    },
};

/// A refresh token that is replaced with each use; the cursor is that of the last record.
const XERO: Model = Model {
    name: "xero",
    path: "/api.xro/2.0/contacts",
    keys: "
data_path: /contacts
auth:
  oauth2:
    grant: refresh_token
    token_url: HOST/oauth2/xero/token
    client_id: tester
    client_secret: s3cr3t-0f-ours
    refresh_token: refresh-0
    token_file: xero.token
pagination: {kind: cursor, cursor_param: after, cursor_field: id, stop: {has_more_path: /more}}
schema: {id: string!, name: string!, note: string}
",
    select: "id, name AS title, note",
    refuses: None,
    answer: |call| {
        if !call.is_allowed("xero") {
            return Reply::status(401);
        }
        let start = call.param("after").map_or(0, position);
        let form =
            |item: &Item| json!({"id": text_id(item.id), "name": item.title, "note": item.note});
        let (contacts, more) = call.page(start, 45, form);
        Reply::json(&json!({"contacts": contacts, "more": more}))
    },
};
