use apitap::sink::conformance::{self, Place, Subject};
use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;

struct Fresh;

#[async_trait]
impl Subject for Fresh {
    async fn fresh(&self) -> Result<Box<dyn Place>> {
        Ok(Box::new(Memory::default()))
    }
}

#[async_trait]
impl Place for Memory {
    fn target(&self) -> Arc<dyn Target> {
        Arc::new(self.clone())
    }

    /// The rows of the checks have a number and a text.
    async fn rows(&self, table: &str) -> Result<Option<Vec<(i64, Option<String>)>>> {
        let tables = self.tables();
        let Some(batches) = tables.rows.get(table) else { return Ok(None) };
        let mut rows = Vec::new();
        for batch in batches {
            let (ids, values) = (batch.column(0).as_primitive::<Int64Type>(), batch.column(1));
            let values = values.as_string::<i32>();
            rows.extend((0..batch.num_rows()).map(|row| {
                (ids.value(row), values.is_valid(row).then(|| values.value(row).to_owned()))
            }));
        }
        rows.sort();
        Ok(Some(rows))
    }
}

#[tokio::test]
async fn memory_keeps_what_every_target_promises() {
    assert_eq!(conformance::check(&Fresh).await, []);
}
