//! The pipelines without network and database.

use super::PIPELINES;

#[test]
fn every_pipeline_is_there() {
    let names: Vec<_> = PIPELINES.iter().map(|pipeline| pipeline.name()).collect();
    assert_eq!(names, ["earthquakes", "networks"]);
}
