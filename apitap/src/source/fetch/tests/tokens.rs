//! Tokens: requested once for all that need them, renewed in time and where they are refused, kept
//! where the server replaces them, and never shown.

use std::path::Path;
use std::sync::atomic::AtomicU64;

use apitap_build::definition::{
    Auth, Body, ClientCredentials, CredentialsIn, Json, Login, OAuth2, RefreshToken, Texts,
};
use base64::Engine;
use serde_json::json;

use super::*;

fn text(text: impl Into<String>) -> Template {
    Template(text.into())
}

/// `scope` tells the tokens of one test from those of another: a process keeps them.
fn client_credentials(server: &Server, credentials_in: CredentialsIn, scope: &str) -> Auth {
    Auth::Oauth2(OAuth2::ClientCredentials(ClientCredentials {
        token_url: text(format!("{}/token", server.url())),
        client_id: text("the-client"),
        client_secret: text("${TOKEN}"),
        scopes: Texts(vec![scope.to_owned(), "read".to_owned()]),
        credentials_in,
    }))
}

fn refresh_token(server: &Server, token: &str, file: Option<&Path>, scope: &str) -> Auth {
    Auth::Oauth2(OAuth2::RefreshToken(RefreshToken {
        token_url: text(format!("{}/token", server.url())),
        client_id: text("the-client"),
        client_secret: None,
        refresh_token: text(token),
        token_file: file.map(|file| text(file.to_str().unwrap())),
        scopes: Texts(vec![scope.to_owned()]),
        credentials_in: CredentialsIn::Header,
    }))
}

fn login(server: &Server, header: &str, scheme: Option<&str>) -> Auth {
    Auth::Login(Login {
        url: text(format!("{}/login", server.url())),
        method: Method::Post,
        body: Some(Body::Json(Json(json!({"user": "me", "password": "${TOKEN}"})))),
        token_path: Pointer("/session/token".to_owned()),
        header: header.to_owned(),
        scheme: scheme.map(str::to_owned),
    })
}

fn with(server: &Server, auth: Auth) -> Source {
    Source { auth: Some(auth), ..source(server, Pagination::default()) }
}

/// `/token` and `/login` give `token-1`, `token-2` and so on with what else the test says; all other
/// paths have a record for the tokens from `first` on.
async fn issuing(
    first: u64,
    others: impl Fn(u64, &Request) -> String + Send + Sync + 'static,
) -> Server {
    let issued = AtomicU64::new(0);
    Server::start(move |request| match request.uri.path() {
        "/token" => {
            let number = issued.fetch_add(1, Relaxed) + 1;
            let others = others(number, request);
            Reply::json(format!(r#"{{"access_token":"token-{number}"{others}}}"#))
        }
        "/login" => {
            let number = issued.fetch_add(1, Relaxed) + 1;
            Reply::json(format!(r#"{{"session":{{"token":"token-{number}"}}}}"#))
        }
        _ => {
            let carried = [request.header("authorization"), request.header("x-session")].concat();
            let number = carried.rsplit_once("token-");
            let number = number.and_then(|(_, number)| number.parse::<u64>().ok());
            match number {
                Some(number) if number >= first => records(0..1),
                _ => Reply::json(format!("no access for {carried}")).with_status(401),
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_does_for_all_sources_that_start_together() {
    let server = issuing(1, |_, _| r#","token_type":"bearer","expires_in":3600"#.to_owned()).await;
    let sources: Vec<_> = (0..50)
        .map(|number| {
            let auth = client_credentials(&server, CredentialsIn::Header, "together");
            let url = text(format!("{}/items/{number}", server.url()));
            Source { url, ..with(&server, auth) }
        })
        .collect();
    for outcome in futures::future::join_all(sources.iter().map(fetch)).await {
        assert_eq!(outcome.shown(), shown(0..1));
    }
    let tokens = server.requests_of("/token");
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].method, "POST");
    assert_eq!(tokens[0].field("grant_type"), "client_credentials");
    assert_eq!(tokens[0].field("scope"), "together read");
    assert_eq!(server.requests().len(), 51);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_is_renewed_once_for_all_that_had_it() {
    let server = issuing(2, |_, _| String::new()).await;
    let sources: Vec<_> = (0..20)
        .map(|_| with(&server, client_credentials(&server, CredentialsIn::Body, "refused")))
        .collect();
    for outcome in futures::future::join_all(sources.iter().map(fetch)).await {
        assert_eq!(outcome.shown(), shown(0..1));
    }
    assert_eq!(server.requests_of("/token").len(), 2);
    // What no token opens is an error that does not ask for ever.
    let server = issuing(9, |_, _| String::new()).await;
    let outcome = fetch(&with(&server, login(&server, "Authorization", None))).await;
    let expected = "error: the API answered `401 Unauthorized`: no access for ***";
    assert_eq!(outcome.shown(), expected);
    assert_eq!(server.requests_of("/login").len(), 2);
}

/// A server that refuses `/items/a` its first two tokens, the second one late, and `/items/b` those of these numbers;
/// tokens last for so many seconds.
async fn refusing_late(b: &'static [u64], lasts: &'static str) -> Server {
    let issued = AtomicU64::new(0);
    Server::start(move |request| {
        let number = request.header("authorization").rsplit_once('-');
        let number = number.and_then(|(_, number)| number.parse().ok()).unwrap_or(0);
        match (request.uri.path(), number) {
            ("/token", _) => {
                let number = issued.fetch_add(1, Relaxed) + 1;
                Reply::json(format!(r#"{{"access_token":"token-{number}","expires_in":{lasts}}}"#))
            }
            ("/items/a", 1) => Reply::status(401),
            ("/items/a", 2) => Reply::status(401).after(Duration::from_millis(900)),
            ("/items/b", number) if b.contains(&number) => Reply::status(401),
            _ => records(0..1),
        }
    })
    .await
}

/// What comes of `/items/a`, and of `/items/b` when the second token is refused there; how many tokens that took.
async fn check_late(
    b: &'static [u64],
    lasts: &'static str,
    scope: &str,
    expected: &str,
    tokens: usize,
) {
    let server = refusing_late(b, lasts).await;
    let auth = client_credentials(&server, CredentialsIn::Header, scope);
    let of = |path: &str| {
        let url = text(format!("{}{path}", server.url()));
        Source { url, ..with(&server, auth.clone()) }
    };
    let (first, second) = (of("/items/a"), of("/items/b"));
    let later = async {
        tokio::time::sleep(Duration::from_millis(450)).await;
        if b.first() != Some(&0) {
            assert_eq!(fetch(&second).await.shown(), shown(0..1));
        }
    };
    let (outcome, ()) = futures::future::join(fetch(&first), later).await;
    assert_eq!(outcome.shown(), expected, "{scope}");
    assert_eq!(server.requests_of("/token").len(), tokens, "{scope}");
}

/// Behind its renewal others may have replaced a token, or used it up; or it has ended.
#[tokio::test]
async fn a_token_that_was_replaced_while_it_was_refused_is_tried_once_more() {
    let (there, refused) = (shown(0..1), "error: the API answered `401 Unauthorized`");
    check_late(&[2], "3600", "replaced", &there, 3).await;
    check_late(&[], "3600", "used up", &there, 3).await;
    check_late(&[0], "0.8", "ended", &there, 3).await;
    // A new one that is refused is no better the next time.
    check_late(&[0], "3600", "in vain", refused, 2).await;
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let server = Server::start({
        let issued = AtomicU64::new(0);
        move |request| match request.uri.path() {
            "/token" => {
                let number = issued.fetch_add(1, Relaxed) + 1;
                Reply::json(format!(r#"{{"access_token":"token-{number}","expires_in":"0.3"}}"#))
            }
            _ if request.number("page") == 0 => records(0..1)
                .header("link", "<?page=2>; rel=next")
                .after(Duration::from_millis(280)),
            _ => records(1..2),
        }
    })
    .await;
    let auth = client_credentials(&server, CredentialsIn::Header, "ends");
    let source = Source {
        auth: Some(auth),
        ..source(&server, Pagination::LinkHeader(LinkHeader::default()))
    };
    assert_eq!(fetch(&source).await.pages.len(), 2);
    let carried: Vec<_> = server
        .requests_of("/items")
        .iter()
        .map(|request| request.header("authorization").to_owned())
        .collect();
    assert_eq!(carried, ["Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn the_client_says_who_it_is_in_the_header_or_in_the_form() {
    let server = issuing(1, |_, _| String::new()).await;
    for place in [CredentialsIn::Header, CredentialsIn::Body] {
        let outcome = fetch(&with(&server, client_credentials(&server, place, "place"))).await;
        assert_eq!(outcome.shown(), shown(0..1));
    }
    let tokens = server.requests_of("/token");
    let encoded: String = url::form_urlencoded::byte_serialize(TOKEN.as_bytes()).collect();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("the-client:{encoded}"));
    assert_eq!(tokens[0].header("authorization"), format!("Basic {basic}"));
    assert_eq!(
        (tokens[0].field("client_id"), tokens[0].field("client_secret")),
        Default::default()
    );
    assert_eq!(tokens[1].header("authorization"), "");
    assert_eq!(tokens[1].field("client_id"), "the-client");
    assert_eq!(tokens[1].field("client_secret"), TOKEN);
}

#[tokio::test]
async fn a_refresh_token_that_the_server_replaces_is_kept_in_its_file() {
    // Each refresh token is good once, as with rotating servers.
    let server = Server::start(|request| match request.uri.path() {
        "/token" => match request.field("refresh_token").as_str() {
            "refresh-0" if request.before < 2 => {
                Reply::json(r#"{"access_token":"token-1","refresh_token":"refresh-1"}"#)
            }
            "refresh-1" => Reply::json(r#"{"access_token":"token-2","refresh_token":"refresh-2"}"#),
            "refresh-9" => Reply::json(r#"{"access_token":"token-9"}"#),
            _ => Reply::json(r#"{"error":"invalid_grant"}"#).with_status(400),
        },
        _ => records(0..1),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.token");
    let kept = || std::fs::read_to_string(&file).unwrap_or_default().trim().to_owned();
    let sent = || {
        let tokens = server.requests_of("/token");
        tokens.iter().map(|request| request.field("refresh_token")).collect::<Vec<_>>()
    };
    // Another scope stands for another process: this one would know the token that it has.
    let run = async |token: &str, scope: &str| {
        fetch(&with(&server, refresh_token(&server, token, Some(&file), scope))).await.shown()
    };
    assert_eq!(run("refresh-0", "first").await, shown(0..1));
    assert_eq!(kept(), "refresh-1");
    assert_eq!(run("refresh-0", "second").await, shown(0..1));
    assert_eq!(
        (kept().as_str(), sent()),
        ("refresh-2", vec!["refresh-0".into(), "refresh-1".into()])
    );
    // What is in the file is no longer taken: somebody has allowed it anew.
    assert_eq!(run("refresh-9", "third").await, shown(0..1));
    assert_eq!(sent()[2..], ["refresh-2", "refresh-9"]);
    let error = run("refresh-8", "fourth").await;
    assert!(error.contains("was answered `400`: {\"error\":\"invalid_grant\"}"), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_an_error_that_says_what_is_lost() {
    let server = issuing(1, |_, _| r#","refresh_token":"refresh-next""#.to_owned()).await;
    let file = Path::new("/nowhere/at/all/shop.token");
    let auth = refresh_token(&server, "refresh-0", Some(file), "unwritten");
    let error = fetch(&with(&server, auth)).await.error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        first_line(&error),
        "`token_file` of source `items` cannot be written: `/nowhere/at/all/shop.token`"
    );
}

#[tokio::test]
async fn a_login_answers_with_the_token_of_all_requests() {
    let carried = async |header: &str, scheme: Option<&str>| {
        let server = issuing(1, |_, _| String::new()).await;
        let outcome = fetch(&with(&server, login(&server, header, scheme))).await;
        assert_eq!(outcome.shown(), shown(0..1));
        let login = &server.requests_of("/login")[0];
        assert_eq!(
            (login.method.as_str(), login.header("content-type")),
            ("POST", "application/json")
        );
        assert_eq!(login.body, json!({"password": TOKEN, "user": "me"}).to_string());
        server.requests_of("/items")[0].header(header).to_owned()
    };
    assert_eq!(carried("Authorization", None).await, "Bearer token-1");
    assert_eq!(carried("Authorization", Some("Token")).await, "Token token-1");
    assert_eq!(carried("X-Session", None).await, "token-1");
}

#[tokio::test]
async fn what_the_token_server_says_is_told_and_what_may_pass_is_asked_again() {
    let check = async |reply: Reply, scope: &str, expected: &str, requests: usize| {
        let server = Server::start(move |_| reply.clone()).await;
        let auth = client_credentials(&server, CredentialsIn::Header, scope);
        let error = fetch(&with(&server, auth)).await.error.unwrap().to_string();
        let error = error.replace(&server.url(), "SERVER");
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("request:  POST SERVER/token\n"), "{error}");
        assert_secret(&error);
        assert_eq!(server.requests().len(), requests, "{error}");
    };
    let says = "the request of source `items` for a token was answered";
    check(
        Reply::json(format!(r#"{{"error":"invalid_client","of":{}}}"#, json!(TOKEN)))
            .with_status(401),
        "401",
        &format!(r#"{says} `401`: {{"error":"invalid_client","of":"***"}}"#),
        1,
    )
    .await;
    check(Reply::status(503), "503", &format!("{says} `503`"), 3).await;
    check(Reply::redirect("http://elsewhere.example"), "302", "do not follow a redirect", 1).await;
    let error = r#"{"error":"bad_verification_code"}"#;
    check(Reply::json(error), "200", &format!("{says} without a token: {error}"), 1).await;
    check(Reply::json("{}"), "none", &format!("{says} without a token"), 1).await;
    check(Reply::json("<html>"), "html", &format!("{says} without a token"), 1).await;
    let server = Server::start(|_| Reply::json(r#"{"access_token":"two\nlines"}"#)).await;
    let auth = client_credentials(&server, CredentialsIn::Header, "lines");
    let error = fetch(&with(&server, auth)).await.error.unwrap();
    assert_eq!(
        first_line(&error),
        "the value of the header `authorization` does not fit into a header"
    );
}

#[tokio::test]
async fn a_token_url_that_is_none_is_a_config_error_before_any_request() {
    let server = Server::start(|_| records([])).await;
    let Auth::Oauth2(OAuth2::ClientCredentials(mut keys)) =
        client_credentials(&server, CredentialsIn::Header, "url")
    else {
        panic!("it is of that kind");
    };
    keys.token_url = text("${NONE:-nonsense}");
    let source = with(&server, Auth::Oauth2(OAuth2::ClientCredentials(keys)));
    let mut environment = Environment::from_iter([("TOKEN", TOKEN)]);
    let error = FetchPlan::resolve(&source, &[], &mut environment).check().unwrap_err();
    assert_eq!(
        first_line(&error),
        "the `token_url` in `auth` of source `items` is not a valid URL"
    );
    assert!(server.requests().is_empty());
}
