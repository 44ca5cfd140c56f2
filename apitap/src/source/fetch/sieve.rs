//! Records that do not fit their schema → a file of dead letters, where the source says so.
//!
//! ```text
//! {"time":"…","source":"orders","request":"GET …","record":7,"path":"/id","reason":"…","body":{…}}
//! ```
//! Each record is decoded on trial, with all declared fields, before any query sees it: what a query
//! gets are pages without those that do not fit. The file is appended to; nothing in it is lost by a
//! later run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use chrono::{SecondsFormat, Utc};
use serde_json::json;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt as _;

use crate::schema::Schema;
use crate::source::Fetched;
use crate::source::decode::{Decoder, dynamic};
use crate::source::page::Page;
use crate::{Error, Result};

/// Tells the records of one source that fit from those that do not.
pub(super) struct Sieve {
    source: String,
    schema: Schema,
    decoder: Box<dyn Decoder>,
    path: PathBuf,
    /// Opened when the first record does not fit.
    file: Option<File>,
}

/// Whether all records of a page fit.
///
/// # Errors
/// One does not: the first of them.
pub(super) async fn check(page: &Page, schema: &Schema) -> Result<()> {
    let (mut number, mut decoder) = (0, dynamic::decoder(schema));
    let mut segments = page.segments();
    while let Some(segment) = segments.next().await? {
        for (record, _) in segment.records() {
            number += 1;
            let fits = decoder.append(record);
            fits.map_err(|fault| fault.into_error("the record").at_record(number))?;
        }
        // Only whether they fit is asked.
        drop(decoder.finish()?);
    }
    Ok(())
}

impl Sieve {
    pub(super) fn new(source: &str, path: &Path, schema: &Schema) -> Self {
        Self {
            source: source.to_owned(),
            schema: schema.clone(),
            decoder: dynamic::decoder(schema),
            path: path.to_owned(),
            file: None,
        }
    }

    /// The page without the records that do not fit, which are written down; `None` where none is left.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) async fn sift(&mut self, page: Page, fetched: &Fetched) -> Result<Option<Page>> {
        let (mut number, mut bad) = (0, BTreeSet::new());
        let mut segments = page.segments();
        while let Some(segment) = segments.next().await? {
            for (record, _) in segment.records() {
                number += 1;
                if let Err(fault) = self.decoder.append(record) {
                    // After a fault it is spent.
                    self.decoder = dynamic::decoder(&self.schema);
                    bad.insert(number);
                    let reason = fault.into_error("the record");
                    self.write(&page, number, record, &reason)
                        .await
                        .map_err(|e| self.unwritten(&e))?;
                }
            }
            // Only whether they fit is asked.
            drop(self.decoder.finish()?);
        }
        if bad.is_empty() {
            return Ok(Some(page));
        }
        if let Some(file) = &mut self.file {
            file.flush().await.map_err(|error| self.unwritten(&error))?;
        }
        let (source, file) = (&self.source, self.path.display());
        tracing::warn!(
            request = %page.request,
            "`{source}`: {} of {number} records of page {} do not fit the schema, and are in `{file}`",
            bad.len(),
            page.number
        );
        fetched.skipped.fetch_add(bad.len() as u64, Relaxed);
        if bad.len() as u64 == number {
            return Ok(None);
        }
        page.without(&bad).await.map(Some)
    }

    async fn write(
        &mut self,
        page: &Page,
        number: u64,
        record: &str,
        reason: &Error,
    ) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                if let Some(folder) = self.path.parent() {
                    tokio::fs::create_dir_all(folder).await?;
                }
                let file = OpenOptions::new().create(true).append(true).open(&self.path).await?;
                self.file.insert(file)
            }
        };
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        // What is no JSON is kept as text.
        let body = serde_json::from_str(record).unwrap_or_else(|_| json!(record));
        let letter = json!({
            "time": time,
            "source": self.source,
            "request": &*page.request,
            "record": number,
            "path": reason.path(),
            "reason": reason.message(),
            "body": body,
        });
        file.write_all(format!("{letter}\n").as_bytes()).await
    }

    fn unwritten(&self, error: &std::io::Error) -> Error {
        let file = self.path.display();
        Error::config(format!("cannot write into `{file}`: {error}"))
            .help("`dead_letters` must name a file that can be appended to")
    }
}
