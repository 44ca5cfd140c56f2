use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apitap::definition::{Capabilities, Mode, TargetKind};
use apitap::engine::limits::Limits;
use apitap::sink::{Load, Session, State, StateChange, Target, Writer, Written};
use apitap::{Error, Result};
use arrow::array::RecordBatch;
use async_trait::async_trait;

/// All tables. What is committed is seen by whoever has a clone of it.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Tables>>);

#[derive(Debug, Default)]
pub struct Tables {
    /// The rows of each table.
    pub rows: BTreeMap<String, Vec<RecordBatch>>,
    /// What each pipeline remembers.
    pub states: BTreeMap<String, State>,
}

impl Memory {
    pub fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Target for Memory {
    /// Those of JSON lines: rows are added or replaced, and none is found by a key.
    fn capabilities(&self) -> &'static Capabilities {
        TargetKind::Jsonl.capabilities()
    }

    fn address(&self) -> String {
        "memory".to_owned()
    }

    async fn open(&self, load: Load, _: &Limits) -> Result<Box<dyn Session>> {
        load.check_names(self.capabilities())?;
        Ok(Box::new(Open {
            memory: self.clone(),
            load: Arc::new(load),
            desk: Arc::default(),
            ready: Vec::new(),
            state: StateChange::default(),
            written: Written::default(),
        }))
    }
}

/// A load under way.
struct Open {
    memory: Memory,
    load: Arc<Load>,
    desk: Arc<Mutex<Desk>>,
    /// Rows that a commit has covered, and that are not in the table yet.
    ready: Vec<RecordBatch>,
    state: StateChange,
    written: Written,
}

/// What the writers have brought.
#[derive(Default)]
struct Desk {
    /// Writers that are not closed.
    open: usize,
    rows: Vec<RecordBatch>,
}

fn desk(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(rows: &[RecordBatch]) -> u64 {
    rows.iter().map(|batch| batch.num_rows() as u64).sum()
}

impl Open {
    /// Rows and state, under one lock.
    fn apply(&mut self) -> Result<()> {
        let mut tables = self.memory.tables();
        let state = tables.states.entry(self.load.pipeline().to_owned()).or_default();
        self.state.check_known(state)?;
        state.apply(&std::mem::take(&mut self.state));
        let table = tables.rows.entry(self.load.table().to_string()).or_default();
        if self.load.mode() == Mode::Replace {
            table.clear();
        }
        let rows = count(&self.ready);
        table.append(&mut self.ready);
        self.written.received += rows;
        self.written.stored += rows;
        Ok(())
    }
}

#[async_trait]
impl Session for Open {
    async fn state(&mut self) -> Result<State> {
        Ok(self.memory.tables().states.get(self.load.pipeline()).cloned().unwrap_or_default())
    }

    fn writers(&self) -> usize {
        1
    }

    async fn writer(&mut self) -> Result<Box<dyn Writer>> {
        let mut there = desk(&self.desk);
        if there.open > 0 {
            return Err(Error::target("there is a writer already"));
        }
        there.open += 1;
        Ok(Box::new(Bring { load: self.load.clone(), desk: self.desk.clone(), rows: Vec::new() }))
    }

    async fn commit(&mut self, state: &StateChange) -> Result<Written> {
        {
            let mut there = desk(&self.desk);
            if there.open > 0 {
                return Err(Error::target("a writer has failed, or was never closed"));
            }
            self.ready.append(&mut there.rows);
        }
        self.state.add(state);
        if !self.load.is_whole() {
            self.apply()?;
        }
        Ok(self.written)
    }

    async fn finish(mut self: Box<Self>) -> Result<Written> {
        if !desk(&self.desk).rows.is_empty() {
            return Err(Error::target("rows were written and never committed"));
        }
        if self.load.is_whole() {
            self.apply()?;
        }
        Ok(self.written)
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// Takes rows, which are the session's once it is closed.
struct Bring {
    load: Arc<Load>,
    desk: Arc<Mutex<Desk>>,
    rows: Vec<RecordBatch>,
}

#[async_trait]
impl Writer for Bring {
    async fn write(&mut self, first: u64, batch: RecordBatch) -> Result<()> {
        self.load.check(&batch, first)?;
        self.rows.push(batch);
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        let mut there = desk(&self.desk);
        there.open -= 1;
        there.rows.extend(self.rows);
        Ok(())
    }
}
