//! What the parser asks of each mapping of a document.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::diagnostic::Place;

/// All of it, by the places of the mappings.
#[derive(Debug, Default)]
pub(in crate::spec) struct Seen {
    /// The mappings whose words have been read.
    pub(super) owners: BTreeMap<Place, Owner>,
    /// What their words may be.
    pub(super) asked: BTreeMap<Place, Vec<(String, Asked)>>,
}

/// What has words.
#[derive(Debug)]
pub(super) struct Owner {
    /// As messages name it.
    pub(super) name: String,
    /// The words that it may have.
    pub(super) known: BTreeSet<String>,
    /// Those that it should have, and has not.
    pub(super) missing: BTreeSet<String>,
}

/// What a word may be.
#[derive(Debug)]
pub(super) enum Asked {
    /// One of these.
    Choice(BTreeSet<String>),
    /// A whole number.
    Number {
        /// What it may be.
        bounds: RangeInclusive<u64>,
        /// What it is where it is not written.
        default: u64,
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

/// The words of a mapping have been read.
pub(in crate::spec) fn words<'a>(
    place: &Place,
    owner: &str,
    known: &[&str],
    missing: impl Iterator<Item = &'a str>,
) {
    note(|seen| {
        let known = known.iter().map(|word| (*word).to_owned()).collect();
        let missing = missing.map(str::to_owned).collect();
        seen.owners.insert(place.clone(), Owner { name: owner.to_owned(), known, missing });
    });
}

/// A word that is one of these choices.
pub(in crate::spec) fn choice<'a>(
    place: &Place,
    word: &str,
    choices: impl Iterator<Item = &'a str>,
) {
    ask(place, word, Asked::Choice(choices.map(str::to_owned).collect()));
}

/// A word that is a whole number.
pub(in crate::spec) fn number(
    place: &Place,
    word: &str,
    bounds: &RangeInclusive<u64>,
    default: u64,
) {
    ask(place, word, Asked::Number { bounds: bounds.clone(), default });
}

fn ask(place: &Place, word: &str, asked: Asked) {
    note(|seen| seen.asked.entry(place.clone()).or_default().push((word.to_owned(), asked)));
}

fn note(how: impl FnOnce(&mut Seen)) {
    SEEN.with_borrow_mut(|seen| seen.as_mut().map(how));
}
