//! The keys of rows → where the last row of each stands.
//!
//! A key is kept as the bytes that compare as its values do (Arrow's row format), so that two are equal where
//! all their columns are. What is held is counted: whoever fills it hands the files over when it is much.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};
use foldhash::fast::RandomState;

use crate::{Error, Result};

/// No other key has that hash.
const END: u32 = u32::MAX;

/// Keys, each with the place of one row.
pub(super) struct Keys {
    converter: Arc<RowConverter>,
    /// The bytes of the keys, a batch at a time.
    batches: Vec<Rows>,
    entries: Vec<Entry>,
    /// The last entry of each hash.
    by_hash: HashMap<u64, u32, RandomState>,
    hasher: RandomState,
    /// Whether of several rows of a key the first one counts, and not the last.
    first_wins: bool,
    /// The rows that do not count, by the numbers of their files.
    lost: HashMap<u32, Vec<u32>>,
    bytes: usize,
}

struct Entry {
    /// The places of the batch and of the key in it.
    batch: u32,
    key: u32,
    /// The number of the file, and the place of the row in it.
    file: u32,
    row: u32,
    /// An earlier entry of the same hash.
    next: u32,
}

impl Keys {
    /// Of such columns.
    ///
    /// # Errors
    /// They cannot be compared.
    pub(super) fn new(types: &[DataType], first_wins: bool) -> Result<Self> {
        let fields = types.iter().map(|ty| SortField::new(ty.clone())).collect();
        let converter = RowConverter::new(fields).map_err(incomparable)?;
        Ok(Self::of(Arc::new(converter), first_wins))
    }

    /// None yet, of the same columns.
    pub(super) fn like(&self) -> Self {
        Self::of(self.converter.clone(), self.first_wins)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = self.like();
    }

    fn of(converter: Arc<RowConverter>, first_wins: bool) -> Self {
        Self {
            converter,
            batches: Vec::new(),
            entries: Vec::new(),
            by_hash: HashMap::default(),
            hasher: RandomState::default(),
            first_wins,
            lost: HashMap::new(),
            bytes: 0,
        }
    }

    /// How many bytes of memory they take, about.
    pub(super) fn bytes(&self) -> usize {
        // A hash, an index, and what a hash table has besides.
        self.bytes + self.entries.capacity() * size_of::<Entry>() + self.by_hash.capacity() * 17
    }

    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The keys of rows that are going to be added.
    ///
    /// # Errors
    /// They are not of the types.
    pub(super) fn begin(&mut self, columns: &[ArrayRef]) -> Result<()> {
        let rows = self.converter.convert_columns(columns).map_err(incomparable)?;
        self.bytes += rows.size();
        self.batches.push(rows);
        Ok(())
    }

    /// Adds a key of those that were begun last, whose row stands there.
    ///
    /// # Errors
    /// There are more than 32 bits can number.
    pub(super) fn add(&mut self, key: usize, file: u32, row: u64) -> Result<()> {
        let Some(batch) = self.batches.len().checked_sub(1) else { return Ok(()) };
        let Some(rows) = self.batches.get(batch) else { return Ok(()) };
        let bytes = rows.row(key);
        let bytes: &[u8] = bytes.as_ref();
        let hash = self.hasher.hash_one(bytes);
        let row = narrow(row)?;
        if let Some(at) = self.find(hash, bytes) {
            let Some(entry) = self.entries.get_mut(at) else { return Ok(()) };
            let (file, row) = match self.first_wins {
                true => (file, row),
                false => {
                    let old = (entry.file, entry.row);
                    (entry.file, entry.row) = (file, row);
                    old
                }
            };
            self.lost.entry(file).or_default().push(row);
            return Ok(());
        }
        let at = narrow(self.entries.len() as u64)?;
        let next = self.by_hash.insert(hash, at).unwrap_or(END);
        let (batch, key) = (narrow(batch as u64)?, narrow(key as u64)?);
        self.entries.push(Entry { batch, key, file, row, next });
        Ok(())
    }

    /// The place of the entry with this key.
    fn find(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let mut at = *self.by_hash.get(&hash)?;
        while at != END {
            let entry = self.entries.get(at as usize)?;
            let known = self.batches.get(entry.batch as usize)?.row(entry.key as usize);
            if known.as_ref() == key {
                return Some(at as usize);
            }
            at = entry.next;
        }
        None
    }

    /// Which of these rows have a key that is known, and where the known ones stand: `hit(row, file, known row)`.
    ///
    /// # Errors
    /// They are not of the types.
    pub(super) fn look_up(
        &self,
        columns: &[ArrayRef],
        mut hit: impl FnMut(usize, u32, u32),
    ) -> Result<()> {
        let rows = self.converter.convert_columns(columns).map_err(incomparable)?;
        for (row, key) in rows.iter().enumerate() {
            let bytes: &[u8] = key.as_ref();
            let found = self.find(self.hasher.hash_one(bytes), bytes);
            if let Some(entry) = found.and_then(|at| self.entries.get(at)) {
                hit(row, entry.file, entry.row);
            }
        }
        Ok(())
    }

    /// The rows that others of the same key have taken the place of, by the numbers of their files; they are
    /// told once.
    pub(super) fn take_lost(&mut self) -> HashMap<u32, Vec<u32>> {
        std::mem::take(&mut self.lost)
    }
}

fn narrow(number: u64) -> Result<u32> {
    match u32::try_from(number) {
        Ok(number) if number < END => Ok(number),
        _ => Err(Error::target("a file has more than 4,294,967,294 rows")
            .help("use a smaller `file_size`")),
    }
}

fn incomparable(cause: arrow::error::ArrowError) -> Error {
    Error::target(format!("the keys cannot be compared: {cause}")).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int64Array;

    fn keys(first_wins: bool, ids: &[i64]) -> Keys {
        let mut keys = Keys::new(&[DataType::Int64], first_wins).unwrap();
        for (file, ids) in ids.chunks(3).enumerate() {
            keys.begin(&[Arc::new(Int64Array::from(ids.to_vec()))]).unwrap();
            (0..ids.len()).for_each(|at| keys.add(at, file as u32, at as u64).unwrap());
        }
        keys
    }

    #[test]
    fn one_row_of_a_key_counts() {
        let check = |first_wins, ids: &[i64], expected: &[(u32, &[u32])]| {
            let lost = keys(first_wins, ids).take_lost();
            let mut lost: Vec<_> =
                lost.iter().map(|(file, rows)| (*file, rows.as_slice())).collect();
            lost.sort_unstable();
            assert_eq!(lost, expected, "{ids:?}");
        };
        check(false, &[1, 2, 3], &[]);
        check(false, &[1, 1, 2, 1], &[(0, &[0, 1])]);
        check(true, &[1, 1, 2, 1], &[(0, &[1]), (1, &[0])]);
    }

    #[test]
    fn rows_of_known_keys_are_found() {
        let keys = keys(false, &[7, 8, 9, 7]);
        let mut hits = Vec::new();
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 9, 7]));
        keys.look_up(&[ids], |row, file, known| hits.push((row, file, known))).unwrap();
        assert_eq!(hits, [(1, 0, 2), (2, 1, 0)]);
        assert_eq!(keys.len(), 3);
    }
}
