//! What types of the user's are made with, and what they put on requests.

use super::*;

struct Signed(String);

impl FromSettings for Signed {
    fn from_settings(settings: &Settings) -> Result<Self> {
        settings.get("region");
        settings.required("key").map(|key| Self(key.to_owned()))
    }
}

impl Authenticator for Signed {
    async fn apply(&self, request: &mut Request) -> Result<()> {
        request.set_query_param("sig", &self.0);
        request.set_header("authorization", &format!("Signed {}", self.0))
    }
}

fn check(settings: &[(&str, &str)], expected: std::result::Result<(), &str>) {
    let values = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let ty = RustType::authenticate::<Signed>("crate::Signed");
    let prepared = Prepared { ty: Some(ty), source: "orders".to_owned(), values: values.collect() };
    let made = prepared.authenticator().map(drop);
    assert_eq!(made.map_err(|error| error.to_string()), expected.map_err(str::to_owned));
}

#[test]
fn a_type_gets_the_settings_that_it_asks_for_and_no_others() {
    check(&[("key", "k")], Ok(()));
    check(&[("key", "k"), ("region", "eu")], Ok(()));
    check(
        &[],
        Err("`crate::Signed` needs the setting `key` in source `orders`\n  \
             help:     write `key` beside `type: \"crate::Signed\"`"),
    );
    check(
        &[("key", "k"), ("regoin", "eu")],
        Err("`crate::Signed` has no setting `regoin`, which source `orders` gives it\n  \
             help:     it asks for `key`, `region`"),
    );
}

#[tokio::test]
async fn what_is_put_on_a_request_is_known_as_a_secret() {
    let request = reqwest::Request::new(
        reqwest::Method::GET,
        "https://h/orders?page=2&sig=old".parse().unwrap(),
    );
    let mut request = Request::new(request);
    Authenticator::apply(&Signed("abc+def".to_owned()), &mut request).await.unwrap();
    assert_eq!(request.url().as_str(), "https://h/orders?page=2&sig=abc%2Bdef");
    assert_eq!(request.header("Authorization"), Some("Signed abc+def"));
    assert!(request.set_header("x", "two\nlines").is_err());
    assert!(!format!("{request:?}").contains("abc"));
    let (_, added) = request.into_parts();
    let secrets = crate::environment::Secrets::default().and(&added);
    assert_eq!(secrets.mask("bad sig=abc%2Bdef, Signed abc+def"), "bad sig=***, ***");
}
