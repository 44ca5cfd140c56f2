//! Targets of files: what a reader that knows nothing of apitap finds in the folder.

mod commits;
mod conformance;
#[cfg(feature = "delta")]
mod delta;
mod folders;
mod random;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::definition::{Compression, Folder};
use crate::engine::limits::{Limits, Memory};
use apitap_build::size::Size;

/// A folder of its own, with a target of files in it.
struct Data {
    folder: TempDir,
    kind: TargetKind,
    compression: Compression,
    file_size: u64,
    partition_by: Vec<String>,
}

impl Data {
    fn new(kind: TargetKind) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            kind,
            compression: Compression::None,
            file_size: 128 << 20,
            partition_by: Vec::new(),
        }
    }

    fn destination(&self) -> Arc<dyn Target> {
        let path = Template(self.folder.path().to_str().unwrap().to_owned());
        let folder = Folder {
            path,
            file_size: Size(self.file_size),
            compression: self.compression,
            cloud: Box::default(),
        };
        target(self.kind, Connection::Folder(folder))
    }

    fn table(&self, table: &str) -> PathBuf {
        self.folder.path().join(table)
    }

    /// What `table/**/*` finds, and the names of the files that it finds, below the table's folder.
    fn files(&self, table: &str) -> Vec<String> {
        let mut files = Vec::new();
        walk(&self.table(table), "", &mut files);
        files.sort_unstable();
        files
    }

    /// What is in all of those, one after the other.
    fn text(&self, table: &str) -> String {
        let files = self.files(table);
        files.iter().map(|file| fs::read_to_string(self.table(table).join(file)).unwrap()).collect()
    }

    async fn open(&self, table: &str, mode: Mode, row: &Schema) -> Result<Run> {
        let load = Load::new("files", table, mode, &[], row)?.partitioned(&self.partition_by)?;
        Run::of(self.destination().as_ref(), load).await
    }

    async fn load(&self, table: &str, mode: Mode, row: &Schema, rows: Value) -> Result<Written> {
        let mut run = self.open(table, mode, row).await?;
        run.write(batch(row, rows)).await?;
        run.commit().await
    }
}

fn walk(folder: &Path, below: &str, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        match entry.path().is_dir() {
            true => walk(&entry.path(), &path, files),
            // As every reader does, and `*.csv` too.
            false if path.starts_with('_') => {}
            false => files.push(path),
        }
    }
}

/// The records of a text of CSV; `None` is a null.
fn csv(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut records, mut fields) = (Vec::new(), Vec::new());
    let mut rest = text;
    while !rest.is_empty() {
        let (field, behind) = csv_field(rest);
        fields.push(field);
        let (end, next) = behind.split_at(1);
        rest = next;
        match end {
            "," => {}
            "\n" => records.push(std::mem::take(&mut fields)),
            other => panic!("{other:?} behind a field in {text}"),
        }
    }
    assert!(fields.is_empty(), "no end of the last line in {text}");
    records
}

/// The first field, and what stands behind it.
fn csv_field(text: &str) -> (Option<String>, &str) {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n']).expect("a field ends");
        let (field, behind) = text.split_at(end);
        return ((!field.is_empty()).then(|| field.to_owned()), behind);
    };
    let mut field = String::new();
    loop {
        let (part, behind) = rest.split_once('"').expect("the quotes end");
        field.push_str(part);
        match behind.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None => return (Some(field), behind),
        }
    }
}
