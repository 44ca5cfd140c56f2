//! `body: {text: …}`.

use crate::definition::Template;
use crate::keys::declare::{Key, required};

pub(super) fn key() -> Key<Template> {
    required("\"<orders status='paid'/>\"")
        .named("text")
        .expressions()
        .doc("A text, sent as it is written; as `text/plain` unless `headers` says otherwise.")
}
