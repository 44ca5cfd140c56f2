//! `before` and `after` of a sink: SQL of the user's own, in the transaction of the rows.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::PipelineSpec;
use crate::codes;
use crate::definition::TargetKind;
use crate::definition::capabilities::Storage;
use crate::diagnostic::{Finding, Findings};
use crate::sql::text::{Text, Word};

/// Both, against what the target runs.
pub(super) fn check(spec: &PipelineSpec<'_>, findings: &mut Findings) {
    let target = spec.target.target.kind.capabilities();
    let store = &spec.sink.store;
    for (name, hook) in [("before", &store.before), ("after", &store.after)] {
        if hook.value.is_some() && !target.hooks {
            let message = format!("`{name}` is SQL, which a {} target does not run", target.name);
            let finding = Finding::error(codes::UNSUPPORTED_MODE, message, &hook.place);
            findings.push(match target.storage {
                Storage::Files | Storage::Lake => {
                    finding.help("remove it, or load into a database")
                }
                Storage::Tables => finding
                    .note("a driver may run the first of several statements only, and not say so")
                    .help("remove it, and run that SQL before or after the run"),
            });
        } else if let Some(sql) = &hook.value
            && let Some(statement) = ends_transaction(sql, spec.target.target.kind)
        {
            let message = format!("`{statement}` in `{name}` would end the transaction of the run");
            let finding = Finding::error(codes::HOOK_ENDS_TRANSACTION, message, &hook.place);
            let note = "what came before it would be committed, also where the run fails then";
            findings.push(finding.note(note).help("remove it, or run it before or after the run"));
        }
    }
}

/// The statements that end a transaction.
const ENDINGS: [&str; 3] = ["COMMIT", "ROLLBACK", "START"];

/// Those of MySQL that commit what came before them:
/// <https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html>.
const COMMITTING: [&str; 12] = [
    "CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "GRANT", "REVOKE", "LOCK", "UNLOCK",
    "ANALYZE", "OPTIMIZE", "REPAIR",
];

/// The statement of a hook that would end the transaction it runs in, if there is one.
fn ends_transaction(sql: &str, target: TargetKind) -> Option<String> {
    // What cannot be read is for the database to say.
    let text = Text::new(sql).ok()?;
    let mut statements = text.words().split(|word| word.token == Token::SemiColon);
    let ends = |words: &[Word]| {
        let written =
            |index: usize| Some(text.slice(&words.get(index)?.range).to_ascii_uppercase());
        let (first, second) = (written(0)?, written(1).unwrap_or_default());
        let is_end = match second.as_str() {
            // To a savepoint; a table of the session only.
            "TO" | "TEMPORARY" => false,
            _ => {
                ENDINGS.contains(&first.as_str())
                    || target == TargetKind::Mysql && COMMITTING.contains(&first.as_str())
            }
        };
        is_end.then_some(first)
    };
    statements.find_map(ends)
}
