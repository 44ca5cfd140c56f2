//! A template of a definition → what is sent.
//!
//! `${NAME}` is resolved once, when a run begins; an expression whenever a request is made.

use apitap_build::expression::Expression;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::expression::{Scope, Value, evaluate};
use crate::definition::{RequestPart, RequestTextError, Template};
use crate::environment::{Address, Environment};
use crate::{Error, Result};

/// What a value in a URL keeps as it is: RFC 3986's unreserved characters.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A template with the environment's values in it; equal ones send the same.
///
/// It has no `Debug`: it may hold a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Resolved(String);

impl Resolved {
    /// Puts the values in. What is missing is in the environment's [`check`](Environment::check).
    pub(crate) fn text_of(template: &Template, environment: &mut Environment) -> Self {
        Self(environment.text(template))
    }

    /// As [`text_of`](Self::text_of), for the URL of a request: messages show which server it is.
    pub(crate) fn address_of(template: &Template, environment: &mut Environment) -> Self {
        Self(environment.address(template))
    }

    /// As [`text_of`](Self::text_of), for one that is a secret even where it is written out.
    pub(crate) fn secret_of(template: &Template, environment: &mut Environment) -> Self {
        Self(environment.secret(template))
    }

    /// As [`secret_of`](Self::secret_of), for one that is not left empty.
    pub(crate) fn credential_of(template: &Template, environment: &mut Environment) -> Self {
        Self(environment.credential(template))
    }

    /// What is sent.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// The text of a request, with the environment's values in it; equal ones send the same where their
/// names have the same values.
///
/// It has no `Debug`: it may hold a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct RequestText(Vec<Piece>);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Piece {
    Text(String),
    Expression(Expression),
}

/// What stands for the value of an expression where it is looked for passwords.
const IN_PLACE: &str = "1";

/// The parts of a text; none where it is malformed, which the environment reports.
fn parts(template: &Template, environment: &mut Environment) -> Vec<RequestPart> {
    template.request_parts().unwrap_or_else(|error| {
        let (message, help) = match &error {
            RequestTextError::Variable(error) => (&error.message, &error.help),
            RequestTextError::Expression(error) => (&error.message, &error.help),
        };
        environment.is_malformed(message, help, template);
        Vec::new()
    })
}

impl RequestText {
    /// Puts the environment's values in. What is missing is in the environment's
    /// [`check`](Environment::check).
    pub(crate) fn resolve(template: &Template, environment: &mut Environment) -> Self {
        let pieces = parts(template, environment).into_iter().map(|part| match part {
            RequestPart::Start(part) => Piece::Text(environment.part(part)),
            RequestPart::Expression(expression) => Piece::Expression(expression),
        });
        let pieces: Vec<_> = pieces.collect();
        let known = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.as_str(),
            Piece::Expression(_) => IN_PLACE,
        });
        environment.hide_password(&known.collect::<String>());
        Self(pieces)
    }

    /// As [`resolve`](Self::resolve), for the URL of a request: messages show which server it is.
    pub(crate) fn address(template: &Template, environment: &mut Environment) -> Self {
        let mut address = Address::default();
        let pieces = parts(template, environment).into_iter().map(|part| match part {
            RequestPart::Start(part) => {
                Piece::Text(environment.part_of_address(part, &mut address))
            }
            RequestPart::Expression(expression) => {
                address.push(IN_PLACE);
                Piece::Expression(expression)
            }
        });
        let pieces = pieces.collect();
        environment.hide_in(&address);
        Self(pieces)
    }

    /// One that is sent as it is.
    pub(crate) fn literal(text: &str) -> Self {
        Self(vec![Piece::Text(text.to_owned())])
    }

    /// As [`resolve`](Self::resolve), for one that is a secret even where it is written out.
    pub(crate) fn secret(template: &Template, environment: &mut Environment) -> Self {
        let resolved = Self::resolve(template, environment);
        for piece in &resolved.0 {
            if let Piece::Text(text) = piece {
                environment.hide(text);
            }
        }
        resolved
    }

    /// Whether an expression in it uses one of these names.
    pub(crate) fn uses(&self, names: &[&str]) -> bool {
        self.0.iter().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Expression(expression) => {
                expression.names().iter().any(|name| names.contains(name))
            }
        })
    }

    /// What stands before the first expression.
    pub(crate) fn start(&self) -> &str {
        match self.0.first() {
            Some(Piece::Text(text)) => text,
            Some(Piece::Expression(_)) | None => "",
        }
    }

    /// The value in a JSON body: what is one expression keeps its type.
    ///
    /// # Errors
    /// An expression in it has no value.
    pub(crate) fn json(&self, scope: &Scope) -> Result<serde_json::Value> {
        use serde_json::Value as Json;

        if let [Piece::Expression(only)] = self.0.as_slice() {
            return Ok(match evaluate(only, scope)? {
                None => Json::Null,
                Some(Value::Integer(number)) => number.into(),
                Some(Value::Boolean(value)) => value.into(),
                Some(Value::Number(_, text)) => {
                    text.parse::<serde_json::Number>().map_or(Json::String(text), Json::Number)
                }
                Some(other) => Json::String(other.text()),
            });
        }
        self.joined(scope, |_, text| Ok(text)).map(Json::String)
    }

    /// The value of a header, a parameter or a text; `None` where it is one expression that is null:
    /// then it is not sent.
    ///
    /// # Errors
    /// An expression in it has no value.
    pub(crate) fn text(&self, scope: &Scope) -> Result<Option<String>> {
        if let [Piece::Expression(only)] = self.0.as_slice() {
            return Ok(evaluate(only, scope)?.as_ref().map(Value::text));
        }
        self.joined(scope, |_, text| Ok(text)).map(Some)
    }

    /// A URL: what expressions yield is percent-encoded, so that it stays within the segment of the
    /// path, or the parameter, where it stands.
    ///
    /// # Errors
    /// An expression has no value, or one that would lead to another path.
    pub(crate) fn url(&self, scope: &Scope) -> Result<String> {
        self.joined(scope, |before, text| {
            let in_path = !before.contains('?');
            let is_segment = before.ends_with('/');
            if in_path && is_segment && matches!(text.as_str(), "" | "." | "..") {
                let message = format!("`{text}` cannot be a part of the URL's path");
                return Err(Error::data(message)
                    .help("the value of the expression would lead to another path"));
            }
            Ok(utf8_percent_encode(&text, UNRESERVED).to_string())
        })
    }

    /// All pieces, what expressions yield as `encode` makes it of what stands before it.
    fn joined(
        &self,
        scope: &Scope,
        encode: impl Fn(&str, String) -> Result<String>,
    ) -> Result<String> {
        let mut all = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => all.push_str(text),
                Piece::Expression(expression) => {
                    let value = evaluate(expression, scope)?.ok_or_else(|| {
                        Error::config(format!("the expression `{expression}` is null here"))
                    })?;
                    let text = encode(&all, value.text())?;
                    all.push_str(&text);
                }
            }
        }
        Ok(all)
    }
}
