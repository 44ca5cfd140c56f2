//! A target that stores nothing: the rows are checked and counted, and the first ones kept to be
//! looked at. Its state is empty, and nothing of the real target is touched.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;

use super::contract::{Session, State, StateChange, Target, Writer, Written};
use super::load::Load;
use crate::Result;
use crate::definition::{self, Capabilities};
use crate::engine::limits::Limits;
use crate::engine::options::Tried;

/// Stands in for a target of the definition.
#[derive(Debug)]
pub(crate) struct Dry {
    name: String,
    capabilities: &'static Capabilities,
    tried: Arc<Tried>,
}

impl Dry {
    /// In place of this target.
    pub(crate) fn new(target: &definition::Target, tried: Arc<Tried>) -> Self {
        Self { name: target.name.clone(), capabilities: target.kind.capabilities(), tried }
    }
}

#[async_trait]
impl Target for Dry {
    fn capabilities(&self) -> &'static Capabilities {
        self.capabilities
    }

    fn address(&self) -> String {
        self.name.clone()
    }

    async fn open(&self, load: Load, _limits: &Limits) -> Result<Box<dyn Session>> {
        load.check_names(self.capabilities)?;
        let load = Arc::new(load);
        Ok(Box::new(DrySession { load, tried: Arc::clone(&self.tried) }))
    }
}

struct DrySession {
    load: Arc<Load>,
    tried: Arc<Tried>,
}

#[async_trait]
impl Session for DrySession {
    async fn state(&mut self) -> Result<State> {
        Ok(State::default())
    }

    /// One, so that the first rows are the first ones that come.
    fn writers(&self) -> usize {
        1
    }

    async fn writer(&mut self) -> Result<Box<dyn Writer>> {
        Ok(Box::new(DryWriter { load: Arc::clone(&self.load), tried: Arc::clone(&self.tried) }))
    }

    async fn commit(&mut self, _state: &StateChange) -> Result<Written> {
        Ok(self.written())
    }

    async fn finish(self: Box<Self>) -> Result<Written> {
        Ok(self.written())
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

impl DrySession {
    fn written(&self) -> Written {
        Written { received: self.tried.count(self.load.pipeline()), ..Written::default() }
    }
}

struct DryWriter {
    load: Arc<Load>,
    tried: Arc<Tried>,
}

#[async_trait]
impl Writer for DryWriter {
    async fn write(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        self.load.check(&batch, first)?;
        self.tried.take(self.load.pipeline(), &batch);
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
