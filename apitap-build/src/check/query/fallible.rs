//! The guards of a plan → notes that say which expression can fail, on what, and how it is written so
//! that it cannot. Under `strict` they are errors, and those that fail on every value always are.

use datafusion::sql::sqlparser::ast::Statement;

use super::context::Context;
use super::draft::Draft;
use crate::codes;
use crate::engine::{self, Guarded, Operation, Why};
use crate::schema::described::describe_type;

/// How many of them one query is told.
const NOTES: usize = 20;

/// An error for each cast that no value survives.
pub(super) fn hopeless(
    context: &Context<'_>,
    statement: &Statement,
    guards: &[Guarded],
) -> Vec<Draft> {
    let text = context.text;
    let draft = |guarded: &Guarded| {
        let from = guarded.never_fits()?;
        let Operation::Cast(to) = &guarded.guard.operation else { return None };
        let to = describe_type(to.data_type());
        let (operation, written) = (&guarded.guard.operation, &guarded.guard.written);
        let located = engine::locate(text, statement, operation, written);
        let range = located.map_or_else(|| text.first(), |at| at.range);
        let message = format!("`{from}` cannot be converted to {to}");
        let draft = Draft::error(codes::TYPE_MISMATCH, message, range);
        Some(match from {
            "json" => draft
                .note("a text in JSON stands in quotes")
                .help(format!("declare the field as {to}, or take a text out of it: `…->>'key'`")),
            _ => draft.help("select the value as it is"),
        })
    };
    guards.iter().filter_map(draft).collect()
}

/// A note for each expression that can fail on some value.
pub(super) fn notes(
    context: &Context<'_>,
    statement: &Statement,
    guards: &[Guarded],
    is_strict: bool,
) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for guarded in guards {
        // What no API sends is not worth a note: `id + 1` would have one.
        let Some(Why { on: why, is_remote: false }) = guarded.why() else { continue };
        let (guard, text) = (&guarded.guard, context.text);
        let located = engine::locate(text, statement, &guard.operation, &guard.written);
        let range = located.as_ref().map_or_else(|| text.first(), |at| at.range.clone());
        let written = super::row::begin(text.slice(&range));
        let message = match &located {
            Some(_) => format!("`{written}` fails {why}"),
            None => format!("{} fails {why}", unlocated(&guard.operation)),
        };
        let is_told =
            |draft: &Draft| draft.range == range && (located.is_some() || draft.says(&message));
        if drafts.iter().any(is_told) {
            continue;
        }
        let draft = match is_strict {
            true => Draft::error(codes::CAN_FAIL, message, range),
            false => Draft::note_at(codes::CAN_FAIL, message, range),
        };
        let draft = draft.note("a value that cannot be computed ends the run");
        drafts.push(match located.and_then(|at| at.infallible) {
            Some(form) => draft.help(engine::instead(&guard.operation, &form)),
            None => {
                draft.help("leave out the values that it cannot take, in an inner query with WHERE")
            }
        });
        if drafts.len() == NOTES {
            break;
        }
    }
    drafts
}

/// What an expression does whose place is not known.
fn unlocated(operation: &Operation) -> String {
    match operation {
        Operation::Cast(to) => format!("a conversion to {}", describe_type(to.data_type())),
        operation => format!("`{operation}`"),
    }
}
