//! Who we are: on every request to the source's server, on no other, and in no message.

use apitap_build::definition::{ApiKey, ApiKeyPlace, Auth, Basic};
use base64::Engine;

use super::*;

fn token() -> Template {
    Template("${TOKEN}".to_owned())
}

fn api_key(place: ApiKeyPlace) -> Auth {
    Auth::ApiKey(ApiKey { place, name: "x-key".to_owned(), value: token() })
}

fn every_auth() -> [Auth; 5] {
    [
        Auth::Bearer(token()),
        Auth::Basic(Basic { username: Template("me".to_owned()), password: token() }),
        api_key(ApiKeyPlace::Header),
        api_key(ApiKeyPlace::Query),
        api_key(ApiKeyPlace::Cookie),
    ]
}

/// Where a request carries credentials: `place=value`.
fn carried(request: &Request) -> String {
    let mut found = Vec::new();
    for name in ["authorization", "x-key", "cookie"] {
        let value = request.header(name);
        if !value.is_empty() {
            found.push(format!("{name}={value}"));
        }
    }
    let param = request.param("x-key");
    if !param.is_empty() {
        found.push(format!("query={param}"));
    }
    found.join(" ")
}

#[tokio::test]
async fn credentials_are_in_their_place_on_every_page() {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("me:{TOKEN}"));
    let places = [
        format!("authorization=Bearer {TOKEN}"),
        format!("authorization=Basic {basic}"),
        format!("x-key={TOKEN}"),
        format!("query={TOKEN}"),
        format!("cookie=theme=dark; x-key={TOKEN}"),
    ];
    for (auth, expected) in every_auth().into_iter().zip(places) {
        let server = Server::start(|request| match request.number("page") {
            0 => records(0..1).header("link", "<?page=2>; rel=next"),
            _ => records(1..2),
        })
        .await;
        let mut source = source(&server, Pagination::LinkHeader(LinkHeader::default()));
        if matches!(auth, Auth::ApiKey(ApiKey { place: ApiKeyPlace::Cookie, .. })) {
            source.headers = vec![("Cookie".to_owned(), Template("theme=dark".to_owned()))];
        }
        source.auth = Some(auth);
        assert_eq!(fetch(&source).await.pages.len(), 2);
        let found: Vec<String> = server.requests().iter().map(carried).collect();
        assert_eq!(found, [expected.clone(), expected]);
    }
}

#[tokio::test]
async fn a_refusal_says_where_the_credentials_are_written() {
    for (place, help) in [
        ("none", "the API requires authentication: add `auth`"),
        ("auth", "the API does not accept the credentials: check `auth`"),
        ("header", "the API does not accept the credentials: check the header `X-Api-Key`"),
        ("param", "the API does not accept the credentials: check the parameter `access_token`"),
        ("url", "the API does not accept the credentials: check the user in `url`"),
    ] {
        let server = Server::start(|_| Reply::status(401)).await;
        let mut source = source(&server, Pagination::default());
        let written = |name: &str| vec![(name.to_owned(), token())];
        match place {
            "auth" => source.auth = Some(api_key(ApiKeyPlace::Query)),
            "header" => source.headers = written("X-Api-Key"),
            "param" => source.query_params = written("access_token"),
            "url" => source.url = Template(server.url().replace("http://", "http://me:p@")),
            _ => {}
        }
        let error = fetch(&source).await.error.unwrap().to_string();
        assert!(error.ends_with(&format!("help:     {help}")), "{place}: {error}");
    }
}

#[tokio::test]
async fn a_user_in_the_url_becomes_basic_authorization() {
    let server = Server::start(|_| Reply::status(500)).await;
    let mut source = source(&server, Pagination::default());
    source.url = Template(server.url().replace("http://", "http://me:p%40ss@"));
    let error = fetch(&source).await.error.unwrap().to_string();
    let basic = base64::engine::general_purpose::STANDARD.encode("me:p@ss");
    assert_eq!(carried(&server.requests()[0]), format!("authorization=Basic {basic}"));
    assert!(error.contains(&format!("request:  GET {}/\n", server.url())), "{error}");
}

#[tokio::test]
async fn headers_are_sent_and_json_is_asked_for() {
    let server = Server::start(|_| records([])).await;
    let mut source = source(&server, Pagination::default());
    source.headers = vec![("X-Version".to_owned(), Template("v${TOKEN}".to_owned()))];
    fetch(&source).await;
    let request = &server.requests()[0];
    assert_eq!(request.header("x-version"), format!("v{TOKEN}"));
    assert_eq!(request.header("accept"), "application/json");
    assert_eq!(request.header("user-agent"), concat!("apitap/", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.header("accept-encoding"), "zstd,gzip,br");
    source.headers.push(("Accept".to_owned(), Template("application/hal+json".to_owned())));
    fetch(&source).await;
    assert_eq!(server.requests()[1].header("accept"), "application/hal+json");
}

#[tokio::test]
async fn redirects_keep_credentials_on_the_same_server() {
    for auth in every_auth() {
        let server = Server::start(|request| match request.uri.path() {
            "/items" => Reply::redirect("/v2/items"),
            _ => records(0..1),
        })
        .await;
        let source = Source { auth: Some(auth), ..source(&server, Pagination::default()) };
        assert_eq!(fetch(&source).await.shown(), shown(0..1));
        let found: Vec<String> = server.requests().iter().map(carried).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].contains(['=']) && found[0] == found[1], "{found:?}");
    }
}

#[tokio::test]
async fn redirects_leave_credentials_behind_on_the_way_to_another_server() {
    for auth in every_auth() {
        let other = Server::start(|_| records(0..1)).await;
        let location = format!("{}/elsewhere", other.url());
        let server = Server::start(move |_| Reply::redirect(&location)).await;
        let mut source = source(&server, Pagination::default());
        source.headers = vec![("x-secret".to_owned(), token())];
        source.auth = Some(auth);
        assert_eq!(fetch(&source).await.shown(), shown(0..1));
        let requests = other.requests();
        assert_eq!(requests.len(), 1);
        assert_eq!((carried(&requests[0]).as_str(), requests[0].header("x-secret")), ("", ""));
        assert_eq!(requests[0].header("accept"), "application/json");
        assert_secret(&format!("{requests:?}"));
    }
}

#[tokio::test]
async fn credentials_in_an_address_that_a_server_repeats_go_to_no_other_server() {
    let every = every_auth().map(Some).into_iter().chain([None]);
    for auth in every {
        let other = Server::start(|_| records(0..1)).await;
        let elsewhere = other.url();
        // As `return 301 https://other$request_uri` of nginx does.
        let server =
            Server::start(move |request| Reply::redirect(format!("{elsewhere}{}", request.uri)))
                .await;
        let mut source = source(&server, Pagination::default());
        let in_query = match &auth {
            Some(Auth::ApiKey(key)) => key.place == ApiKeyPlace::Query,
            Some(_) => false,
            None => {
                source.query_params = vec![("api_token".to_owned(), token())];
                true
            }
        };
        source.auth = auth;
        let outcome = fetch(&source).await;
        let expected = match in_query {
            true => format!(
                "error: the API redirects to `{}` with the source's credentials in the URL",
                other.url()
            ),
            false => shown(0..1),
        };
        assert_eq!(outcome.shown(), expected);
        assert_eq!(other.requests().len(), usize::from(!in_query));
        // Where the source says so, they go along.
        source.allow_hosts = vec![format!("127.0.0.1:{}", other.port())];
        assert_eq!(fetch(&source).await.shown(), shown(0..1));
    }
}

#[tokio::test]
async fn a_post_that_is_redirected_says_where_it_leads() {
    let server = Server::start(|_| Reply::redirect("/v2/items?x=1")).await;
    let mut source = source(&server, Pagination::default());
    source.method = Method::Post;
    let error = fetch(&source).await.error.unwrap().to_string();
    let help = format!("help:     set `url` to where it leads: `{}/v2/items?x=1`", server.url());
    assert!(error.ends_with(&help), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn redirects_without_end_are_an_error() {
    let expected = "error: the API redirects more than 10 times";
    let (server, _) = check(Pagination::default(), |_| Reply::redirect("/items"), expected).await;
    assert_eq!(server.requests().len(), 11);
    let expected = "error: the API redirects to something that is not an HTTP URL";
    check(Pagination::default(), |_| Reply::redirect("file:///etc/passwd"), expected).await;
}

#[tokio::test]
async fn secrets_never_show_in_errors() {
    // The API repeats all that it was told: `fetch` looks for the token in every error.
    for status in [400, 401, 500] {
        for auth in every_auth() {
            let server = Server::start(move |request| {
                let told = format!("{:?} {} {TOKEN}", request.headers, request.uri);
                Reply::json(told).with_status(status)
            })
            .await;
            let mut source = source(&server, Pagination::default());
            source.query_params = vec![("t".to_owned(), token())];
            source.auth = Some(auth);
            let error = fetch(&source).await.error.unwrap().to_string();
            assert!(error.contains("t=${TOKEN}"), "{error}");
        }
    }
}

#[tokio::test]
async fn literal_credentials_are_secrets_too() {
    let server = Server::start(|request| {
        Reply::json(format!("no access for {}", carried(request))).with_status(403)
    })
    .await;
    let auth = Some(Auth::Bearer(Template("written-out".to_owned())));
    let error =
        fetch(&Source { auth, ..source(&server, Pagination::default()) }).await.error.unwrap();
    assert_eq!(
        first_line(&error),
        "the API answered `403 Forbidden`: no access for authorization=Bearer ***"
    );
}

#[tokio::test]
async fn credentials_in_a_written_url_do_not_show() {
    let server = Server::start(|_| Reply::status(404)).await;
    let mut source = source(&server, Pagination::default());
    source.url = Template(format!("{}/items?Access_Token=abc&page=1", server.url()));
    let error = fetch(&source).await.error.unwrap().to_string();
    assert!(error.contains("/items?Access_Token=***&page=1\n"), "{error}");
}

#[tokio::test]
async fn a_value_that_fits_no_header_is_a_config_error_without_it() {
    let server = Server::start(|_| records([])).await;
    let mut environment = Environment::from_iter([("TOKEN", "two\nlines")]);
    for (auth, message) in [
        (Auth::Bearer(token()), "the value of `auth` in source `items` does not fit a header"),
        (
            Auth::ApiKey(ApiKey {
                place: ApiKeyPlace::Header,
                name: "a b".to_owned(),
                value: Template("x".to_owned()),
            }),
            "`a b` in source `items` is not a header's name",
        ),
    ] {
        let source = Source { auth: Some(auth), ..source(&server, Pagination::default()) };
        let error = FetchPlan::resolve(&source, &[], &mut environment).check().unwrap_err();
        assert_eq!((error.kind(), first_line(&error).as_str()), (ErrorKind::Config, message));
        assert!(!format!("{error:?}").contains("two"));
    }
}
