//! The bytes of a file → a multipart upload, part by part.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::multipart::PartId;
use object_store::path::Path;
use tokio::task::JoinSet;

use super::answer::{failed, is_gone};
use super::{Inner, given_up};
use crate::Result;
use crate::sink::files::store::{Staged, Upload};

/// What a part has, but for the last one: the least that S3 takes. Some stores want all of one size.
const PART: usize = 5 << 20;
/// The most parts of an upload that every store takes, less some for what is written beyond `file_size`.
const PARTS: u64 = 9_000;

/// One file of a session on its way.
pub(super) struct PartUpload {
    inner: Arc<Inner>,
    path: Path,
    id: String,
    /// How large each part is.
    part: usize,
    /// What is not a whole part yet.
    buffer: Vec<u8>,
    /// The parts that have been sent.
    sent: Vec<String>,
    /// The one that is being sent while the next one fills.
    sending: JoinSet<Result<String>>,
}

impl PartUpload {
    pub(super) fn new(inner: Arc<Inner>, path: Path, id: String, file_size: u64) -> Self {
        let part = usize::try_from(file_size / PARTS).unwrap_or(usize::MAX).max(PART);
        let (buffer, sent, sending) = (Vec::new(), Vec::new(), JoinSet::new());
        Self { inner, path, id, part, buffer, sent, sending }
    }

    /// Waits for the part that is on its way.
    async fn settle(&mut self) -> Result<()> {
        while let Some(sent) = self.sending.join_next().await {
            let sent = sent.map_err(|cause| {
                crate::Error::target("a part of a file was not sent").caused_by(cause)
            })?;
            self.sent.push(sent?);
        }
        Ok(())
    }

    async fn send(&mut self, part: Vec<u8>) -> Result<()> {
        self.settle().await?;
        let (inner, path, id) = (self.inner.clone(), self.path.clone(), self.id.clone());
        let number = self.sent.len();
        self.sending.spawn(async move {
            let sent = inner.client.put_part(&path, &id, number, part.into()).await;
            match sent {
                Ok(part) => Ok(part.content_id),
                Err(error) if is_gone(&error) => Err(given_up()),
                Err(error) => Err(failed("write", &inner.shown(&path), &error)),
            }
        });
        Ok(())
    }
}

#[async_trait]
impl Upload for PartUpload {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.buffer.extend_from_slice(&bytes);
        while self.buffer.len() >= self.part {
            let rest = self.buffer.split_off(self.part);
            let part = std::mem::replace(&mut self.buffer, rest);
            self.send(part).await?;
        }
        Ok(())
    }

    fn held(&self) -> usize {
        self.buffer.capacity() + self.sending.len() * self.part
    }

    async fn finish(mut self: Box<Self>) -> Result<Staged> {
        let last = std::mem::take(&mut self.buffer);
        self.settle().await?;
        // An upload has at least one part.
        if !last.is_empty() || self.sent.is_empty() {
            self.send(last).await?;
            self.settle().await?;
        }
        let Self { id, sent, .. } = *self;
        Ok(Staged::Upload { id, parts: sent })
    }
}

/// The parts as the store names them.
pub(super) fn parts(parts: &[String]) -> Vec<PartId> {
    parts.iter().map(|id| PartId { content_id: id.clone() }).collect()
}
