//! What is asked of each mapping of a document.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::diagnostic::Place;
use crate::keys::shape::{ChoiceShape, KeyShape, Shape};
use crate::keys::values::bounds;

/// All of it, by the places of the mappings.
#[derive(Debug, Default)]
pub(in crate::keys) struct Seen {
    /// The mappings whose keys have been read.
    pub(super) owners: BTreeMap<Place, Owner>,
    /// What their keys may be.
    pub(super) asked: BTreeMap<Place, Vec<(String, Asked)>>,
}

/// What has keys.
#[derive(Debug)]
pub(super) struct Owner {
    /// As messages name it.
    pub(super) name: String,
    /// The keys that it may have.
    pub(super) known: BTreeSet<String>,
    /// Those that it should have, and has not.
    pub(super) missing: BTreeSet<String>,
}

/// What a key may be.
#[derive(Debug)]
pub(super) enum Asked {
    /// One of these.
    Choice(BTreeSet<String>),
    /// A whole number.
    Number {
        /// What it may be.
        bounds: RangeInclusive<u64>,
        /// What it is where it is not written.
        default: Option<u64>,
    },
}

thread_local! {
    static SEEN: RefCell<Option<Seen>> = const { RefCell::new(None) };
}

/// What is asked on this thread while `work` runs.
pub(super) fn during(work: impl FnOnce()) -> Seen {
    SEEN.set(Some(Seen::default()));
    work();
    SEEN.take().unwrap_or_default()
}

/// The keys of a mapping have been read.
pub(in crate::keys) fn keys<'a>(
    place: &Place,
    owner: &str,
    known: &[&str],
    missing: impl Iterator<Item = &'a str>,
) {
    note(|seen| {
        let known = known.iter().map(|key| (*key).to_owned()).collect();
        let missing = missing.map(str::to_owned).collect();
        seen.owners.insert(place.clone(), Owner { name: owner.to_owned(), known, missing });
    });
}

/// A key has been asked for.
pub(in crate::keys) fn key(place: &Place, key: &KeyShape) {
    match &key.shape {
        Shape::Choice(choices) => choice(place, key.info.name, choices),
        Shape::Number => {
            let default = key.info.default.as_ref().and_then(|text| text.parse().ok());
            let bounds = bounds(&key.info);
            ask(place, key.info.name, Asked::Number { bounds, default });
        }
        _ => {}
    }
}

/// A key that is one of these choices.
pub(in crate::keys) fn choice(place: &Place, key: &str, choices: &[ChoiceShape]) {
    let choices = choices.iter().map(|choice| choice.name.to_owned()).collect();
    ask(place, key, Asked::Choice(choices));
}

fn ask(place: &Place, word: &str, asked: Asked) {
    note(|seen| seen.asked.entry(place.clone()).or_default().push((word.to_owned(), asked)));
}

fn note(how: impl FnOnce(&mut Seen)) {
    SEEN.with_borrow_mut(|seen| seen.as_mut().map(how));
}
