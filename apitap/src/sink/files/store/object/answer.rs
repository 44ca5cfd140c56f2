//! What an object store answers → an error that says what to do.
//!
//! Of the answer, only the code and the message are shown: the rest may hold a signature.

use object_store::Error as StoreError;

use crate::Error;

/// The longest message of a server that is shown, in characters.
const LONGEST: usize = 300;

/// Something that was asked of an object store, and failed.
pub(super) fn failed(what: &str, at: &str, error: &StoreError) -> Error {
    let Answer { code, message } = Answer::of(error);
    let failed = match (&*code, &*message) {
        ("", message) => Error::target(format!("cannot {what} `{at}`: {message}")),
        (code, "") => Error::target(format!("cannot {what} `{at}`: {code}")),
        (code, message) => Error::target(format!("cannot {what} `{at}`: {code}: {message}")),
    };
    match help(&code, &message, error) {
        Some(help) => failed.help(help),
        None => failed,
    }
}

/// Whether an upload is no longer there: it was completed, or aborted.
pub(super) fn is_gone(error: &StoreError) -> bool {
    let gone = ["NoSuchUpload", "InvalidBlockList", "NoSuchKey", "BlobNotFound"];
    matches!(error, StoreError::NotFound { .. }) || gone.contains(&&*Answer::of(error).code)
}

/// Whether the server does not know what was asked of it.
pub(super) fn is_unknown(error: &StoreError) -> bool {
    matches!(error, StoreError::NotImplemented { .. } | StoreError::NotSupported { .. })
        || Answer::of(error).code == "NotImplemented"
}

struct Answer {
    /// `AccessDenied`; empty where the server has not answered so.
    code: String,
    /// What the server says, or what has gone wrong before it could.
    message: String,
}

impl Answer {
    fn of(error: &StoreError) -> Self {
        let text = error.to_string();
        let code = element(&text, "Code").unwrap_or_default();
        let message = match (&*code, element(&text, "Message")) {
            (_, Some(message)) => message,
            ("", None) => last(error),
            (_, None) => String::new(),
        };
        let message = message.chars().take(LONGEST).collect::<String>();
        Self { code, message: message.trim().trim_end_matches('.').to_owned() }
    }
}

/// What an element of XML holds: `<Code>AccessDenied</Code>`.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    let inner = inner.lines().next().unwrap_or_default();
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(inner.to_owned(), |text, (from, to)| text.replace(from, to)))
}

/// The cause of all causes: the operating system's, or the one that the store made up.
fn last(error: &StoreError) -> String {
    let status = "Server returned non-2xx status code: ";
    let text = error.to_string();
    if let Some((_, status)) = text.split_once(status) {
        return format!(
            "the server answered {}",
            status.split(['<', '{', '\n']).next().unwrap_or_default().trim_end_matches([':', ' '])
        );
    }
    let mut last: &dyn std::error::Error = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    match last.downcast_ref::<StoreError>() {
        // It has no cause: what it says itself is all.
        Some(error) => error.to_string(),
        None => last.to_string(),
    }
}

fn help(code: &str, message: &str, error: &StoreError) -> Option<&'static str> {
    Some(match code {
        "NoSuchBucket" | "ContainerNotFound" => "create the bucket, or correct `path`",
        "AccessDenied" | "AllAccessDisabled" | "AuthorizationPermissionMismatch" => {
            "allow these credentials to list, read, write and delete below that path, and to abort \
             multipart uploads there"
        }
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "AuthenticationFailed"
        | "InvalidAuthenticationInfo"
        | "AuthorizationFailure" => {
            "check the keys of the target, and the variables of the cloud: they are not those of this \
             server"
        }
        "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
            "the credentials are out of date: get new ones"
        }
        "RequestTimeTooSkewed" => "set the clock of this machine: the server's tells another time",
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => REGION,
        "SlowDown" | "ServiceUnavailable" | "InternalError" | "ServerBusy"
        | "OperationTimedOut" => "the server is busy: run again later",
        "" => return silent(message, error),
        _ => return None,
    })
}

const REGION: &str = "say where the bucket is: `s3: {region: …}`, or `AWS_REGION`";

/// The server has said nothing that can be looked up.
fn silent(message: &str, error: &StoreError) -> Option<&'static str> {
    let text = error.to_string();
    // The service that lends a role to a machine of a cloud.
    if ["169.254.", "metadata.google.internal"].iter().any(|host| text.contains(host)) {
        return Some(
            "there are no credentials: write them into the keys of the target, or set the variables of \
             the cloud (`AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, `GOOGLE_SERVICE_ACCOUNT`, \
             `AZURE_STORAGE_ACCOUNT_KEY`)",
        );
    }
    Some(match error {
        _ if message.contains("LOCATION") => REGION,
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            "check the credentials and their rights: to list, read, write and delete below that path"
        }
        StoreError::NotFound { .. } => "check `path`, and `endpoint` where there is one",
        StoreError::Generic { .. } => {
            "check the keys of the target, and whether this machine reaches the server"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: StoreError, expected: &str) {
        assert_eq!(failed("write", "s3://b/x", &error).to_string(), expected);
    }

    /// An answer, as the client of the store tells of it.
    fn answer(body: &str) -> StoreError {
        let text = format!(
            "Error performing PUT https://s3.eu-central-1.amazonaws.com/b/x?sig=secret in 12ms - \
             Server returned non-2xx status code: 403 Forbidden: {body}"
        );
        StoreError::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn an_answer_says_what_to_do() {
        check(
            answer(
                "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>",
            ),
            "cannot write `s3://b/x`: NoSuchBucket: The specified bucket does not exist\n  help:     \
             create the bucket, or correct `path`",
        );
        check(
            answer(
                "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region &apos;us-east-1&apos; is wrong; expecting &apos;eu-central-1&apos;</Message></Error>",
            ),
            "cannot write `s3://b/x`: AuthorizationHeaderMalformed: the region 'us-east-1' is wrong; \
             expecting 'eu-central-1'\n  help:     say where the bucket is: `s3: {region: …}`, or \
             `AWS_REGION`",
        );
        check(
            answer("<Error><Code>RequestTimeTooSkewed</Code></Error>"),
            "cannot write `s3://b/x`: RequestTimeTooSkewed\n  help:     set the clock of this machine: \
             the server's tells another time",
        );
        check(
            answer("<html>proxy</html>"),
            "cannot write `s3://b/x`: the server answered 403 Forbidden\n  help:     check the keys of \
             the target, and whether this machine reaches the server",
        );
        check(
            answer("<Error><Code>AccessDenied</Code><Message>\u{1b}[2J</Message></Error>"),
            "cannot write `s3://b/x`: AccessDenied: \\u{1b}[2J\n  help:     allow these credentials to \
             list, read, write and delete below that path, and to abort multipart uploads there",
        );
    }

    #[test]
    fn what_failed_before_an_answer_is_the_last_cause() {
        let refused =
            std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "connection refused");
        check(
            StoreError::Generic { store: "S3", source: Box::new(refused) },
            "cannot write `s3://b/x`: connection refused\n  help:     check the keys of the target, and \
             whether this machine reaches the server",
        );
    }

    #[test]
    fn an_upload_that_is_no_more_is_known() {
        assert!(is_gone(&answer("<Error><Code>NoSuchUpload</Code></Error>")));
        assert!(is_gone(&answer("<Error><Code>InvalidBlockList</Code></Error>")));
        assert!(!is_gone(&answer("<Error><Code>AccessDenied</Code></Error>")));
    }
}
