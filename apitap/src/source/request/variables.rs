//! Which variables of the environment are behind the keys of a source that its errors name.

use apitap_build::secret_names;

use super::auth::Credentials;
use super::template::RequestText;
use crate::Error;
use crate::definition::Source;
use crate::environment::{Environment, used_in};

/// The keys that take variables, as messages call them, and what is said of those.
#[derive(Clone, Default)]
pub(crate) struct Variables(Vec<(String, String)>);

impl Variables {
    /// Those of a source whose credentials take what `credentials` does with the environment.
    pub(crate) fn of(
        source: &Source,
        environment: &mut Environment,
        credentials: impl FnOnce(&mut Environment) -> Option<Credentials>,
    ) -> (Self, Option<Credentials>) {
        let mut found = Vec::new();
        let mut note = |place: String, used: &[_]| {
            found.extend(used_in(&place, used).map(|said| (place, said)));
        };
        let (credentials, used) = environment.reading(credentials);
        note("`auth`".to_owned(), &used);
        let (_, used) =
            environment.reading(|environment| RequestText::address(&source.url, environment));
        note("`url`".to_owned(), &used);
        let headers = source.headers.iter().map(|pair| ("header", pair));
        let params = source.query_params.iter().map(|pair| ("parameter", pair));
        let named = |name: &str| secret_names::may_be_secret(name);
        for (kind, (name, text)) in headers.chain(params).filter(|(_, (name, _))| named(name)) {
            let resolve = |environment: &mut Environment| RequestText::resolve(text, environment);
            note(format!("the {kind} `{name}`"), &environment.reading(resolve).1);
        }
        (Self(found), credentials)
    }

    /// Says which variables are behind the keys that an error names.
    pub(crate) fn tell(&self, error: Error) -> Error {
        let named = self.0.iter().filter(|(key, _)| error.names(key));
        let said: Vec<_> = named.map(|(_, said)| said.as_str()).collect();
        let said = (!said.is_empty()).then(|| said.join("; "));
        error.with_variables(said)
    }
}
