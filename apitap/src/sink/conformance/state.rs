//! Rows and state: both, or neither.

use futures::FutureExt as _;
use serde_json::{Value, json};

use super::run::{batch, load, open, open_as};
use super::{Place, Promise, Seen, refused, same, sees, unexpected, wrote};
use crate::definition::Mode;
use crate::definition::capabilities::Storage;
use crate::sink::{State, StateChange};

pub(super) const PROMISES: &[Promise] = &[
    Promise {
        name: "rows and state are committed together",
        needs: &[Mode::Merge],
        check: |place| rows_and_state_commit_together(place).boxed(),
    },
    Promise {
        name: "appended rows and state are committed together, as often as it takes",
        needs: &[Mode::Append],
        check: |place| appends_and_states_repeat(place).boxed(),
    },
    Promise {
        name: "a commit that fails leaves rows and state as they were",
        needs: &[Mode::Append, Mode::Merge],
        check: |place| a_failed_commit_leaves_both(place).boxed(),
    },
    Promise {
        name: "a commit can be followed by more rows and another commit",
        needs: &[Mode::Merge],
        check: |place| commits_repeat(place).boxed(),
    },
    Promise {
        name: "replace counts as a whole: rows and states wait for the end",
        needs: &[Mode::Replace],
        check: |place| replace_waits_for_the_end(place).boxed(),
    },
    Promise {
        name: "a run whose state another one has moved is refused, and null removes a state",
        needs: &[],
        check: |place| a_late_run_is_refused(place).boxed(),
    },
    Promise {
        name: "each pipeline has a state of its own, by partition",
        needs: &[Mode::Append],
        check: |place| states_are_apart(place).boxed(),
    },
];

/// A run that has read the state commits behind another one that has done so, too.
async fn a_late_run_is_refused(place: &dyn Place) -> Seen {
    let target = place.target();
    let mode = target.capabilities().modes.first().copied().unwrap_or(Mode::Append);
    let mut first = open(&target, "t", mode).await.map_err(unexpected)?;
    first
        .commit_with(&change("one", &[("", json!(1)), ("a", json!(1))]))
        .await
        .map_err(unexpected)?;
    first.finish().await.map_err(unexpected)?;
    let mut late = open(&target, "t", mode).await.map_err(unexpected)?;
    let known = Some(late.state().await.map_err(unexpected)?);
    late.abort().await.map_err(unexpected)?;
    let mut other = open(&target, "t", mode).await.map_err(unexpected)?;
    other.commit_with(&change("two", &[("", json!(2))])).await.map_err(unexpected)?;
    other.finish().await.map_err(unexpected)?;
    let late = |partition| StateChange {
        known: known.clone(),
        ..change("late", &[(partition, json!(3))])
    };
    let mut run = open(&target, "t", mode).await.map_err(unexpected)?;
    let refusal = match run.commit_with(&late("")).await {
        Ok(_) => run.finish().await,
        Err(error) => Err(error),
    };
    refused("a state that another run has moved", refusal)?;
    remembers(place, "t", &[("", json!(2)), ("a", json!(1))]).await?;
    let mut run = open(&target, "t", mode).await.map_err(unexpected)?;
    run.commit_with(&late("a")).await.map_err(unexpected)?;
    run.finish().await.map_err(unexpected)?;
    remembers(place, "t", &[("", json!(2)), ("a", json!(3))]).await?;
    let mut run = open(&target, "t", mode).await.map_err(unexpected)?;
    run.commit_with(&change("gone", &[("", serde_json::Value::Null)])).await.map_err(unexpected)?;
    run.finish().await.map_err(unexpected)?;
    remembers(place, "t", &[("a", json!(3))]).await
}

fn change(run: &str, partitions: &[(&str, Value)]) -> StateChange {
    let partitions = partitions.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    StateChange { run: run.to_owned(), partitions: partitions.collect(), ..StateChange::default() }
}

fn state(partitions: &[(&str, Value)]) -> State {
    State { partitions: change("", partitions).partitions }
}

/// What a run that begins now finds.
async fn remembers(place: &dyn Place, table: &str, expected: &[(&str, Value)]) -> Seen {
    let mode = place.target().capabilities().modes.first().copied().unwrap_or(Mode::Append);
    let mut run = open(&place.target(), table, mode).await.map_err(unexpected)?;
    let found = run.state().await.map_err(unexpected)?;
    run.abort().await.map_err(unexpected)?;
    same("states", &found, &state(expected))
}

async fn rows_and_state_commit_together(place: &dyn Place) -> Seen {
    // What a JSON text may hold.
    let values = [
        json!({ "after": "2026-11-27T00:00:00Z", "page": 3, "quote": "it's \"so\"\n\u{0} \u{1F418}" }),
        json!({ "after": null, "ids": [9_007_199_254_740_993_i64, -1] }),
    ];
    for (round, value) in values.iter().enumerate() {
        let mut run = open(&place.target(), "t", Mode::Merge).await.map_err(unexpected)?;
        let text = round.to_string();
        run.write(batch(&[(1, Some(&text))]).map_err(unexpected)?).await.map_err(unexpected)?;
        let run_id = format!("run {round}");
        let committed = run.commit_with(&change(&run_id, &[("", value.clone())])).await;
        committed.map_err(unexpected)?;
        sees(place, "t", Some(&[(1, Some(&text))])).await?;
        run.finish().await.map_err(unexpected)?;
        remembers(place, "t", &[("", value.clone())]).await?;
    }
    Ok(())
}

/// Over two runs, each with commits that have rows and one that has only a state.
async fn appends_and_states_repeat(place: &dyn Place) -> Seen {
    let mut rows = Vec::new();
    let mut known = json!(null);
    for round in 0..2 {
        let mut run = open(&place.target(), "t", Mode::Append).await.map_err(unexpected)?;
        let found = run.state().await.map_err(unexpected)?;
        let expected = if round == 0 { State::default() } else { state(&[("", known.clone())]) };
        same("states", &found, &expected)?;
        for part in 0..3_u64 {
            let id = round * 10 + part as i64 * 2;
            let written = if part < 2 { vec![(id, Some("a")), (id + 1, None)] } else { Vec::new() };
            // The last one has only a state.
            if !written.is_empty() {
                run.write(batch(&written).map_err(unexpected)?).await.map_err(unexpected)?;
            }
            rows.extend(written);
            known = json!({ "last": id });
            let committed = run.commit_with(&change("run", &[("", known.clone())])).await;
            let received = 2 * (part + 1).min(2);
            wrote(committed.map_err(unexpected)?, received, received)?;
            sees(place, "t", Some(&rows)).await?;
        }
        run.finish().await.map_err(unexpected)?;
        remembers(place, "t", &[("", known.clone())]).await?;
    }
    Ok(())
}

async fn a_failed_commit_leaves_both(place: &dyn Place) -> Seen {
    let target = place.target();
    let mut run = open(&target, "t", Mode::Merge).await.map_err(unexpected)?;
    run.write(batch(&[(1, Some("old"))]).map_err(unexpected)?).await.map_err(unexpected)?;
    run.commit_with(&change("one", &[("", json!(1))])).await.map_err(unexpected)?;
    run.finish().await.map_err(unexpected)?;
    let mut run = open(&target, "t", Mode::Append).await.map_err(unexpected)?;
    let mut two = change("two", &[("", json!(2))]);
    let second = match target.capabilities().storage {
        // The table's key is unique: a row more of it cannot be appended.
        Storage::Tables => 1,
        _ => {
            let partitions = [(String::new(), json!("of another run"))].into();
            two.known = Some(State { partitions });
            3
        }
    };
    let rows = batch(&[(2, Some("new")), (second, Some("new"))]).map_err(unexpected)?;
    let done = match run.write(rows).await {
        Ok(()) => run.commit_with(&two).await,
        Err(error) => Err(error),
    };
    refused("a commit that must fail", done)?;
    run.abort().await.map_err(unexpected)?;
    sees(place, "t", Some(&[(1, Some("old"))])).await?;
    remembers(place, "t", &[("", json!(1))]).await
}

async fn commits_repeat(place: &dyn Place) -> Seen {
    let mut run = open(&place.target(), "t", Mode::Merge).await.map_err(unexpected)?;
    let parts: [&[(i64, Option<&str>)]; 3] =
        [&[(1, Some("a")), (2, Some("a"))], &[(2, Some("b"))], &[(1, Some("c")), (3, None)]];
    let after: [&[(i64, Option<&str>)]; 3] = [
        &[(1, Some("a")), (2, Some("a"))],
        &[(1, Some("a")), (2, Some("b"))],
        &[(1, Some("c")), (2, Some("b")), (3, None)],
    ];
    let mut received = 0;
    for (number, (part, after)) in parts.iter().zip(after).enumerate() {
        run.write(batch(part).map_err(unexpected)?).await.map_err(unexpected)?;
        received += part.len() as u64;
        let written = run.commit_with(&change("run", &[("", json!(number))])).await;
        let written = written.map_err(unexpected)?;
        wrote(written, received, received)?;
        sees(place, "t", Some(after)).await?;
    }
    let written = run.finish().await.map_err(unexpected)?;
    wrote(written, received, received)?;
    remembers(place, "t", &[("", json!(2))]).await
}

/// First into a new table, then into one that is there.
async fn replace_waits_for_the_end(place: &dyn Place) -> Seen {
    let target = place.target();
    let mut before: Option<Vec<(i64, Option<&str>)>> = None;
    let mut known = Vec::new();
    for (round, text) in ["a", "b"].into_iter().enumerate() {
        let mut run = open(&target, "t", Mode::Replace).await.map_err(unexpected)?;
        for (part, id) in [("x", 1), ("y", 2)] {
            run.write(batch(&[(id, Some(text))]).map_err(unexpected)?).await.map_err(unexpected)?;
            run.commit_with(&change("run", &[(part, json!(round))])).await.map_err(unexpected)?;
            sees(place, "t", before.as_deref()).await?;
            remembers(place, "t", &known).await?;
        }
        let written = run.finish().await.map_err(unexpected)?;
        wrote(written, 2, 2)?;
        let after = vec![(1, Some(text)), (2, Some(text))];
        sees(place, "t", Some(&after)).await?;
        before = Some(after);
        known = vec![("x", json!(round)), ("y", json!(round))];
        remembers(place, "t", &known).await?;
    }
    Ok(())
}

async fn states_are_apart(place: &dyn Place) -> Seen {
    let target = place.target();
    for (pipeline, value) in [("one", json!("o")), ("it's \"two\"", json!("t"))] {
        let mut run = open_as(&target, pipeline, "t", Mode::Append).await.map_err(unexpected)?;
        let parts = [("", value.clone()), ("org=Ünï / 1", json!([1]))];
        run.commit_with(&change("run", &parts)).await.map_err(unexpected)?;
        run.commit_with(&change("run", &[("org=2", value)])).await.map_err(unexpected)?;
        run.finish().await.map_err(unexpected)?;
    }
    for (pipeline, value) in [("one", json!("o")), ("it's \"two\"", json!("t"))] {
        let mut run = open_as(&target, pipeline, "t", Mode::Append).await.map_err(unexpected)?;
        let found = run.state().await.map_err(unexpected)?;
        run.abort().await.map_err(unexpected)?;
        let expected = [("", value.clone()), ("org=2", value), ("org=Ünï / 1", json!([1]))];
        same("states", &found, &state(&expected))?;
    }
    load(&target, "t", Mode::Append, &[(1, None)]).await.map_err(unexpected)?;
    remembers(place, "t", &[]).await
}
