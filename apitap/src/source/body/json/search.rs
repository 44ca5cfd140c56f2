//! The values of a body, in the order in which they stand → what stands at the pointers.

use std::sync::Arc;

use super::super::value::{Absent, Keys, There, Value, astray, shown};
use super::super::{Layout, Shape, Wanted};
use apitap_build::pointer::{Pointer, index};

use crate::Error;
use crate::source::json::string::Text;
use crate::source::json::{Fault, Kind, Scalar};

/// What a value is to whoever looks for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A record, into which a pointer goes on or not.
    Record { goes_on: bool },
    /// Anything else.
    Value,
}

/// Follows `data_path`, and the pointers to single values.
#[derive(Debug)]
pub(super) struct Search {
    /// Whether the members of the object there are the records.
    keyed: bool,
    /// Whether there may be nothing.
    allow_empty: bool,
    /// The pointer to the records first.
    pointers: Vec<Followed>,
    /// The lists and objects that are open, outermost first.
    levels: Vec<Level>,
    /// The pointers that lead to the value that has begun, or through it.
    here: Vec<usize>,
    /// Whether that value is an element of the list of records.
    is_element: bool,
    /// At which level `*` stands for the elements of the page, if it leads to the records.
    star: Option<usize>,
    /// How many elements there are.
    elements: u64,
    shape: Shape,
    /// Why there are no records where they should be.
    error: Option<Error>,
}

/// A pointer, as far as it has been followed.
#[derive(Debug)]
struct Followed {
    tokens: Vec<String>,
    /// Whether `*` is every element, and not a key.
    every: bool,
    /// Whether it has led to a value; of several, one is enough.
    arrived: bool,
    /// How many of them have led somewhere.
    reached: usize,
    found: Value,
}

/// A list or an object that is open.
#[derive(Debug, Default)]
struct Level {
    list: bool,
    /// Elements that have begun.
    count: u64,
    /// The last key; of a list, none.
    key: Option<String>,
    /// The pointers that lead into it.
    through: Vec<usize>,
    /// Whether its elements are the records.
    records: bool,
    /// Whether it is a record itself.
    record: bool,
    /// Its keys, where one of them is looked for: the same for all pointers.
    keys: Keys,
}

impl Search {
    pub(super) fn new(wanted: &Wanted<'_>) -> Self {
        let Layout { data_path, key_as, allow_empty, .. } = wanted.layout;
        let pointers = std::iter::once((data_path, true));
        let pointers = pointers.chain(wanted.values.iter().map(|pointer| (pointer, false)));
        let follow = |(pointer, every): (&Pointer, bool)| Followed {
            tokens: pointer.tokens().collect(),
            every,
            arrived: false,
            reached: 0,
            found: Value::Null,
        };
        let star = data_path.tokens().position(|token| token == "*");
        Self {
            star,
            elements: 0,
            keyed: key_as.is_some(),
            allow_empty: *allow_empty,
            pointers: pointers.map(follow).collect(),
            levels: Vec::new(),
            here: Vec::new(),
            is_element: false,
            shape: Shape::Nothing,
            error: None,
        }
    }

    /// Whether `*` leads to the records.
    pub(super) fn has_elements(&self) -> bool {
        self.star.is_some()
    }

    /// Whether what comes next is in what the first `*` stands for the elements of.
    pub(super) fn in_elements(&self) -> bool {
        let level = self.star.and_then(|star| self.levels.get(star));
        level.is_some_and(|level| level.through.contains(&0))
    }

    /// How many elements the first `*` stands for.
    pub(super) fn elements(&self) -> u64 {
        self.elements
    }

    /// Whether the text of the value that has begun matters.
    pub(super) fn wants_text(&self) -> bool {
        self.is_element || !self.here.is_empty()
    }

    /// A key of the innermost object, as it is written; `None` for one that is too long to be wanted.
    pub(super) fn key(&mut self, written: Option<&str>) {
        let depth = self.levels.len();
        let Some(level) = self.levels.last_mut() else { return };
        let mut buffer = String::new();
        // The text was proven: its escapes are all right.
        let key = written.and_then(|text| Text::written(text).unescape(&mut buffer).ok());
        match (&mut level.key, key) {
            (Some(last), Some(key)) => {
                last.clear();
                last.push_str(key);
            }
            (last, key) => *last = key.map(str::to_owned),
        }
        let Some(key) = &level.key else { return };
        let looks = |pointer: &usize| {
            self.pointers.get(*pointer).is_some_and(|followed| followed.reached + 1 == depth)
        };
        if level.through.iter().any(looks) {
            level.keys.add(key);
        }
    }

    /// A value begins.
    pub(super) fn begin(&mut self, kind: Kind) -> Role {
        self.arrive();
        let is_records = self.is_here(0);
        let role = match kind {
            Kind::Object if is_records && self.keyed => {
                self.shape = Shape::List;
                Role::Value
            }
            Kind::Object if self.is_element || is_records => {
                if is_records {
                    self.shape = if self.has_elements() { Shape::List } else { Shape::Record };
                }
                Role::Record { goes_on: self.goes_on(false) }
            }
            Kind::Array if is_records => {
                if self.keyed {
                    self.no_records("a list");
                }
                self.shape = Shape::List;
                Role::Value
            }
            Kind::Array | Kind::Object if self.is_element => {
                self.no_record(Scalar::Array);
                Role::Value
            }
            _ => Role::Value,
        };
        if matches!(kind, Kind::Array | Kind::Object) {
            self.container(kind == Kind::Array, role, is_records);
        }
        role
    }

    /// Finds out which pointers lead to the value that begins, or through it.
    fn arrive(&mut self) {
        self.here.clear();
        self.is_element = false;
        let depth = self.levels.len();
        let Some(level) = self.levels.last_mut() else {
            self.here.extend(0..self.pointers.len());
            return;
        };
        level.count += 1;
        self.is_element = level.records;
        for pointer in &level.through {
            let Some(followed) = self.pointers.get_mut(*pointer) else { continue };
            let Some(token) = followed.tokens.get(depth - 1) else { continue };
            let every = followed.is_every(token);
            let leads = every
                || match level.list {
                    true => index(token).map(|index| index as u64) == Some(level.count - 1),
                    false => level.key.as_ref() == Some(token),
                };
            match leads {
                true if !every && followed.reached >= depth => {
                    let at = path(&followed.tokens, depth);
                    let why = format!("the key `{token}` occurs twice on the path");
                    followed.stray(at, why, None);
                }
                true => {
                    followed.reached = depth;
                    self.here.push(*pointer);
                }
                false => {}
            }
        }
    }

    /// Whether a pointer leads to the value that has begun.
    fn is_here(&self, pointer: usize) -> bool {
        self.here.contains(&pointer)
            && self.pointers.get(pointer).is_some_and(|p| p.tokens.len() == self.levels.len())
    }

    /// Whether a pointer leads on into the value that has begun, a list or an object.
    fn goes_on(&self, list: bool) -> bool {
        self.here.iter().any(|pointer| {
            self.pointers.get(*pointer).is_some_and(|p| p.enters(self.levels.len(), list))
        })
    }

    /// A list or an object begins.
    fn container(&mut self, list: bool, role: Role, is_records: bool) {
        let depth = self.levels.len();
        let mut through = Vec::new();
        for pointer in &self.here {
            let Some(followed) = self.pointers.get_mut(*pointer) else { continue };
            if followed.tokens.len() == depth {
                followed.arrived = true;
                followed.found = if list { Value::List } else { Value::Record };
            } else if followed.enters(depth, list) {
                through.push(*pointer);
            } else if let Some(token) = followed.tokens.get(depth) {
                let why = format!("found a list where the path goes on to `{token}`");
                let help = "write an index to choose one of its elements, as in `/0`";
                let at = path(&followed.tokens, depth);
                followed.stray(at, why, Some(help));
            }
        }
        if role == (Role::Record { goes_on: false }) {
            return;
        }
        let level = Level {
            list,
            count: 0,
            key: None,
            through,
            records: is_records && list != self.keyed,
            record: role != Role::Value,
            keys: Keys::default(),
        };
        self.levels.push(level);
    }

    /// The value that has begun is neither a list nor an object, and is written so; `None` where it is
    /// too long to be wanted.
    pub(super) fn scalar(&mut self, kind: Kind, written: Option<&str>) {
        if !self.wants_text() {
            return;
        }
        let found = scalar(kind, written.unwrap_or_default());
        if self.is_element {
            self.no_record(found);
        }
        for pointer in std::mem::take(&mut self.here) {
            let depth = self.levels.len();
            let Some(followed) = self.pointers.get_mut(pointer) else { continue };
            match (followed.tokens.get(depth), kind) {
                (None, Kind::Null) if pointer == 0 => {
                    followed.arrived = true;
                    self.shape = if self.has_elements() { Shape::List } else { Shape::Null };
                }
                (None, _) if pointer == 0 => self.no_records(&found.to_string()),
                (None, _) if written.is_none() => {
                    let at = path(&followed.tokens, depth);
                    followed.stray(at, "the value there has more than 64 KiB".to_owned(), None);
                }
                (None, _) => followed.found = value(found),
                (Some(_), Kind::Null) if followed.arrived => {}
                (Some(token), Kind::Null) => {
                    let token = token.clone();
                    let at = path(&followed.tokens, depth);
                    followed.found = Value::Missing(Absent { at, token, there: There::Null });
                }
                (Some(token), _) => {
                    let why = format!("found {found} where the path goes on to `{token}`");
                    let at = path(&followed.tokens, depth);
                    followed.stray(at, why, None);
                }
            }
        }
    }

    /// Where the value that has begun is.
    fn here(&self) -> Pointer {
        let token = |level: &Level| match &level.key {
            Some(key) if !level.list => key.clone(),
            _ => level.count.saturating_sub(1).to_string(),
        };
        self.levels.iter().map(token).collect()
    }

    /// What stands at `data_path` holds no records.
    fn no_records(&mut self, found: &str) {
        let help = match self.keyed {
            true => "with `key_as`, `data_path` must lead to an object whose members are records",
            false => "`data_path` must lead to a list of records, or to one record",
        };
        let error = Error::data(format!("expected the records, found {found}"))
            .at_path(shown(&self.here().0))
            .help(help);
        self.error.get_or_insert(error);
    }

    /// An element of the list of records is none.
    fn no_record(&mut self, found: Scalar<'_>) {
        let count = self.levels.last().map_or(0, |level| level.count);
        let error = Error::data(format!("expected a record, found {found}"))
            .at_record(count)
            .at_path(self.here().0)
            .help(match self.keyed {
                true => "each member of the object at `data_path` must be an object",
                false => "each element of the list at `data_path` must be an object",
            });
        self.error.get_or_insert(error);
    }

    /// The key of the member that has begun.
    pub(super) fn member(&self) -> Option<&str> {
        self.levels.last()?.key.as_deref()
    }

    /// The innermost list or object ends.
    pub(super) fn leave(&mut self) {
        let depth = self.levels.len();
        let Some(level) = self.levels.pop() else { return };
        if level.through.is_empty() {
            return;
        }
        if self.star == Some(depth - 1) && level.through.contains(&0) {
            self.elements = level.count;
        }
        let keys = Arc::new(level.keys);
        for pointer in level.through {
            let Some(followed) = self.pointers.get_mut(pointer) else { continue };
            let Some(token) = followed.tokens.get(depth - 1).cloned() else { continue };
            if followed.reached + 1 != depth || matches!(followed.found, Value::Astray { .. }) {
                continue;
            }
            if followed.is_every(&token) {
                // It has no elements, and so no records.
                followed.arrived = true;
                followed.found = Value::List;
            }
            if followed.arrived && followed.every {
                continue;
            }
            let there = match level.list {
                true => There::List(level.count),
                false => There::Keys(Arc::clone(&keys)),
            };
            let at = path(&followed.tokens, depth - 1);
            followed.found = Value::Missing(Absent { at, token, there });
        }
    }

    /// Says where in the body, or in a record, a fault is: where a value should begin, or not.
    pub(super) fn locate(&self, fault: Fault, begins: bool) -> Fault {
        let own = self.levels.iter().rposition(|level| level.record).unwrap_or(0);
        let inside = self.levels.get(own..).unwrap_or_default();
        let innermost = inside.len().saturating_sub(1);
        inside.iter().enumerate().rev().fold(fault, |fault, (index, level)| {
            let next = if begins && index == innermost { 0 } else { 1 };
            match (&level.key, level.list, level.count.checked_sub(next)) {
                (Some(key), false, _) => fault.within(key),
                (_, true, Some(element)) => fault.within(&element.to_string()),
                _ => fault,
            }
        })
    }

    /// What was found at the pointers to single values, wherever the records are.
    pub(super) fn found(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.pointers).into_iter().skip(1).map(|p| p.found).collect()
    }

    /// What was found.
    ///
    /// # Errors
    /// The records are not where they should be.
    pub(super) fn end(&mut self) -> Result<(Shape, Vec<Value>), Error> {
        let shape = match self.shape {
            Shape::Nothing if self.has_elements() => Shape::List,
            shape => shape,
        };
        let mut found = std::mem::take(&mut self.pointers).into_iter().map(|p| p.found);
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        match found.next() {
            Some(Value::Missing(_)) if self.allow_empty => Ok((Shape::Null, found.collect())),
            Some(Value::Missing(absent)) => Err(absent.error("data_path")),
            Some(Value::Astray { at, why, help }) => Err(astray(&at, &why, help)),
            _ => Ok((shape, found.collect())),
        }
    }
}

impl Followed {
    /// Whether it leads on into a list or an object behind `depth` of its tokens.
    fn enters(&self, depth: usize, list: bool) -> bool {
        let leads = |token: &String| !list || self.is_every(token) || index(token).is_some();
        self.tokens.get(depth).is_some_and(leads)
    }

    /// Whether a token is `*`, and that means every element.
    fn is_every(&self, token: &str) -> bool {
        self.every && token == "*"
    }

    /// It cannot be followed; what is found first is told.
    fn stray(&mut self, at: String, why: String, help: Option<&'static str>) {
        if !matches!(self.found, Value::Astray { .. }) {
            self.found = Value::Astray { at, why, help };
        }
    }
}

fn scalar(kind: Kind, written: &str) -> Scalar<'_> {
    match kind {
        Kind::Null => Scalar::Null,
        Kind::Bool => Scalar::Bool(written == "true"),
        Kind::Number => Scalar::Number(written),
        Kind::String => Scalar::String(Text::written(written)),
        Kind::Array => Scalar::Array,
        Kind::Object => Scalar::Object,
    }
}

fn value(found: Scalar<'_>) -> Value {
    match found {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Number(text) => Value::Number(text.to_owned()),
        Scalar::String(text) => {
            let mut buffer = String::new();
            // The text was proven: its escapes are all right.
            let text = text.unescape(&mut buffer).unwrap_or_default();
            Value::String(text.to_owned())
        }
        Scalar::Array => Value::List,
        Scalar::Object => Value::Record,
    }
}

/// The first `depth` tokens as a pointer again.
fn path(tokens: &[String], depth: usize) -> String {
    tokens.iter().take(depth).collect::<Pointer>().0
}
