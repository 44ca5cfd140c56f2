//! `state`: how far pipelines have come, for people who look at it or correct it.

mod runs;

use std::collections::BTreeMap;
use std::process::ExitCode;

use apitap_build::shown::shown;
use chrono::{DateTime, SecondsFormat};
use clap::Subcommand;
use serde_json::{Value, json};

use super::asked::asked;
use super::output::{FAINT, failed, print, styled, tell, usage, width};
use super::{Choice, Format, Options, table};
use crate::definition::{Definition, Mode, Source};
use crate::sink::{Remembered, StateChange};
use crate::source::incremental::{defined, described, is_before, moment, set_to};
use crate::source::parts::Reached;
use crate::{Pipeline, Result, blocking, engine};

#[derive(Debug, Subcommand)]
pub(crate) enum State {
    /// Show how far pipelines have come: each partition, since when, and by which run; and their last runs
    Show(Choice),
    /// Show all runs of pipelines that their databases keep
    Runs(Choice),
    /// Have an incremental pipeline go on from another time
    Set {
        /// The name of a pipeline, or a pattern such as 'shop_*'
        pipeline: String,
        /// A date, or a timestamp as in 2026-01-31T00:00:00Z
        time: String,
        /// A partition as `state show` names it; all if absent
        #[arg(long, value_name = "NAME")]
        partition: Option<String>,
        /// Go back, although the next run appends rows that may be there already
        #[arg(long)]
        yes: bool,
    },
    /// Forget how far a pipeline has come: the next run loads from the start
    Reset {
        /// The name of a pipeline, or a pattern such as 'shop_*'
        pipeline: String,
        /// A partition as `state show` names it; all if absent
        #[arg(long, value_name = "NAME")]
        partition: Option<String>,
        /// Forget it, although the next run appends rows that may be there already
        #[arg(long)]
        yes: bool,
    },
}

impl State {
    pub(super) fn choice(&self) -> Choice {
        match self {
            Self::Show(choice) | Self::Runs(choice) => choice.clone(),
            Self::Set { pipeline, .. } | Self::Reset { pipeline, .. } => Choice::one(pipeline),
        }
    }
}

/// Does what is asked for.
pub(super) fn state(pipelines: &[&Pipeline], state: &State, options: &Options) -> ExitCode {
    let done = match state {
        State::Show(_) => show(pipelines, options),
        State::Runs(_) => runs::show(pipelines, options),
        State::Set { time, partition, yes, .. } => match moment(time) {
            Some(time) => each(pipelines, options, *yes, |definition, all| {
                let names = settable(definition, all, partition.as_deref())?;
                let set = names.into_iter().map(|name| (name, set_to(time)));
                Ok(set.chain(unfinished(definition, all)).collect())
            }),
            None => Err(format!(
                "`{time}` is not a date or a timestamp\nhelp: write it as in `2026-01-31` or \
                 `2026-01-31T00:00:00Z`"
            )),
        },
        State::Reset { partition, yes, .. } => each(pipelines, options, *yes, |definition, all| {
            let names = known(all, partition.as_deref())?;
            let reset = names.into_iter().map(|name| (name, Value::Null));
            Ok(reset.chain(unfinished(definition, all)).collect())
        }),
    };
    done.unwrap_or_else(|message| usage(&message))
}

fn show(pipelines: &[&Pipeline], options: &Options) -> Result<ExitCode, String> {
    let mut all = match asked(pipelines, options, engine::remembered)? {
        Ok(all) => all,
        Err(error) => return Ok(failed(error)),
    };
    // Nobody sets it, and the files say it better.
    all.retain(|(_, one)| defined(&one.partition).is_none());
    if options.format == Format::Json {
        let text = format!("{:#}", all.iter().map(machine).collect::<Value>());
        return Ok(print(&text, ExitCode::SUCCESS));
    }
    let runs = match runs::of(pipelines, options, runs::SHOWN)? {
        Ok(runs) => runs::rows(&runs, width()),
        Err(error) => return Ok(failed(error)),
    };
    if all.is_empty() {
        tell(&styled(FAINT, nothing(pipelines)?));
    }
    let states = (!all.is_empty()).then(|| rows(&all, width()));
    let text = states.into_iter().chain(runs).collect::<Vec<_>>().join("\n\n");
    match text.is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(print(&text, ExitCode::SUCCESS)),
    }
}

/// Why nothing is remembered of any of them.
fn nothing(pipelines: &[&Pipeline]) -> Result<&'static str, String> {
    for pipeline in pipelines {
        let definition = pipeline.definition().map_err(|error| error.to_string())?;
        if definition.sources.iter().any(|source| source.incremental.is_some()) {
            return Ok(
                "nothing is remembered: no run of an incremental pipeline has committed yet",
            );
        }
    }
    Ok("there is nothing to remember: no source is `incremental`, and no run is unfinished")
}

fn rows(all: &[(&str, Remembered)], width: Option<usize>) -> String {
    let names = ["pipeline", "partition", "has come to", "at", "in the run"].map(str::to_owned);
    let row = |(pipeline, one): &(&str, Remembered)| {
        let Remembered { partition, value, run, changed_at } = one;
        let (value, at) = (text(value), to_the_second(changed_at));
        [*pipeline, partition, &value, &at, run].map(|cell| shown(cell).into_owned()).to_vec()
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    table::fitted(&names, &[false; 5], &rows, width)
}

/// A time as people read it; as it is where it is none.
fn to_the_second(time: &str) -> String {
    match DateTime::parse_from_rfc3339(time) {
        Ok(time) => time.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true),
        Err(_) => time.to_owned(),
    }
}

fn machine((pipeline, one): &(&str, Remembered)) -> Value {
    let Remembered { partition, value, run, changed_at } = one;
    json!({
        "pipeline": pipeline,
        "partition": partition,
        "value": value,
        "run": run,
        "changed_at": changed_at,
    })
}

/// Changes the states of pipelines, and says what has changed; where `yes` is not said, no state goes back to
/// what a pipeline would append once more.
fn each(
    pipelines: &[&Pipeline],
    options: &Options,
    yes: bool,
    change: impl Fn(&Definition, &[Remembered]) -> Result<BTreeMap<String, Value>, String>,
) -> Result<ExitCode, String> {
    let runtime = blocking::runtime().map_err(|error| error.to_string())?;
    let mut changes = Vec::new();
    for pipeline in pipelines {
        let definition = pipeline.definition().map_err(|error| error.to_string())?;
        let found = runtime.block_on(engine::remembered(pipeline, options.environment()?));
        let (before, definitions): (Vec<_>, Vec<_>) = match found {
            Ok(found) => found.into_iter().partition(|one| defined(&one.partition).is_none()),
            Err(error) => return Ok(failed(error)),
        };
        let mut partitions = change(definition, &before)?;
        if !yes {
            check_appends(definition, &before, &partitions)?;
        }
        partitions.extend(replaced(&definitions, &before, &partitions));
        let run = format!("apitap state, {}", chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ"));
        let change = StateChange { run, partitions, ..StateChange::default() };
        changes.push((pipeline, definition, before, change));
    }
    // One that is refused leaves all as they are.
    for (pipeline, definition, before, change) in changes {
        if !change.is_empty() {
            let done = runtime.block_on(engine::correct(pipeline, options.environment()?, &change));
            if let Err(error) = done {
                return Ok(failed(error));
            }
        }
        say(definition, &before, &change, options.format)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Rows that are there are not to be appended once more by accident.
fn check_appends(
    definition: &Definition,
    before: &[Remembered],
    partitions: &BTreeMap<String, Value>,
) -> Result<(), String> {
    let goes_back = |one: &Remembered| {
        partitions.get(&one.partition).is_some_and(|value| is_before(value, &one.value))
    };
    if definition.mode != Mode::Append || !before.iter().any(goes_back) {
        return Ok(());
    }
    let Definition { name, table, .. } = definition;
    Err(format!(
        "the next run of `{name}` would append rows to `{table}` that are there already\nhelp: delete them \
         and say `--yes`, or merge rows by a key: `mode=\"merge\"`"
    ))
}

fn say(
    definition: &Definition,
    before: &[Remembered],
    change: &StateChange,
    format: Format,
) -> Result<(), String> {
    let old = |name: &str| before.iter().find(|one| one.partition == name).map(|one| &one.value);
    let changed = change.partitions.iter().filter(|(name, _)| defined(name).is_none());
    let changed: Vec<_> = changed.collect();
    if format == Format::Json {
        let changed = changed.into_iter().map(|(name, value)| {
            json!({ "pipeline": definition.name, "partition": name, "before": old(name), "after": value })
        });
        return super::output::say(&format!("{:#}", changed.collect::<Value>()));
    }
    if changed.is_empty() {
        let message = format!("nothing is remembered of `{}`", definition.name);
        tell(&styled(FAINT, message));
    }
    let said = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "nothing".to_owned(),
        Some(value) => text(value),
    };
    for (name, value) in changed {
        let pipeline = &definition.name;
        let line = format!("{pipeline}, {name}: {} → {}", said(old(name)), said(Some(value)));
        super::output::say(&shown(&line))?;
    }
    Ok(())
}

/// The definitions of which no state is left: what the next run goes on from is what a person has said.
fn replaced(
    definitions: &[Remembered],
    before: &[Remembered],
    partitions: &BTreeMap<String, Value>,
) -> Vec<(String, Value)> {
    let is_of = |name: &str, source: &str| {
        name.strip_prefix(source).is_some_and(|rest| rest.is_empty() || rest.starts_with(" {"))
    };
    let is_left = |source: &str| {
        let mut states = before.iter().filter(|one| is_of(&one.partition, source));
        states.any(|one| !partitions.contains_key(&one.partition))
    };
    let names = definitions.iter().map(|one| &one.partition);
    let names = names.filter(|name| defined(name).is_some_and(|source| !is_left(source)));
    names.map(|name| (name.clone(), Value::Null)).collect()
}

/// The places where unfinished runs would go on, which are those of another time.
fn unfinished(definition: &Definition, before: &[Remembered]) -> Vec<(String, Value)> {
    let names = definition.sources.iter().map(|source| Reached::name(&source.name));
    let there = names.filter(|name| before.iter().any(|one| one.partition == *name));
    there.map(|name| (name, Value::Null)).collect()
}

/// A state in words.
fn text(value: &Value) -> String {
    Reached::described(value).unwrap_or_else(|| described(value))
}

/// The partitions of incremental sources that are meant: those that are known, and those that every run has.
fn settable(
    definition: &Definition,
    before: &[Remembered],
    partition: Option<&str>,
) -> Result<Vec<String>, String> {
    let incremental = || definition.sources.iter().filter(|source| source.incremental.is_some());
    let followed: Vec<_> = definition.requested().flat_map(Source::followed).collect();
    let name = &definition.name;
    if incremental().next().is_none() && followed.is_empty() {
        return Err(format!(
            "`{name}` reads no incremental source: each run loads everything\nhelp: give the \
             source the key `incremental`"
        ));
    }
    let is_of = |name: &str| {
        let of_source = incremental().any(|source| match name.strip_prefix(source.name.as_str()) {
            Some("") => source.for_each.is_empty(),
            Some(rest) => rest.starts_with(" {") && !source.for_each.is_empty(),
            None => false,
        });
        let rest = followed.iter().find_map(|parent| name.strip_prefix(parent.as_str()));
        of_source || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" {"))
    };
    let always = incremental().filter(|source| source.for_each.is_empty());
    let always = always.map(|source| source.name.as_str());
    let known = before.iter().map(|one| one.partition.as_str()).filter(|name| is_of(name));
    let mut names: Vec<_> = known.chain(always).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    match partition {
        Some(partition) if is_of(partition) => Ok(vec![partition.to_owned()]),
        Some(partition) => Err(unknown(partition, &names)),
        None if names.is_empty() => Err(format!(
            "no partition of `{name}` is known yet\nhelp: name one with `--partition`, as `state \
             show` does after the first run"
        )),
        None => Ok(names),
    }
}

/// The partitions that are meant, of those that are known.
fn known(before: &[Remembered], partition: Option<&str>) -> Result<Vec<String>, String> {
    let names: Vec<_> = before.iter().map(|one| one.partition.clone()).collect();
    match partition {
        Some(partition) if names.iter().all(|name| name != partition) => {
            Err(unknown(partition, &names))
        }
        Some(partition) => Ok(vec![partition.to_owned()]),
        None => Ok(names),
    }
}

fn unknown(partition: &str, names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    let known = match names.as_slice() {
        [] => "nothing is remembered yet".to_owned(),
        names => format!("there are {}", names.join(", ")),
    };
    format!("there is no partition `{partition}`\nhelp: {known}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(width: usize, expected: &str) {
        let one = Remembered {
            partition: "tickets {org: 7}".to_owned(),
            value: json!("2026-02-21T10:00:00Z"),
            run: "2026-11-27T11:22:47.302Z 19851".to_owned(),
            changed_at: "2026-11-27T11:22:48.114302+00:00".to_owned(),
        };
        let found = rows(&[("tickets", one)], Some(width));
        assert_eq!(anstream::adapter::strip_str(&found).to_string(), expected);
    }

    #[test]
    fn what_is_remembered_fits_the_screen() {
        check(
            120,
            " pipeline  partition         has come to             at                    in the run\n\
             ────────────────────────────────────────────────────────────────────────────────────────\
             ──────────────────\n \
             tickets   tickets {org: 7}  \"2026-02-21T10:00:00Z\"  2026-11-27T11:22:48Z  \
             2026-11-27T11:22:47.302Z 19851",
        );
        check(
            60,
            "row 1\n  pipeline     tickets\n  partition    tickets {org: 7}\n  has come to  \
             \"2026-02-21T10:00:00Z\"\n  at           2026-11-27T11:22:48Z\n  in the run   \
             2026-11-27T11:22:47.302Z 19851",
        );
    }
}
