//! Rust in the pipeline: functions in SQL, signed requests, pages that no key describes.

use apitap::environment::Environment;
use apitap::report::Report;
use apitap_tests::api::Api;
use apitap_tests::collection::{Collection, Pagination};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::runs::{project, run_badly, sqlite_file};

/// `sha256(key, path and query)` in hexadecimal.
fn signature(key: &str, target: &str) -> String {
    let digest = Sha256::digest(format!("{key}\n{target}"));
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the program of a user holds besides its pipelines.
mod shop {
    use apitap::source::custom::{
        Answer, Authenticator, FromSettings, Paginator, Params, Request, Settings, Step,
    };
    use apitap::{Error, Result};

    /// Signs path and query with a key, as many exchanges want it.
    pub(super) struct Signed {
        id: String,
        key: String,
    }

    impl FromSettings for Signed {
        fn from_settings(settings: &Settings) -> Result<Self> {
            Ok(Self {
                id: settings.required("id")?.to_owned(),
                key: settings.required("key")?.to_owned(),
            })
        }
    }

    impl Authenticator for Signed {
        async fn apply(&self, request: &mut Request) -> Result<()> {
            request.set_query_param("key_id", &self.id);
            let url = request.url();
            let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
            let signature = super::signature(&self.key, &target);
            request.set_header("x-signature", &signature)
        }
    }

    /// The last record's number says which page comes next: pages are asked for by number, and the
    /// body counts records.
    pub(super) struct Pages {
        size: u64,
    }

    impl FromSettings for Pages {
        fn from_settings(settings: &Settings) -> Result<Self> {
            let size = settings.required("size")?.parse();
            Ok(Self {
                size: size.map_err(|cause| {
                    Error::config("`size` of `Pages` is not a number").caused_by(cause)
                })?,
            })
        }
    }

    impl Pages {
        fn page(&self, number: Option<u64>) -> Step {
            let number = number.map(|number| ("page", number.to_string()));
            let size = ("per_page", self.size.to_string());
            Step::Ask(Params::query(std::iter::once(size).chain(number)))
        }
    }

    impl Paginator for Pages {
        fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
            let Some(answer) = last else { return Ok(self.page(None)) };
            let body = answer.json()?;
            let last = body["data"].as_array().and_then(|records| records.last()?["id"].as_u64());
            Ok(match last.filter(|last| last % self.size == 0) {
                None => Step::End,
                Some(last) => self.page(Some(last / self.size + 1)),
            })
        }
    }
}

#[apitap::pipeline]
mod domains {
    use std::num::ParseIntError;

    use apitap::types::{DateTime, Decimal, Utc, Uuid};

    #[source(
        name = "customers",
        url = "${API}",
        data_path = "/data",
        auth(custom(
            type = "crate::promises::custom::shop::Signed",
            id = "tester",
            key = "${SHOP_KEY}"
        )),
        pagination(kind = "custom", type = "crate::promises::custom::shop::Pages", size = 50)
    )]
    pub struct Customer {
        pub id: i64,
        pub email: Option<String>,
        pub code: String,
        pub total: Decimal,
        pub seen: DateTime<Utc>,
        pub token: Uuid,
    }

    #[target(type = "sqlite", path = "${OUT}", table = "domains", mode = "merge", key = ["id"])]
    #[sql(
        "
        SELECT id, domain_of(email) AS domain, parsed(code) AS code, doubled(total) AS total,
               day_of(seen) AS day, same(token) AS token, coalesced(email, 'nobody') AS name
        FROM customers WHERE domain_of(email) IS NULL OR domain_of(email) <> 'hidden.example'
    "
    )]
    pub struct Domain {
        pub id: i64,
        pub domain: Option<String>,
        pub code: i32,
        pub total: Decimal,
        pub day: String,
        pub token: Uuid,
        pub name: String,
    }

    /// What stands behind the `@`.
    #[function]
    fn domain_of(email: &str) -> Option<&str> {
        email.split_once('@').map(|(_, domain)| domain)
    }

    #[function]
    fn parsed(code: String) -> Result<i32, ParseIntError> {
        assert!(code != "panic", "this code is not for me");
        code.parse()
    }

    #[function(returns = "decimal(12,2)")]
    fn doubled(total: Decimal) -> Decimal {
        total + total
    }

    #[function]
    fn day_of(seen: DateTime<Utc>) -> String {
        seen.date_naive().to_string()
    }

    #[function]
    fn same(token: Uuid) -> Uuid {
        token
    }

    #[function]
    fn coalesced<'a>(first: Option<&'a str>, second: &'a str) -> &'a str {
        first.unwrap_or(second)
    }
}

fn customers(count: u64, code: impl Fn(u64) -> String) -> Vec<Value> {
    let customer = |id: u64| {
        let email = match id % 10 {
            0 => Value::Null,
            1 => json!("nobody@hidden.example"),
            _ => json!(format!("c{id}@shop{}.example", id % 3)),
        };
        json!({
            "id": id,
            "email": email,
            "code": code(id),
            "total": format!("{id}.25"),
            "seen": "2026-11-24T08:00:00Z",
            "token": "67e55044-10b1-426f-9247-bb680e5fe0c8",
        })
    };
    (1..=count).map(customer).collect()
}

fn collection(customers: Vec<Value>) -> Collection {
    Collection::new(customers, Pagination::page_number()).data_path("/data")
}

/// Runs the pipeline with its records.
fn load(api: &Api, out: &std::path::Path, settings: &[(&str, &str)]) -> Report {
    let url = api.url();
    let mut variables = vec![("API", url.as_str()), ("OUT", out.to_str().unwrap())];
    variables.extend(settings);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(apitap::run_in(domains::PIPELINES, Environment::from_iter(variables)))
}

const KEY: (&str, &str) = ("SHOP_KEY", "s3cr3t-key");

#[test]
fn functions_a_signature_and_pages_of_rust_work_together() {
    let api = Api::serve(collection(customers(150, |id| id.to_string())));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.db");
    let report = load(&api, &out, &[KEY]);
    assert!(report.is_success(), "{report}");
    assert_eq!(
        sqlite_file(&out, "SELECT json_array(count(*), sum(domain IS NULL)) FROM domains"),
        [json!([135, 15])]
    );
    assert_eq!(
        sqlite_file(
            &out,
            "SELECT json_array(id, domain, code, total, day, token, name) FROM domains \
             WHERE id IN (10, 149) ORDER BY id"
        ),
        [
            json!([
                10,
                null,
                10,
                "20.50",
                "2026-11-24",
                "67e55044-10b1-426f-9247-bb680e5fe0c8",
                "nobody"
            ]),
            json!([
                149,
                "shop2.example",
                149,
                "298.50",
                "2026-11-24",
                "67e55044-10b1-426f-9247-bb680e5fe0c8",
                "c149@shop2.example"
            ]),
        ]
    );
    // Every page was asked for once, in its turn, with the signature of its own request.
    assert_eq!(api.pages(), [1, 2, 3, 4]);
    for request in api.requests() {
        assert!(request.query.contains("key_id=tester"), "{}", request.query);
        let target = format!("{}?{}", request.path, request.query);
        assert_eq!(request.headers["x-signature"], signature(KEY.1, &target));
    }
}

#[test]
fn an_error_in_a_function_ends_the_pipeline_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.db");
    let check = |bad: &'static str, expected: &str| {
        let code = move |id: u64| if id == 77 { bad.to_owned() } else { id.to_string() };
        let api = Api::serve(collection(customers(150, code)));
        let report = load(&api, &out, &[KEY]);
        let error = report.pipelines[0].error.as_ref().unwrap().to_string();
        assert_eq!(error, expected);
    };
    check(
        "x",
        "the function `parsed(string)` failed: invalid digit found in string\n  \
         pipeline: domains\n  help:     the message is the function's own",
    );
    check(
        "panic",
        "the function `parsed(string)` panicked: this code is not for me\n  \
         pipeline: domains\n  help:     return an error instead: `Result<T, E>` with an `E` that \
         can be displayed",
    );
}

#[test]
fn what_a_custom_type_needs_is_asked_for_before_the_first_request() {
    let api = Api::serve(collection(customers(1, |id| id.to_string())));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.db");
    let report = load(&api, &out, &[]);
    let error = report.error.as_ref().unwrap().to_string();
    assert!(error.starts_with("`SHOP_KEY` is not set"), "{error}");
    assert_eq!(api.requests().len(), 0);
}

#[test]
fn pages_that_lead_back_are_an_error_and_secrets_stay_out_of_it() {
    use apitap_tests::faults::{Fault, On};
    let echoed = collection(customers(150, |id| id.to_string())).fault(On::page(2), Fault::Page(1));
    let api = Api::serve(echoed);
    let folder = tempfile::tempdir().unwrap();
    let report = load(&api, &folder.path().join("out.db"), &[KEY]);
    let error = report.pipelines[0].error.as_ref().unwrap().to_string();
    assert!(
        error.starts_with(
            "page 2 repeats page 1: the API seems to ignore what \
             `crate::promises::custom::shop::Pages` asks for"
        ),
        "{error}"
    );
    assert!(!error.contains("s3cr3t") && !format!("{report}").contains("s3cr3t"), "{error}");
}

#[test]
fn the_command_checks_what_is_written_in_rust_and_does_not_run_it() {
    let api = Api::serve(Collection::from(customers(1, |id| id.to_string())));
    let sources = format!(
        "sources:\n  - name: customers\n    url: {}\n    schema: {{id: int64!, email: string}}\n\
         functions:\n  domain_of: {{path: \"crate::domain_of\", arguments: {{email: string!}}, \
         returns: string}}",
        api.url()
    );
    let sql = "SELECT id, domain_of(email) AS domain FROM {{ use_source(\"customers\") }}";
    let error = run_badly(&project(&sources, &[("domains", sql)]));
    assert!(
        error.starts_with(
            "the function `domain_of` is written in Rust, and is not in this program\n  \
             pipeline: domains"
        ),
        "{error}"
    );
    assert_eq!(api.requests().len(), 0);
}
