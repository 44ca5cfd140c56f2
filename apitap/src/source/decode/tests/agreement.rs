//! The generated decoder and the dynamic one: the same rows, the same words.
//!
//! The files are written by the tests of the generator, in `apitap-macros`.

use proptest::prelude::*;

use super::oracle::record;
use super::{Decoder, decode, rich};
use crate::private::boxed;
use crate::schema::Schema;
use crate::source::decode::dynamic;
use crate::source::json::tests::damaged;

#[deny(warnings, clippy::pedantic)]
#[no_implicit_prelude]
mod generated_rich {
    ::core::include!("rich.rs");
}

#[deny(warnings, clippy::pedantic)]
#[no_implicit_prelude]
mod generated_names {
    ::core::include!("names.rs");
}

#[deny(warnings, clippy::pedantic)]
#[no_implicit_prelude]
mod generated_nothing {
    ::core::include!("nothing.rs");
}

fn check(generated: Box<dyn Decoder>, dynamic: Box<dyn Decoder>, record: &[u8]) {
    assert_eq!(generated.schema(), dynamic.schema());
    assert_eq!(decode(generated, record), decode(dynamic, record));
}

#[test]
fn names_that_are_no_identifiers_are_read() {
    let schema: Schema = serde_json::from_str(include_str!("names.json")).unwrap();
    let record = r#"{"createdAt":"1","created_at":"2","type":"3","self":"4","2fa":true,"名前":"5",
        "":"6","with \"quotes\" \\ and {braces}":"7","a  b--c":"8","a/b~c":9,"gen":10,
        "sub":{"record":"11","Sub":{"x":true}},"Sub":{"x":false},"empty":{}}"#;
    let row = decode(dynamic::decoder(&schema), record.as_bytes()).unwrap();
    assert!(row.as_object().unwrap().values().all(|value| !value.is_null()), "{row}");
    check(boxed(generated_names::Decoder::default()), dynamic::decoder(&schema), record.as_bytes());
}

#[test]
fn records_of_which_nothing_is_read_are_counted() {
    for record in [&b"{\"id\":1}"[..], b"{\"id\":x}", b"7"] {
        let generated = boxed(generated_nothing::Decoder::default());
        check(generated, dynamic::decoder(&Schema::default()), record);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn generated_and_dynamic_decoders_agree(record in record()) {
        let (_, read) = rich();
        let generated = boxed(generated_rich::Decoder::default());
        check(generated, dynamic::decoder(&read), record.as_bytes());
    }

    #[test]
    fn they_agree_on_damaged_records(record in record().prop_flat_map(damaged)) {
        let (_, read) = rich();
        let generated = boxed(generated_rich::Decoder::default());
        check(generated, dynamic::decoder(&read), &record);
    }
}
