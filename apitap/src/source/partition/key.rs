//! What a partition is in the state: the fields of which its requests are made, whatever else it carries.
//!
//! ```text
//! {"org":{"id":1,"plan":"pro"}}  → key {"org":{"id":1}}, and the rest by its hash
//! state of earlier runs → Claims → what is remembered of each partition, under one name
//! ```
//! Where another field of a parent changes, its children are the same, and go on where they have left off.
//! Two parents that differ in such a field only are two partitions all the same: each has records of its own.
//! Which of both a state is of is told by the hash. So a partition whose hash is not known waits until
//! all others have claimed what is theirs, and takes what is left of its key: nobody else is there any more whose
//! that can be.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Partition;
use super::carried::{find, nested, quoted};
use crate::Result;
use crate::hashed::hashed;
use crate::source::incremental::Watermarks;
use crate::source::parts::Reached;

/// The fields of what partitions carry of which requests are made.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Keys {
    entries: Vec<Entry>,
    /// Whether that is all that they carry.
    all: bool,
}

/// What an entry of `for_each` gives to the key.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Entry {
    alias: String,
    /// The paths of fields; `None` where it is a value.
    fields: Option<Vec<String>>,
}

impl Keys {
    /// Adds an entry: its value, or those of its fields that a request uses.
    pub(super) fn push(
        &mut self,
        alias: &str,
        fields: Option<&[String]>,
        uses: impl Fn(&str) -> bool,
    ) {
        self.all |= self.entries.is_empty();
        let used = fields.map(|all| {
            let used = all.iter().filter(|field| uses(&format!("{alias}.{field}")));
            let used: Vec<_> = used.cloned().collect();
            // A request that uses nothing of an entry was refused; each of its records is one then.
            if used.is_empty() { all.to_vec() } else { used }
        });
        self.all &= used.as_deref() == fields;
        self.entries.push(Entry { alias: alias.to_owned(), fields: used });
    }

    /// The paths of the key's fields, entry by entry; a value has none.
    pub(in crate::source) fn paths(&self) -> Vec<Vec<String>> {
        self.entries.iter().map(|entry| entry.fields.clone().unwrap_or_default()).collect()
    }

    /// What each entry gives to the key; `None` where that is not in the object. One that was written
    /// when entries had other names has them in the same order.
    fn parts(&self, object: &str) -> Option<Vec<String>> {
        let members = serde_json::from_str::<Members<'_>>(object).ok()?.0;
        let named = |alias: &str| members.iter().find(|(name, _)| name == alias);
        let has_all = self.entries.iter().all(|entry| named(&entry.alias).is_some());
        if !has_all && members.len() != self.entries.len() {
            return None;
        }
        let part = |(index, entry): (usize, &Entry)| {
            let member = if has_all { named(&entry.alias) } else { members.get(index) };
            entry.part(member?.1.get())
        };
        self.entries.iter().enumerate().map(part).collect()
    }

    /// How the parts are written as a name.
    fn name(&self, parts: &[String]) -> String {
        let members = self.entries.iter().zip(parts);
        let members = members.map(|(entry, part)| format!("{}:{part}", quoted(&entry.alias)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    /// What a partition is remembered by that carries this, or has this name in a state; `None` where that is of
    /// something else.
    fn identity(&self, object: &str) -> Option<Identity> {
        let parts = if self.entries.is_empty() { Vec::new() } else { self.parts(object)? };
        let key = parts.join(",");
        if self.all || parts.is_empty() {
            return Some(Identity { name: object.to_owned(), key, of: None });
        }
        let name = self.name(&parts);
        let of = (name != object).then(|| hashed(object));
        Some(Identity { name, key, of })
    }
}

impl Entry {
    fn part(&self, value: &str) -> Option<String> {
        let Some(fields) = &self.fields else { return Some(value.to_owned()) };
        let mut found = Vec::new();
        for field in fields {
            let path: Vec<_> = field.split('.').collect();
            let value = find(value, &path).ok()??;
            found.push((path, value));
        }
        Some(nested(&found))
    }
}

/// The members of an object, in order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, _>()? {
                    members.push((Cow::Owned(name), value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// What is remembered by key, each with the hash of what else its partition carried.
struct Remembered<T>(HashMap<String, Vec<(Option<String>, T)>>);

impl<T: Ord> Remembered<T> {
    fn of(all: impl Iterator<Item = (String, Option<String>, T)>) -> Self {
        let mut by_key: HashMap<_, Vec<_>> = HashMap::new();
        for (key, of, what) in all {
            by_key.entry(key).or_default().push((of, what));
        }
        by_key.values_mut().for_each(|all| all.sort_by(|(_, one), (_, other)| one.cmp(other)));
        Self(by_key)
    }

    /// Whether there is something of that key, and nothing that is of this partition for certain.
    fn is_unsure(&self, key: &str, of: Option<&str>) -> bool {
        let all = self.0.get(key).filter(|all| !all.is_empty());
        all.is_some_and(|all| all.iter().all(|(other, _)| other.as_deref() != of))
    }

    /// Takes what is of this partition, else the first of what is left of its key, or the last.
    fn take(&mut self, key: &str, of: Option<&str>, last: bool) -> Option<T> {
        let all = self.0.get_mut(key)?;
        let own = all.iter().position(|(other, _)| other.as_deref() == of);
        let left = if last { all.len().checked_sub(1)? } else { 0 };
        let at = own.unwrap_or(left);
        (at < all.len()).then(|| all.remove(at).1)
    }
}

/// A state of an earlier run: the latest comes first.
type Left = (Reverse<DateTime<Utc>>, String);

/// Where an unfinished run was.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Behind a partition.
    Done,
    /// Within one, under that name.
    Within(String),
}

/// Gives partitions what earlier runs have left of them.
struct Claims {
    keys: Keys,
    watermarks: Option<Arc<Watermarks>>,
    states: Remembered<Left>,
    places: Remembered<Place>,
    /// The names that are taken, where a key may have several partitions.
    names: HashSet<String>,
}

/// What a partition is remembered by.
struct Identity {
    /// How the state calls its key.
    name: String,
    /// The same, whatever entries are called.
    key: String,
    /// The hash of all that it carries, where that is more than its key.
    of: Option<String>,
}

impl Claims {
    fn of(keys: Keys, watermarks: Option<Arc<Watermarks>>, reached: &Reached) -> Self {
        let known = watermarks.as_ref().map(|known| known.known()).unwrap_or_default();
        let names = known.iter().filter(|_| !keys.all).map(|(name, ..)| name.clone()).collect();
        let states = known.into_iter().filter_map(|(name, of, cursor)| {
            let identity = keys.identity(&name)?;
            Some((identity.key, of.or(identity.of), (Reverse(cursor), name)))
        });
        let states = Remembered::of(states);
        let begun = reached.partition().and_then(|within| {
            let identity = keys.identity(&within.partition)?;
            let of = within.of.clone().or(identity.of);
            Some((hashed(&identity.name), of, Place::Within(within.partition.clone())))
        });
        let done = reached.done().map(|(key, of)| (key.to_owned(), of, Place::Done));
        let places = Remembered::of(done.chain(begun));
        Self { keys, watermarks, states, places, names }
    }

    fn identity(&self, partition: &Partition) -> Identity {
        let carried = partition.carried.as_deref().unwrap_or_default();
        let unknown = || Identity { name: carried.to_owned(), key: carried.to_owned(), of: None };
        self.keys.identity(carried).unwrap_or_else(unknown)
    }

    /// Whether it is not known yet what is remembered of a partition.
    fn is_unsure(&self, Identity { name, key, of }: &Identity) -> bool {
        let of = of.as_deref();
        self.states.is_unsure(key, of) || self.places.is_unsure(&hashed(name), of)
    }

    /// The partition with what is remembered of it, `None` where it is in; whether others of its key wait, too.
    fn take(&mut self, partition: Partition, others: bool) -> Option<Partition> {
        let identity = self.identity(&partition);
        let of = identity.of.as_deref();
        // Parents come in the order of the last run, which has read the first of them earliest.
        let before = self.states.take(&identity.key, of, others).map(|(_, name)| name);
        let hashed_key = hashed(&identity.name);
        let carried = partition.carried.as_deref().unwrap_or_default();
        let name = match self.places.take(&hashed_key, of, false) {
            Some(Place::Done) => return None,
            // Its place has that name.
            Some(Place::Within(name)) => name,
            None => self.name(identity.name, carried, before.as_deref()),
        };
        let done = Reached::entry(&hashed_key, of);
        if let Some(watermarks) = &self.watermarks {
            let of = identity.of.filter(|_| name != carried);
            watermarks.claim(&name, of, before);
        }
        Some(Partition { key: name.into(), done: done.into(), ..partition })
    }

    /// What it is called in the state: by its key where no other one is, else by all that it carries.
    fn name(&mut self, key: String, carried: &str, before: Option<&str>) -> String {
        let mut is_free = |name: &str| before == Some(name) || self.names.insert(name.to_owned());
        if self.keys.all || is_free(&key) {
            return key;
        }
        let mut name = carried.to_owned();
        // One that has gone on under another name may have it: blanks leave the object as it is.
        while !is_free(&name) {
            name.push(' ');
        }
        name
    }
}

/// Partitions on their way to be requested.
struct Claiming {
    partitions: stream::Fuse<BoxStream<'static, Result<Partition>>>,
    claims: Claims,
    waiting: VecDeque<Partition>,
    /// How many wait, by their keys.
    keys: BTreeMap<String, usize>,
}

impl Claiming {
    async fn next(&mut self) -> Result<Option<Partition>> {
        while let Some(partition) = self.partitions.next().await {
            let partition = partition?;
            let identity = self.claims.identity(&partition);
            if self.claims.is_unsure(&identity) {
                *self.keys.entry(identity.key).or_default() += 1;
                self.waiting.push_back(partition);
            } else if let Some(partition) = self.claims.take(partition, false) {
                return Ok(Some(partition));
            }
        }
        while let Some(partition) = self.waiting.pop_front() {
            let key = self.claims.identity(&partition).key;
            let others = self.keys.get(&key).is_some_and(|count| *count > 1);
            if let Some(partition) = self.claims.take(partition, others) {
                return Ok(Some(partition));
            }
        }
        Ok(None)
    }
}

/// Partitions, each with what is remembered of it, without those that are in. What earlier runs have left is looked
/// at when the first is asked for: then it is known.
pub(super) fn claimed(
    partitions: BoxStream<'static, Result<Partition>>,
    keys: Keys,
    watermarks: Option<Arc<Watermarks>>,
    reached: Arc<Reached>,
) -> BoxStream<'static, Result<Partition>> {
    stream::once(async move {
        let claims = Claims::of(keys, watermarks, &reached);
        let partitions = partitions.fuse();
        let claiming =
            Claiming { partitions, claims, waiting: VecDeque::new(), keys: BTreeMap::new() };
        stream::try_unfold(claiming, |mut claiming| async move {
            Ok(claiming.next().await?.map(|partition| (partition, claiming)))
        })
    })
    .flatten()
    .boxed()
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt as _;

    use super::*;
    use crate::source::request::expression::Scope;

    fn keys(entries: &[(&str, &[&str])], used: &[&str]) -> Keys {
        let mut keys = Keys::default();
        for (alias, fields) in entries {
            let fields: Vec<_> = fields.iter().map(|field| (*field).to_owned()).collect();
            let fields = (!fields.is_empty()).then_some(fields.as_slice());
            keys.push(alias, fields, |name| used.contains(&name));
        }
        keys
    }

    #[test]
    fn a_key_has_the_fields_of_which_requests_are_made() {
        let entries: [(&str, &[&str]); 2] = [("org", &["id", "owner.id", "plan"]), ("state", &[])];
        let check = |used: &[&str], expected: &str| {
            let carried = r#"{"org":{"id":1,"owner":{"id":7},"plan":"pro"},"state":"open"}"#;
            let identity = keys(&entries, used).identity(carried).unwrap();
            assert_eq!(identity.name, expected);
            assert_eq!(identity.of.is_some(), expected != carried);
        };
        check(&["org.id", "state"], r#"{"org":{"id":1},"state":"open"}"#);
        check(&["org.owner.id"], r#"{"org":{"owner":{"id":7}},"state":"open"}"#);
        let all = r#"{"org":{"id":1,"owner":{"id":7},"plan":"pro"},"state":"open"}"#;
        check(&["org.id", "org.owner.id", "org.plan"], all);
        check(&[], all);
    }

    #[test]
    fn a_key_is_the_same_under_other_names() {
        let of = |alias: &str| keys(&[(alias, &["id", "k"])], &[&format!("{alias}.id")]);
        let key = |keys: Keys, name: &str| keys.identity(name).map(|identity| identity.key);
        let expected = Some(r#"{"id":1}"#.to_owned());
        assert_eq!(key(of("a"), r#"{"a":{"id":1,"k":"x"}}"#), expected);
        assert_eq!(key(of("b"), r#"{"a":{"id":1}}"#), expected);
        assert_eq!(key(of("a"), r#"{"a":{"k":"x"}}"#), None);
        assert_eq!(key(of("a"), r#"{"a":{"id":1},"b":{"id":1}}"#), expected);
        assert_eq!(key(of("c"), r#"{"a":{"id":1},"b":{"id":1}}"#), None);
        assert_eq!(key(Keys::default(), ""), Some(String::new()));
    }

    fn partition(id: i64, k: &str) -> Partition {
        let carried = format!(r#"{{"a":{{"id":{id},"k":"{k}"}}}}"#);
        Partition::new(Some(carried.into()), Scope::default())
    }

    fn entry(id: i64, k: &str) -> String {
        let of = |text: String| hashed(&text);
        let key = of(format!(r#"{{"a":{{"id":{id}}}}}"#));
        Reached::entry(&key, Some(&of(format!(r#"{{"a":{{"id":{id},"k":"{k}"}}}}"#))))
    }

    /// The names under which partitions are requested, where those are in.
    async fn requested(parents: &[(i64, &str)], done: &[(i64, &str)]) -> Vec<String> {
        let parents: Vec<_> = parents.iter().map(|(id, k)| Ok(partition(*id, k))).collect();
        let reached = Reached::behind(done.iter().map(|(id, k)| entry(*id, k)));
        let keys = keys(&[("a", &["id", "k"])], &["a.id"]);
        let claimed = claimed(stream::iter(parents).boxed(), keys, None, Arc::new(reached));
        claimed.map_ok(|partition| partition.key().to_owned()).try_collect().await.unwrap()
    }

    #[tokio::test]
    async fn a_parent_whose_other_field_has_changed_is_in() {
        let one = r#"{"a":{"id":1}}"#;
        let two = r#"{"a":{"id":2}}"#;
        assert_eq!(requested(&[(1, "x"), (2, "y")], &[]).await, [one, two]);
        assert_eq!(requested(&[(1, "x"), (2, "y")], &[(1, "x")]).await, [two]);
        assert_eq!(requested(&[(1, "new"), (2, "y")], &[(1, "x")]).await, [two]);
    }

    #[tokio::test]
    async fn of_two_parents_of_one_key_each_is_requested_once() {
        let (first, second) = (r#"{"a":{"id":1}}"#, r#"{"a":{"id":1,"k":"y"}}"#);
        let both = [(1, "x"), (1, "y")];
        assert_eq!(requested(&both, &[]).await, [first, second]);
        assert_eq!(requested(&both, &[(1, "x")]).await, [first]);
        assert_eq!(requested(&both, &both).await, [] as [&str; 0]);
        // Another order, and another field.
        assert_eq!(requested(&[(1, "y"), (1, "x")], &[(1, "x")]).await, [first]);
        assert_eq!(requested(&[(1, "y"), (1, "z")], &[(1, "x"), (1, "y")]).await, [] as [&str; 0]);
        assert_eq!(requested(&[(1, "z"), (1, "x")], &[(1, "x")]).await, [first]);
    }
}
