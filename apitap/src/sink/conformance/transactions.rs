//! All of a run, or nothing of it.

use futures::FutureExt as _;
use futures::future::join_all;

use super::run::{Run, batch, load, open};
use super::{Place, Promise, Seen, refused, same, sees, unexpected, wrote};
use crate::definition::Mode;
use crate::schema::{Field, Schema, Type};

pub(super) const PROMISES: &[Promise] = &[
    Promise {
        name: "nothing is seen before the commit",
        needs: &[],
        check: |place| nothing_is_seen_before_the_commit(place).boxed(),
    },
    Promise {
        name: "a run that ends early leaves nothing behind",
        needs: &[],
        check: |place| what_ends_early_leaves_nothing(place).boxed(),
    },
    Promise {
        name: "what a writer has not closed cannot be committed",
        needs: &[Mode::Append],
        check: |place| an_open_writer_cannot_be_committed(place).boxed(),
    },
    Promise {
        name: "rows that no commit has covered are no success",
        needs: &[Mode::Append],
        check: |place| a_finish_without_a_commit_is_refused(place).boxed(),
    },
    Promise {
        name: "a null in the key is refused, by column and row",
        needs: &[Mode::Merge],
        check: |place| a_null_in_the_key_is_refused(place).boxed(),
    },
    Promise {
        name: "a writer that has failed cannot be committed",
        needs: &[Mode::Merge],
        check: |place| a_failed_writer_cannot_be_committed(place).boxed(),
    },
    Promise {
        name: "runs at the same time do not mix",
        needs: &[Mode::Replace],
        check: |place| runs_do_not_mix(place).boxed(),
    },
];

/// Of a new table, and of one that is there.
async fn nothing_is_seen_before_the_commit(place: &dyn Place) -> Seen {
    let target = place.target();
    for (number, mode) in target.capabilities().modes.iter().enumerate() {
        let table = format!("t{number}");
        let mut before: Option<&[(i64, Option<&str>)]> = None;
        for after in [Some(&[(1, Some("old"))][..]), None] {
            let mut run = open(&target, &table, *mode).await.map_err(unexpected)?;
            sees(place, &table, before).await?;
            run.write(batch(&[(7, Some("new"))]).map_err(unexpected)?).await.map_err(unexpected)?;
            run.close().await.map_err(unexpected)?;
            sees(place, &table, before).await?;
            run.abort().await.map_err(unexpected)?;
            if let Some(rows) = after {
                load(&target, &table, *mode, rows).await.map_err(unexpected)?;
                before = after;
            }
        }
    }
    Ok(())
}

async fn what_ends_early_leaves_nothing(place: &dyn Place) -> Seen {
    let target = place.target();
    for mode in target.capabilities().modes {
        for aborted in [true, false] {
            let mut run = open(&target, "t", *mode).await.map_err(unexpected)?;
            run.write(batch(&[(1, None)]).map_err(unexpected)?).await.map_err(unexpected)?;
            match aborted {
                true => run.abort().await.map_err(unexpected)?,
                false => drop(run),
            }
            sees(place, "t", None).await?;
        }
    }
    Ok(())
}

async fn an_open_writer_cannot_be_committed(place: &dyn Place) -> Seen {
    let target = place.target();
    let mut run = open(&target, "t", Mode::Append).await.map_err(unexpected)?;
    let mut writer = run.session().writer().await.map_err(unexpected)?;
    writer.write(1, batch(&[(1, None)]).map_err(unexpected)?).await.map_err(unexpected)?;
    refused("a commit beside an open writer", run.commit_with(&Default::default()).await)?;
    drop(writer);
    sees(place, "t", None).await
}

async fn a_finish_without_a_commit_is_refused(place: &dyn Place) -> Seen {
    let mut run = open(&place.target(), "t", Mode::Append).await.map_err(unexpected)?;
    run.write(batch(&[(1, None)]).map_err(unexpected)?).await.map_err(unexpected)?;
    run.close().await.map_err(unexpected)?;
    refused("an end without a commit", run.finish().await)?;
    sees(place, "t", None).await
}

/// A load whose key may be null, as far as its schema says.
async fn nullable(place: &dyn Place) -> crate::Result<(Run, arrow::array::RecordBatch)> {
    let fields = [Field::new("id", Type::Int64, true), Field::new("value", Type::String, true)];
    let row: Schema = fields.into_iter().collect();
    let target = place.target();
    let run = Run::open(target.as_ref(), "t", Mode::Merge, &["id".to_owned()], &row).await?;
    let ids = arrow::array::Int64Array::from(vec![Some(1), None]);
    let values = arrow::array::StringArray::from(vec![Some("a"), Some("b")]);
    let columns: Vec<arrow::array::ArrayRef> =
        vec![std::sync::Arc::new(ids), std::sync::Arc::new(values)];
    let batch = arrow::array::RecordBatch::try_new(crate::schema::arrow::schema(&row), columns)
        .map_err(|cause| crate::Error::target("the rows are no batch").caused_by(cause))?;
    Ok((run, batch))
}

async fn a_null_in_the_key_is_refused(place: &dyn Place) -> Seen {
    let (mut run, rows) = nullable(place).await.map_err(unexpected)?;
    let Err(error) = run.write(rows).await else { return Err("it was taken".to_owned()) };
    let said = error.to_string();
    match said.contains("column `id` of row 2") {
        true => sees(place, "t", None).await,
        false => Err(said),
    }
}

async fn a_failed_writer_cannot_be_committed(place: &dyn Place) -> Seen {
    let (mut run, rows) = nullable(place).await.map_err(unexpected)?;
    refused("a null in the key", run.write(rows).await)?;
    refused("a commit after a failure", run.commit_with(&Default::default()).await)?;
    sees(place, "t", None).await
}

async fn runs_do_not_mix(place: &dyn Place) -> Seen {
    let target = place.target();
    let texts: Vec<_> = (0..4).map(|run| run.to_string()).collect();
    let runs = texts.iter().map(|text| {
        let rows: Vec<_> = (0..2_000).map(|id| (id, Some(text.as_str()))).collect();
        let target = &target;
        async move { load(target, "t", Mode::Replace, &rows).await }
    });
    for written in join_all(runs).await {
        wrote(written.map_err(unexpected)?, 2_000, 2_000)?;
    }
    let rows = place.rows("t").await.map_err(unexpected)?.unwrap_or_default();
    let first = rows.first().and_then(|(_, text)| text.clone());
    let others = rows.iter().filter(|(_, text)| *text != first).count();
    same("rows, and those of another run", &(rows.len(), others), &(2_000, 0))
}
