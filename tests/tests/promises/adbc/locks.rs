//! One run of a pipeline at a time.

use apitap::ErrorKind;
use apitap::sink::Load;

use super::*;

async fn exclusive(database: &Database, pipeline: &str) -> Result<Run> {
    let load = Load::new(pipeline, "t", Mode::Append, &[], &orders()).unwrap().exclusive();
    Run::of(database.target().as_ref(), load).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_of_a_pipeline_is_kept_out_until_the_first_has_ended() {
    for database in Database::all().await {
        let dialect = (database.dialect, database.engine);
        let first = exclusive(&database, "p").await.unwrap();
        let second = exclusive(&database, "p").await.err().expect("it is kept out");
        assert_eq!(second.kind(), ErrorKind::Busy, "{dialect:?}: {second}");
        let said = second.to_string();
        assert!(said.starts_with("another run of `p` is loading into `t`: "), "{said}");
        let other = exclusive(&database, "another").await.unwrap();
        first.abort().await.unwrap();
        other.abort().await.unwrap();
        let again = exclusive(&database, "p").await.unwrap();
        again.abort().await.unwrap();
    }
}
