use apitap_build::definition::Template;

use super::*;
use crate::environment::Environment;
use crate::source::request::template::RequestText;

/// Values of all kinds.
fn scope() -> Scope {
    let time = |text: &str| Some(Value::Timestamp(text.parse().unwrap()));
    Scope::default()
        .with("now", time("2026-03-04T05:06:07.089Z"))
        .with("start", time("2024-02-29T23:59:59Z"))
        .with("day", Some(Value::Date("2026-03-01".parse().unwrap())))
        .with("org.slug", Some(Value::Text("a/b c".to_owned())))
        .with("org.id", Some(Value::Integer(7)))
        .with("org.rate", Some(Value::Number(0.5, "0.50".to_owned())))
        .with("up", Some(Value::Text("..".to_owned())))
        .with("none", None)
}

/// What a text becomes as a parameter; the error's message where it becomes nothing.
fn check(text: &str, expected: &str) {
    let mut environment = Environment::from_iter([("A", "1")]);
    let text = RequestText::resolve(&Template(text.to_owned()), &mut environment);
    environment.check().unwrap();
    let found = match text.text(&scope()) {
        Ok(Some(text)) => text,
        Ok(None) => "<null>".to_owned(),
        Err(error) => format!("error: {}", error.message()),
    };
    assert_eq!(found, expected);
}

/// What a text becomes as a URL.
fn check_url(text: &str, expected: &str) {
    let mut environment = Environment::default();
    let text = RequestText::resolve(&Template(text.to_owned()), &mut environment);
    let found = text.url(&scope());
    let found = found.unwrap_or_else(|error| format!("error: {}", error.message()));
    assert_eq!(found, expected);
}

#[test]
fn values_are_sent_as_they_are() {
    check("{now}", "2026-03-04T05:06:07.089Z");
    check("{start}", "2024-02-29T23:59:59Z");
    check("{day}", "2026-03-01");
    check("{org.slug}", "a/b c");
    check("{org.id}/{org.rate}", "7/0.50");
    check("id-${A}-{org.id + 1}", "id-1-8");
    check("{{now} {\"a\": {}}", "{now} {\"a\": {}}");
}

#[test]
fn times_are_moved_and_written_in_any_format() {
    check("{start + 1s}", "2024-03-01T00:00:00Z");
    check("{start - 1d}", "2024-02-28T23:59:59Z");
    check("{day - 1w}", "2026-02-22");
    check("{format(start, 'epoch_s')}", "1709251199");
    check("{format(start, 'epoch_ms')}", "1709251199000");
    check("{format(now, '%d.%m.%Y %H:%M')}", "04.03.2026 05:06");
    check("{format(day, '%Y%m%d')}", "20260301");
    check("{date_trunc('month', now)}", "2026-03-01T00:00:00Z");
    check("{date_trunc('week', now)}", "2026-03-02T00:00:00Z");
    check("{date_trunc('year', start)}", "2024-01-01T00:00:00Z");
    check("{date_trunc('hour', now)}", "2026-03-04T05:00:00Z");
    check("{date(start)}", "2024-02-29");
    check("{timestamp(day)}", "2026-03-01T00:00:00Z");
    check(
        "{now + 100000000w}",
        "error: the expression `now + 100000000w` has no value: it is too large, or beyond the calendar",
    );
}

#[test]
fn conditions_choose_and_defaults_stand_in() {
    check("{if(start < now and not (org.id == 8), 'a', 'b')}", "a");
    check("{if(org.rate >= 1 or org.id != 7, 1, 2)}", "2");
    check("{default(none, 'x')}", "x");
    check("{none}", "<null>");
    check("a{none}", "error: the expression `none` is null here");
}

#[test]
fn texts_are_changed_by_functions() {
    check("{upper(org.slug)}{lower('ÄB')}{trim(' x ')}", "A/B Cäbx");
    check("{replace(org.slug, '/', '-')}", "a-b c");
    check("{split_part(org.slug, '/', 2)}|{split_part(org.slug, '/', 3)}", "b c|");
    check("{base64('me:pass')}", "bWU6cGFzcw==");
}

#[test]
fn a_value_stays_within_its_segment_of_a_url() {
    check_url("http://h/orgs/{org.slug}/repos", "http://h/orgs/a%2Fb%20c/repos");
    check_url("http://h/?since={now}", "http://h/?since=2026-03-04T05%3A06%3A07.089Z");
    check_url("http://h/x-{up}", "http://h/x-..");
    check_url("http://h/{up}/x", "error: `..` cannot be a part of the URL's path");
    check_url("http://h/{trim(' ')}/x", "error: `` cannot be a part of the URL's path");
}
