//! Traits for what no key of a source covers: how requests are signed, and which page follows.
//!
//! ```text
//! auth: {custom: {type: "crate::Signed", key: "${SHOP_KEY}"}}   → Authenticator for crate::Signed
//! pagination: {kind: custom, type: "crate::Pages", step: 50}     → Paginator for crate::Pages
//! ```
//! The built-in kinds have the same traits. A type of the program also says how it is made of its
//! settings: [`FromSettings`]. Retries, redirects, the check that a body is whole, and the detection of
//! loops stay apitap's.

use std::any::TypeId;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub use super::answer::Answer;
pub use super::pagination::{Paginator, Params, Position, Reads, Resumed, Step};
pub use super::request::auth::{Again, Authenticator, Request};

use super::request::auth::Authenticate;
pub use crate::definition::Pointer;
use crate::definition::{Custom, RustRole, Source};
use crate::environment::Environment;
use crate::{Error, Result};

/// Makes an [`Authenticator`] or a [`Paginator`] of what a source says beside its type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how it is made of its settings",
    note = "implement `apitap::source::custom::FromSettings` for it"
)]
pub trait FromSettings: Sized {
    /// Makes it of the settings, their `${NAME}` resolved.
    ///
    /// Called when a run begins, before anything is requested, and possibly more than once.
    ///
    /// # Errors
    /// A setting is missing ([`Settings::required`]) or wrong: nothing is requested then.
    fn from_settings(settings: &Settings) -> Result<Self>;
}

/// What a source says of its [`Authenticator`] or [`Paginator`], besides the type.
///
/// Settings that are never asked for are an error: they are probably misspelled.
pub struct Settings {
    source: String,
    path: String,
    values: Vec<(String, String)>,
    asked: RefCell<BTreeSet<String>>,
}

impl Settings {
    pub(crate) fn new(source: &str, path: &str, values: Vec<(String, String)>) -> Self {
        Self { source: source.to_owned(), path: path.to_owned(), values, asked: RefCell::default() }
    }

    /// The value of a setting, if it was written.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.values.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a setting that must be there.
    ///
    /// # Errors
    /// A config error that names the source and the setting.
    pub fn required(&self, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| {
            let Self { source, path, .. } = self;
            Error::config(format!("`{path}` needs the setting `{name}` in source `{source}`"))
                .help(format!("write `{name}` beside `type: \"{path}\"`"))
        })
    }

    /// Makes something of them, which must have asked for each.
    fn make<T>(&self, make: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let made = make(self)?;
        let asked = self.asked.borrow();
        let Some((name, _)) = self.values.iter().find(|(name, _)| !asked.contains(name)) else {
            return Ok(made);
        };
        let known: Vec<_> = asked.iter().map(|name| format!("`{name}`")).collect();
        let Self { source, path, .. } = self;
        let message = format!("`{path}` has no setting `{name}`, which source `{source}` gives it");
        Err(Error::config(message).help(match known.is_empty() {
            true => "it has none: leave it out".to_owned(),
            false => format!("it asks for {}", known.join(", ")),
        }))
    }
}

impl fmt::Debug for Settings {
    /// The names only: values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.values.iter().map(|(name, _)| name).collect();
        f.debug_struct("Settings").field("type", &self.path).field("names", &names).finish()
    }
}

/// A type of the program that a source names.
#[derive(Debug, Clone, Copy)]
pub struct RustType {
    /// As the definition names it.
    pub(crate) path: &'static str,
    /// Which type that is: in another crate of the program, the path may be another type's.
    pub(crate) id: fn() -> TypeId,
    make: Make,
}

#[derive(Debug, Clone, Copy)]
enum Make {
    Authenticator(fn(&Settings) -> Result<Arc<dyn Authenticate>>),
    Paginator(fn(&Settings) -> Result<Box<dyn Paginator>>),
}

impl RustType {
    /// What generated code calls for `auth(custom = …)`.
    #[doc(hidden)]
    pub const fn authenticate<T: Authenticator + FromSettings>(path: &'static str) -> Self {
        let make = Make::Authenticator(|settings| Ok(Arc::new(settings.make(T::from_settings)?)));
        Self { path, id: TypeId::of::<T>, make }
    }

    /// What generated code calls for `pagination(kind = "custom", …)`.
    #[doc(hidden)]
    pub const fn paginate<T: Paginator + FromSettings + 'static>(path: &'static str) -> Self {
        let make = Make::Paginator(|settings| {
            let inner = Box::new(settings.make(T::from_settings)?);
            Ok(Box::new(Named { path: settings.path.clone(), inner }))
        });
        Self { path, id: TypeId::of::<T>, make }
    }

    /// What it is for.
    pub(crate) fn role(&self) -> RustRole {
        match self.make {
            Make::Authenticator(_) => RustRole::Authenticate,
            Make::Paginator(_) => RustRole::Paginate,
        }
    }
}

/// A pagination of the user's, which messages name by its path where it does not name itself.
struct Named {
    path: String,
    inner: Box<dyn Paginator>,
}

impl Paginator for Named {
    fn step(&mut self, last: Option<&Answer<'_>>) -> Result<Step> {
        self.inner.step(last)
    }

    fn resume(&mut self, from: &Resumed) -> Result<Option<Step>> {
        self.inner.resume(from)
    }

    fn position(&self) -> Option<Position> {
        self.inner.position()
    }

    fn reads(&self) -> Reads {
        self.inner.reads()
    }

    fn ends_with(&self, status: u16) -> bool {
        self.inner.ends_with(status)
    }

    fn asks_by(&self) -> Option<String> {
        self.inner.asks_by().or_else(|| Some(format!("what `{}` asks for", self.path)))
    }

    fn may_repeat_the_last(&self) -> bool {
        self.inner.may_repeat_the_last()
    }
}

/// A Rust type with its settings, ready to be made; equal ones make the same.
///
/// It has no `Debug`: settings may be secrets.
#[derive(Clone)]
pub(crate) struct Prepared {
    /// `None` where the program has no such type, which was checked before.
    ty: Option<RustType>,
    source: String,
    values: Vec<(String, String)>,
}

impl Prepared {
    /// The type that a source names for a role, among those of the program.
    pub(crate) fn resolve(
        source: &Source,
        role: RustRole,
        types: &[RustType],
        environment: &mut Environment,
    ) -> Self {
        let named = source.rust_types().find(|(other, _)| *other == role).map(|(_, custom)| custom);
        let of_path = |custom: &Custom| {
            types.iter().copied().find(|ty| ty.path == custom.path && ty.role() == role)
        };
        let settings = named.map(|custom| custom.settings.as_slice()).unwrap_or_default();
        let values = settings.iter().map(|(name, text)| {
            // Which of its settings is the secret one is known to the type only.
            let value = match role {
                RustRole::Authenticate => environment.secret(text),
                RustRole::Paginate => environment.text(text),
            };
            (name.clone(), value)
        });
        let values = values.collect();
        Self { ty: named.and_then(of_path), source: source.name.clone(), values }
    }

    /// The authenticator.
    pub(crate) fn authenticator(&self) -> Result<Arc<dyn Authenticate>> {
        match self.ty {
            Some(RustType { path, make: Make::Authenticator(make), .. }) => {
                make(&self.settings(path))
            }
            _ => Err(self.missing()),
        }
    }

    /// The pagination.
    pub(crate) fn paginator(&self) -> Result<Box<dyn Paginator>> {
        match self.ty {
            Some(RustType { path, make: Make::Paginator(make), .. }) => make(&self.settings(path)),
            _ => Err(self.missing()),
        }
    }

    fn missing(&self) -> Error {
        Error::config(format!("a Rust type of source `{}` is not in this program", self.source))
            .help("build the program that has it, and run that")
    }

    fn settings(&self, path: &str) -> Settings {
        Settings::new(&self.source, path, self.values.clone())
    }

    /// What a path means depends on the crate that it stands in.
    fn same(&self) -> (Option<TypeId>, &[(String, String)]) {
        (self.ty.map(|ty| (ty.id)()), &self.values)
    }
}

impl PartialEq for Prepared {
    fn eq(&self, other: &Self) -> bool {
        self.same() == other.same()
    }
}

impl Eq for Prepared {}

impl Hash for Prepared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.same().hash(state);
    }
}

#[cfg(test)]
mod tests;
