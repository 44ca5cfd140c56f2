//! A JSON object → where it holds lists of objects: what `data_path` may have been meant to lead to.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::definition::Pointer;

/// How many objects deep it is looked for.
const DEEPEST: usize = 4;
/// The most lists that are told apart.
const MOST: usize = 32;

/// Says where the longest list of objects is, and what to write to read its elements; `at` is where the
/// object itself stands. `None` where there is no such list, or where the text is not JSON.
pub(crate) fn hint(at: &Pointer, object: &str) -> Option<String> {
    let mut found = Vec::new();
    let look = Look { at: at.clone(), depth: 0, found: &mut found };
    look.deserialize(&mut serde_json::Deserializer::from_str(object)).ok()?;
    // Of several that are as long, the first.
    let longest = found.iter().rev().max_by_key(|list| list.elements)?;
    let List { at: Pointer(place), elements } = longest;
    let objects = if *elements == 1 { "object" } else { "objects" };
    Some(format!(
        "`{place}` holds a list of {elements} {objects}: if those are the records, write `data_path: {place}`"
    ))
}

/// A list whose first element is an object.
struct List {
    at: Pointer,
    elements: u64,
}

/// Looks at a value, and says whether it is an object.
struct Look<'f> {
    at: Pointer,
    depth: usize,
    found: &'f mut Vec<List>,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if self.depth == DEEPEST {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let (at, depth) = (self.at.child(&key), self.depth + 1);
            map.next_value_seed(Look { at, depth, found: &mut *self.found })?;
        }
        Ok(true)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut nothing = Vec::new();
        // What stands in the elements are no records of their own.
        let first = Look { at: Pointer::default(), depth: DEEPEST, found: &mut nothing };
        let Some(of_objects) = list.next_element_seed(first)? else { return Ok(false) };
        let mut elements = 1;
        while list.next_element::<IgnoredAny>()?.is_some() {
            elements += 1;
        }
        if of_objects && self.found.len() < MOST {
            self.found.push(List { at: self.at, elements });
        }
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(object: &str, expected: Option<&str>) {
        let found = hint(&Pointer("/body".to_owned()), object);
        let place = found.as_deref().and_then(|hint| hint.split('`').nth(3));
        assert_eq!(
            place.map(|place| place.trim_start_matches("data_path: ")),
            expected,
            "{object}"
        );
    }

    #[test]
    fn the_longest_list_of_objects_is_found() {
        check(r#"{"data":[{"id":1}],"meta":{"next":null}}"#, Some("/body/data"));
        check(
            r#"{"links":[{}],"a/b":{"items":[{},{}]},"tags":["x","y","z"]}"#,
            Some("/body/a~1b/items"),
        );
        check(r#"{"first":[{}],"second":[{}]}"#, Some("/body/first"));
        check(r#"{"rows":[{"lines":[{},{},{}]},{}]}"#, Some("/body/rows"));
        check(r#"{"a":{"b":{"c":{"d":[{}]}}}}"#, Some("/body/a/b/c/d"));
        check(r#"{"a":{"b":{"c":{"d":{"e":[{}]}}}}}"#, None);
        check(r#"{"id":1,"tags":["a"],"none":[],"n":1.5,"big":123456789012345678901}"#, None);
        check(r#"{"data":[{"id":1}]"#, None);
    }
}
