//! `tls`: certificates beside those that every source has.

use super::declare::keys;
use crate::definition::Template;

keys! {
    /// Certificates of the server's authority, and of the program itself.
    #[derive(Eq, Hash, serde::Serialize, serde::Deserialize)]
    pub struct Tls, spec TlsSpec {
        /// A file of the authorities to trust besides the usual ones, in PEM form.
        ca_file: Option<Template> = optional().filled().example("${CA_FILE}"),
        /// A file of the certificate that the program shows, and of those that lead to its authority, in PEM form.
        client_cert: Option<Template> = optional().filled().example("${CLIENT_CERT}"),
        /// A file of the key of that certificate, in PEM form.
        client_key: Option<Template> = optional().filled().example("${CLIENT_KEY}"),
    }
    check: check::together;
    rules: vec![Rule::OneOf(vec![
        Alternative { with: vec!["ca_file"], without: vec!["client_cert", "client_key"] },
        Alternative { with: vec!["client_cert", "client_key"], without: vec!["ca_file"] },
        Alternative { with: vec!["ca_file", "client_cert", "client_key"], without: vec![] },
    ])];
}

#[cfg(feature = "compiler")]
mod check {
    use super::TlsSpec;
    use crate::keys::declare::Mapping;

    /// A certificate is shown with its key, and something is said at all.
    pub(super) fn together(spec: &TlsSpec, mapping: &mut Mapping<'_, '_>) -> bool {
        let missing = match (&spec.client_cert.value, &spec.client_key.value, &spec.ca_file.value) {
            (Some(_), Some(_), _) | (None, None, Some(_)) => return true,
            (Some(_), None, _) => ("client_key", "client_key: ${CLIENT_KEY}"),
            (None, Some(_), _) => ("client_cert", "client_cert: ${CLIENT_CERT}"),
            (None, None, None) => ("ca_file", "ca_file: ${CA_FILE}"),
        };
        mapping.missing_as(missing.0, missing.1);
        false
    }
}
