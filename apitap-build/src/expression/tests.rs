use proptest::prelude::*;

use super::types::{ExpressionType, Kind, Names, TypeError};
use super::*;
use crate::definition::{Part, RequestPart, RequestTextError, Template};

/// The parts of a request's text: `literal`, `<NAME>`, `(expression)`; or the error, and where it is.
fn check(text: &str, expected: &str) {
    let shown = match Template(text.to_owned()).request_parts() {
        Ok(parts) => parts.iter().map(shown).collect::<Vec<_>>().join("+"),
        Err(RequestTextError::Variable(error)) => {
            format!("{} @ {}", error.message, &text[error.at.clone()])
        }
        Err(RequestTextError::Expression(error)) => {
            format!("{} @ {}", error.message, &text[error.at.clone()])
        }
    };
    assert_eq!(shown, expected, "{text:?}");
}

fn shown(part: &RequestPart) -> String {
    match part {
        RequestPart::Start(Part::Literal(text)) => text.clone(),
        RequestPart::Start(Part::Variable { name, .. }) => format!("<{name}>"),
        RequestPart::Expression(expression) => format!("({expression})"),
    }
}

#[test]
fn an_expression_begins_with_a_brace_and_a_letter() {
    check("a{start}b", "a+(start)+b");
    check("{org.slug}/${A}{ b }", "(org.slug)+/+<A>+{ b }");
    check("{\"id\": {}, \"list\": [{ }]}", "{\"id\": {}, \"list\": [{ }]}");
    check("query { orders { id } }", "query { orders { id } }");
    check("[a-z]{2}", "[a-z]{2}");
    check("${A}{start}$${B}", "<A>+(start)+${B}");
    check("}", "}");
}

#[test]
fn a_doubled_brace_is_a_literal_one() {
    check("{{start}", "{+start}");
    check("a{{{start}", "a+{+(start)");
    check("{{ start }}", "`{{ start }}` has two braces @ {{ start }}");
    check("{{\"a\": 1}}", "{+\"a\": 1}}");
}

#[test]
fn expressions_are_printed_as_they_are_written() {
    for text in [
        "{start - 1d}",
        "{format(start - 90m, \"%Y\")}",
        "{a.b.c == \"x\\\"\\\\\" and not (b or c)}",
        "{if(a < 1, -1, 2) + 3 - (4 - 5)}",
        "{not a and b}",
        "{c == (a == b)}",
    ] {
        let expected = format!("({})", &text[1..text.len() - 1]);
        check(text, &expected);
    }
    check("{ab - 24h}", "(ab - 1d)");
    check("{a-1}", "(a - 1)");
    check("{lower( 'x' )}", "(lower(\"x\"))");
}

#[test]
fn mistakes_are_named_where_they_are() {
    check("x{start", "`{` is not closed @ {start");
    check("{start -}", "expected a name, a value or a call, found `}` @ }");
    check("{a b}", "expected an operator or `}`, found `b` @ b");
    check("{a = b}", "`=` is not an operator @ =");
    check("{a | lower}", "`|` is not an operator @ |");
    check("{a && b}", "`&&` is not an operator @ &&");
    check("{a[0]}", "`[` is not an operator @ [");
    check("{a < b < c}", "a comparison cannot be compared @ <");
    check("{page-size}", "`page-…` is not a name @ page-");
    check("{a.}", "expected a name behind the dot, found `}` @ }");
    check("{lowr(a)}", "function `lowr` not found @ lowr");
    check("{lower(a}", "this bracket is not closed @ (");
    check("{lower(a b)}", "expected `,` or `)`, found `b` @ b");
    check("{a - 1day}", "`day` is not a unit of time @ 1day");
    check("{a - 1.5}", "a number with a fraction cannot stand here @ 1.");
    check("{a == \"x}", "the text is not closed @ \"x}");
    check("{a == '\\n'}", "`\\` stands alone @ \\");
    check(
        "{a - 99999999999999999999}",
        "`99999999999999999999` is too large @ 99999999999999999999",
    );
    check("{and}", "`and` cannot be a name @ and");
    check("{a == not b}", "`not` cannot stand here @ not");
    check("é${A-b}{c}", "`-b` cannot follow the name `A` @ -b");
}

/// The names of a place, and the type of an expression there: `text?` where it may be null.
fn check_type(text: &str, expected: &str) {
    let names = [
        ("now", Kind::Timestamp, false),
        ("day", Kind::Date, false),
        ("slug", Kind::Text, false),
        ("email", Kind::Text, true),
        ("page", Kind::Integer, false),
        ("rate", Kind::Number, false),
        ("done", Kind::Boolean, false),
    ];
    let names: Names = names
        .into_iter()
        .map(|(name, kind, nullable)| (name.to_owned(), ExpressionType { kind, nullable }))
        .collect();
    let parsed = parse(text, 0).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let shown = match parsed.expression.check(&names) {
        Ok(ty) => format!("{}{}", ty.kind.text(), if ty.nullable { "?" } else { "" }),
        Err(TypeError::Name(error)) => format!("name: {}; {}", error.message, error.help),
        Err(TypeError::Type(error)) => format!("{} @ {}", error.message, &text[error.at]),
    };
    assert_eq!(shown, expected, "{text}");
}

#[test]
fn every_expression_has_a_type() {
    check_type("{now - 1d}", "a timestamp");
    check_type("{day - 1d}", "a date");
    check_type("{format(now, \"%Y-%m-%d\")}", "text");
    check_type("{format(now, \"epoch_ms\")}", "a whole number");
    check_type("{email}", "text?");
    check_type("{default(email, \"-\")}", "text");
    check_type("{if(done, email, slug)}", "text?");
    check_type("{date(now) == date(\"2026-01-31\")}", "true or false");
    check_type("{page + 1 > rate}", "true or false");
    check_type("{date_trunc(\"month\", now)}", "a timestamp");
    check_type("{split_part(slug, \"/\", 2)}", "text");
}

#[test]
fn what_does_not_fit_is_named() {
    check_type("{nw}", "name: name `nw` not found; a similar name exists: `now`");
    check_type(
        "{start}",
        "name: name `start` not found; the names here are `day`, `done`, `email`, `now`, `page`, \
         `rate`, `slug`; a literal `{` before a name is written `{{`",
    );
    check_type("{lower(email)}", "`email` may be null @ email");
    check_type("{default(slug, \"\")}", "`slug` is never null @ default(slug, \"\")");
    check_type("{now - 1}", "a whole number cannot be subtracted from a timestamp @ now - 1");
    check_type("{slug + slug}", "text cannot be added to text @ slug + slug");
    check_type("{now == slug}", "a timestamp cannot be compared with text @ now == slug");
    check_type(
        "{slug and done}",
        "`and` joins conditions, not text and true or false @ slug and done",
    );
    check_type("{lower(page)}", "`page` is a whole number, not text @ page");
    check_type("{lower()}", "`lower` takes 1 argument, not 0 @ lower()");
    check_type("{replace(slug)}", "`replace` takes 3 arguments, not 1 @ replace(slug)");
    check_type("{format(slug, \"%Y\")}", "`slug` is text, not a time @ slug");
    check_type("{format(now, slug)}", "`slug` is not a text in quotes @ slug");
    check_type("{format(now, \"yyyy\")}", "`yyyy` is not a format of times @ \"yyyy\"");
    check_type("{format(now, \"%Q\")}", "`%Q` is not a format of times @ \"%Q\"");
    check_type("{format(now, \"epoch\")}", "`epoch` is not a format of times @ \"epoch\"");
    check_type("{format(now, \"%I:%M\")}", "`%I` is the same for morning and evening @ \"%I:%M\"");
    check_type("{format(day, \"%H\")}", "`%H` has hours, and a date has none @ \"%H\"");
    check_type("{format(day, \"epoch_s\")}", "a date cannot be written as `epoch_s` @ \"epoch_s\"");
    check_type("{date(\"31.1.2026\")}", "`31.1.2026` is not a date @ \"31.1.2026\"");
    check_type("{timestamp(\"2026\")}", "`2026` is not a timestamp @ \"2026\"");
    check_type("{date_trunc(\"months\", now)}", "`months` is not a unit of time @ \"months\"");
    check_type("{day - 1h}", "`1h` is not a number of days @ 1h");
    check_type("{split_part(slug, \"/\", 0)}", "`0` is not the number of a part @ 0");
    check_type("{if(page, 1, 2)}", "`page` is a whole number, not true or false @ page");
    check_type(
        "{if(done, 1, slug)}",
        "`slug` is text, and what it stands beside is a whole number @ slug",
    );
}

#[test]
fn depth_is_bounded() {
    let deep = |depth: usize| format!("{{a == {}1{}}}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&deep(30), 0).is_ok());
    let error = parse(&deep(5_000), 0).err().unwrap();
    assert_eq!(error.message, "the expression is nested more than 40 levels deep");
    let nots = format!("{{{}a}}", "not ".repeat(5_000));
    assert!(parse(&nots, 0).is_err());
}

/// Any expression.
fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        any::<String>().prop_map(Node::Text),
        any::<i64>().prop_map(Node::Integer),
        any::<bool>().prop_map(Node::Boolean),
        any::<i64>().prop_map(Node::Duration),
        "[a-zé_][a-z0-9_]{0,5}(\\.[a-z0-9_]{1,5}){0,2}"
            .prop_filter("a word", |name| {
                !["and", "or", "not", "true", "false"].contains(&name.split('.').next().unwrap())
            })
            .prop_map(Node::Name),
    ];
    leaf.prop_recursive(6, 40, 3, |inner| {
        let inner = inner.prop_map(|node| Expression { at: 0..0, node });
        let function = prop::sample::select(Function::ALL.to_vec());
        let operator = prop::sample::select(Operator::ALL.to_vec());
        prop_oneof![
            (function, prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(function, arguments)| Node::Call(function, arguments)),
            inner.clone().prop_map(|inner| Node::Not(Box::new(inner))),
            (operator, inner.clone(), inner).prop_map(|(operator, left, right)| {
                Node::Binary(operator, Box::new(left), Box::new(right))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(node in any_node()) {
        let expression = Expression { at: 0..0, node };
        let printed = format!("{{{expression}}}");
        let parsed = parse(&printed, 0);
        prop_assert!(parsed.is_ok(), "{printed}: {:?}", parsed.err());
        prop_assert_eq!(parsed.unwrap().expression, expression, "{}", printed);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|([{}$a-c.()\"' \\\\<=!+0-9-]|and|not|lower|format){0,40}") {
        let template = Template(text.clone());
        match template.request_parts() {
            Ok(parts) => {
                for part in parts {
                    if let RequestPart::Expression(expression) = part {
                        prop_assert!(text.get(expression.at.clone()).is_some());
                        drop(expression.check(&Names::default()));
                    }
                }
            }
            Err(RequestTextError::Expression(error)) => {
                prop_assert!(text.get(error.at).is_some(), "{}", error.message);
            }
            Err(RequestTextError::Variable(error)) => {
                prop_assert!(text.get(error.at).is_some(), "{}", error.message);
            }
        }
    }
}

/// What a format of times that have an order does not say.
fn check_gap(format: &str, missing: Option<&str>) {
    let found = time_format_gap(format).map(|(message, _)| message);
    let message = |unit: &str| {
        format!(
            "`{format}` does not say the {unit}: a later time may be written like an earlier one"
        )
    };
    assert_eq!(found, missing.map(message), "{format}");
}

#[test]
fn hours_behind_a_week_have_an_order_only_with_its_day() {
    check_gap("%G-W%V", None);
    check_gap("%G-W%V %H:%M", Some("day"));
    check_gap("%Y-%U %a %H", None);
    check_gap("%G-W%V-%u %H:%M", None);
    check_gap("%Y-%j %H", None);
    check_gap("%Y-%m %a %H", Some("day"));
    check_gap("W%V", Some("year"));
}
