//! What the modes do to what is there.

use futures::FutureExt as _;

use super::run::{Run, batch, load, open, row};
use super::{Place, Promise, Seen, refused, same, sees, unexpected, wrote};
use crate::definition::Mode;
use crate::schema::{Field, Type};
use crate::sink::{Load, Missing};

pub(super) const PROMISES: &[Promise] = &[
    Promise {
        name: "append adds rows to those that are there",
        needs: &[Mode::Append],
        check: |place| append_adds(place).boxed(),
    },
    Promise {
        name: "replace leaves only the rows of the run",
        needs: &[Mode::Replace],
        check: |place| replace_leaves_the_run(place).boxed(),
    },
    Promise {
        name: "replace leaves the last row of each key, where there are keys",
        needs: &[Mode::Replace, Mode::Merge],
        check: |place| replace_leaves_the_last_of_a_key(place).boxed(),
    },
    Promise {
        name: "merge updates by key, and the last row of a key wins",
        needs: &[Mode::Merge],
        check: |place| merge_updates(place).boxed(),
    },
    Promise {
        name: "the row with the highest number wins, whichever writer takes it and whenever",
        needs: &[Mode::Merge],
        check: |place| the_highest_number_wins(place).boxed(),
    },
    Promise {
        name: "merging the same rows twice changes nothing",
        needs: &[Mode::Merge],
        check: |place| merging_twice_changes_nothing(place).boxed(),
    },
    Promise {
        name: "the last row of a key wins, also where the table has one of them already",
        needs: &[Mode::Merge],
        check: |place| known_rows_count_too(place).boxed(),
    },
    Promise {
        name: "a key that is all there is merges too",
        needs: &[Mode::Merge],
        check: |place| a_key_alone_merges(place).boxed(),
    },
    Promise {
        name: "many batches all land, and the last row of a key wins over all of them",
        needs: &[Mode::Merge],
        check: |place| many_batches_land(place).boxed(),
    },
    Promise {
        name: "insert_new adds the first row of each new key, and leaves the others as they are",
        needs: &[Mode::InsertNew],
        check: |place| insert_new_leaves_known_keys(place).boxed(),
    },
    Promise {
        name: "a merge that deletes what is missing leaves the rows of the run, and no others",
        needs: &[Mode::Merge],
        check: |place| missing_keys_are_deleted(place).boxed(),
    },
    Promise {
        name: "a merge that deletes what is missing counts as a whole",
        needs: &[Mode::Merge],
        check: |place| deleting_waits_for_the_end(place).boxed(),
    },
    Promise {
        name: "a run without rows makes an empty table",
        needs: &[Mode::Append],
        check: |place| nothing_makes_an_empty_table(place).boxed(),
    },
];

/// Loads, and compares what was stored and what is there afterwards.
async fn stores(
    place: &dyn Place,
    mode: Mode,
    rows: &[(i64, Option<&str>)],
    stored: u64,
    after: &[(i64, Option<&str>)],
) -> Seen {
    let written = load(&place.target(), "t", mode, rows).await.map_err(unexpected)?;
    let received = rows.len() as u64;
    wrote(written, received, stored)?;
    sees(place, "t", Some(after)).await
}

async fn append_adds(place: &dyn Place) -> Seen {
    let first = [(1, Some("old")), (1, Some("twice"))];
    stores(place, Mode::Append, &first[..1], 1, &first[..1]).await?;
    stores(
        place,
        Mode::Append,
        &[(2, Some("new")), (3, None)],
        2,
        &[(1, Some("old")), (2, Some("new")), (3, None)],
    )
    .await
}

async fn replace_leaves_the_run(place: &dyn Place) -> Seen {
    for rows in
        [&[(1, Some("a")), (2, Some("b"))][..], &[(2, Some("x")), (3, None)], &[], &[(4, None)]]
    {
        stores(place, Mode::Replace, rows, rows.len() as u64, rows).await?;
    }
    Ok(())
}

async fn replace_leaves_the_last_of_a_key(place: &dyn Place) -> Seen {
    let rows = [(1, Some("a")), (2, Some("b")), (1, Some("c"))];
    stores(place, Mode::Replace, &rows, 2, &[(1, Some("c")), (2, Some("b"))]).await?;
    let rows = [(2, Some("x")), (3, Some("y")), (3, Some("z"))];
    stores(place, Mode::Replace, &rows, 2, &[(2, Some("x")), (3, Some("z"))]).await?;
    stores(place, Mode::Replace, &[], 0, &[]).await
}

async fn merge_updates(place: &dyn Place) -> Seen {
    let rows = [(1, Some("a")), (2, Some("b")), (1, Some("last"))];
    stores(place, Mode::Merge, &rows, 2, &[(1, Some("last")), (2, Some("b"))]).await?;
    let rows = [(2, Some("x")), (3, None), (2, Some("y"))];
    let after = [(1, Some("last")), (2, Some("y")), (3, None)];
    stores(place, Mode::Merge, &rows, 2, &after).await?;
    stores(place, Mode::Merge, &[(4, None)], 1, &[after[0], after[1], after[2], (4, None)]).await
}

/// First into a new table, then into one that is there.
async fn the_highest_number_wins(place: &dyn Place) -> Seen {
    for round in ["new", "there"] {
        let texts: Vec<_> = (0..4).map(|n| format!("{round} {n}")).collect();
        let target = place.target();
        let mut run = open(&target, "t", Mode::Merge).await.map_err(unexpected)?;
        let at_once = run.session().writers().clamp(1, 2);
        let mut writers = Vec::new();
        for _ in 0..at_once {
            writers.push(run.session().writer().await.map_err(unexpected)?);
        }
        // One by one to the writers in turn, so that the last row is not in the last one closed.
        for (at, text) in texts.iter().enumerate() {
            let rows = batch(&[(1, Some(text))]).map_err(unexpected)?;
            if let Some(writer) = writers.get_mut(at % at_once) {
                writer.write(at as u64 + 1, rows).await.map_err(unexpected)?;
            }
        }
        for writer in writers.into_iter().rev() {
            writer.close().await.map_err(unexpected)?;
        }
        let written = run.commit().await.map_err(unexpected)?;
        wrote(written, 4, 1)?;
        sees(place, "t", Some(&[(1, texts.last().map(String::as_str))])).await?;
    }
    Ok(())
}

async fn merging_twice_changes_nothing(place: &dyn Place) -> Seen {
    let rows = [(1, Some("x")), (1, Some("a")), (2, None)];
    for _ in 0..2 {
        stores(place, Mode::Merge, &rows, 2, &[(1, Some("a")), (2, None)]).await?;
    }
    Ok(())
}

/// Values of very different sizes, so that a database may put them where there is room for them.
async fn known_rows_count_too(place: &dyn Place) -> Seen {
    let wide: Vec<_> = (0..200).map(|id| "w".repeat(1 + 37 * id % 900)).collect();
    let known: Vec<_> =
        wide.iter().enumerate().map(|(id, text)| (id as i64, Some(text.as_str()))).collect();
    stores(place, Mode::Merge, &known, 200, &known).await?;
    let other: Vec<_> = known.iter().map(|(id, _)| (*id, Some("other"))).collect();
    let mut after = known.clone();
    for (first, last) in [(&known, &other), (&other, &known)] {
        // One of the rows changes, so that neither all nor none are written.
        let changed = [(7, Some("changed"))];
        let rows: Vec<_> = first.iter().chain(last).chain(&changed).copied().collect();
        after.clone_from(last);
        after.iter_mut().filter(|row| row.0 == 7).for_each(|row| row.1 = changed[0].1);
        stores(place, Mode::Merge, &rows, 200, &after).await?;
        stores(place, Mode::Merge, &after, 200, &after).await?;
    }
    Ok(())
}

async fn a_key_alone_merges(place: &dyn Place) -> Seen {
    let row = [Field::new("id", Type::String, false)].into_iter().collect();
    let target = place.target();
    for stored in [2, 0] {
        let run = Run::open(target.as_ref(), "t", Mode::Merge, &["id".to_owned()], &row).await;
        let mut run = run.map_err(unexpected)?;
        let ids: arrow::array::StringArray = ["a", "b", "a"].into_iter().map(Some).collect();
        let batch = arrow::array::RecordBatch::try_new(
            crate::schema::arrow::schema(&row),
            vec![std::sync::Arc::new(ids)],
        );
        let batch = batch.map_err(|error| error.to_string())?;
        run.write(batch).await.map_err(unexpected)?;
        let written = run.commit().await.map_err(unexpected)?;
        wrote(written, 3, stored)?;
    }
    Ok(())
}

async fn many_batches_land(place: &dyn Place) -> Seen {
    let wide = "x".repeat(2_000);
    for round in 0..2 {
        let mut run = open(&place.target(), "t", Mode::Merge).await.map_err(unexpected)?;
        for part in 0..12_i64 {
            let text = format!("{round} {part} {wide}");
            // The multiples of 1 below 1000, of 2 below 2000, of 3 below 3000.
            let rows: Vec<_> =
                (0..1_000).map(|id| (id * (part % 3 + 1), Some(text.as_str()))).collect();
            run.write(batch(&rows).map_err(unexpected)?).await.map_err(unexpected)?;
        }
        let is_key = |n: &i64| *n < 1_000 || (n % 2 == 0 && *n < 2_000) || n % 3 == 0;
        let keys: Vec<_> = (0..3_000).filter(is_key).collect();
        let written = run.commit().await.map_err(unexpected)?;
        let stored = keys.len() as u64;
        wrote(written, 12_000, stored)?;
        let rows = place.rows("t").await.map_err(unexpected)?.unwrap_or_default();
        let last = |id: i64| match id {
            _ if id % 3 == 0 => 11,
            _ if id % 2 == 0 => 10,
            _ => 9,
        };
        let part = |(id, text): &(i64, Option<String>)| {
            (*id, text.as_deref().and_then(|text| text.split(' ').nth(1)).map(str::to_owned))
        };
        let found: Vec<_> = rows.iter().map(part).collect();
        let expected: Vec<_> = keys.iter().map(|id| (*id, Some(last(*id).to_string()))).collect();
        same("last rows", &found, &expected)?;
    }
    Ok(())
}

async fn insert_new_leaves_known_keys(place: &dyn Place) -> Seen {
    let rows = [(1, Some("a")), (2, Some("b")), (1, Some("late"))];
    stores(place, Mode::InsertNew, &rows, 2, &[(1, Some("a")), (2, Some("b"))]).await?;
    let rows = [(2, Some("x")), (3, Some("y")), (3, Some("late")), (4, None)];
    let after = [(1, Some("a")), (2, Some("b")), (3, Some("y")), (4, None)];
    stores(place, Mode::InsertNew, &rows, 2, &after).await?;
    stores(place, Mode::InsertNew, &rows, 0, &after).await?;
    stores(place, Mode::InsertNew, &[], 0, &after).await
}

/// A merge of such rows that deletes the others.
async fn deleting(place: &dyn Place, missing: Missing) -> crate::Result<Run> {
    let load = Load::new("conformance", "t", Mode::Merge, &["id".to_owned()], &row())?;
    Run::of(place.target().as_ref(), load.missing(missing)).await
}

async fn missing_keys_are_deleted(place: &dyn Place) -> Seen {
    /// Keys and values.
    type Rows = &'static [(i64, Option<&'static str>)];
    let rounds: [(Rows, Rows); 3] = [
        (&[(1, Some("a")), (2, Some("a"))], &[(1, Some("a")), (2, Some("a"))]),
        (&[(2, Some("x")), (3, None), (2, Some("b"))], &[(2, Some("b")), (3, None)]),
        (&[(4, Some("c"))], &[(4, Some("c"))]),
    ];
    for (rows, after) in rounds {
        let mut run = deleting(place, Missing::Delete).await.map_err(unexpected)?;
        run.write(batch(rows).map_err(unexpected)?).await.map_err(unexpected)?;
        let written = run.commit().await.map_err(unexpected)?;
        let (received, stored) = (rows.len() as u64, after.len() as u64);
        wrote(written, received, stored)?;
        sees(place, "t", Some(after)).await?;
    }
    // A refresh that brings nothing deletes everything only where that was said.
    let run = deleting(place, Missing::Delete).await.map_err(unexpected)?;
    refused("a refresh without rows", run.commit().await)?;
    sees(place, "t", Some(&[(4, Some("c"))])).await?;
    let run = deleting(place, Missing::DeleteAll).await.map_err(unexpected)?;
    run.commit().await.map_err(unexpected)?;
    sees(place, "t", Some(&[])).await
}

async fn deleting_waits_for_the_end(place: &dyn Place) -> Seen {
    let before = [(1, Some("old")), (2, Some("old"))];
    load(&place.target(), "t", Mode::Merge, &before).await.map_err(unexpected)?;
    let mut run = deleting(place, Missing::Delete).await.map_err(unexpected)?;
    for id in [2, 3] {
        run.write(batch(&[(id, Some("new"))]).map_err(unexpected)?).await.map_err(unexpected)?;
        run.commit_with(&Default::default()).await.map_err(unexpected)?;
        sees(place, "t", Some(&before)).await?;
    }
    let written = run.finish().await.map_err(unexpected)?;
    wrote(written, 2, 2)?;
    sees(place, "t", Some(&[(2, Some("new")), (3, Some("new"))])).await
}

async fn nothing_makes_an_empty_table(place: &dyn Place) -> Seen {
    stores(place, Mode::Append, &[], 0, &[]).await
}
