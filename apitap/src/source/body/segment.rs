//! Some records of a body, one behind the other in one text; and where they are until they are read.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::Result;
use crate::source::spool::file::File;

/// Whole records of a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Segment {
    /// A part of the body: the records, and what stands between them.
    pub(in crate::source) text: String,
    /// The bytes of each record in the text, in order.
    pub(in crate::source) records: Vec<Range<u32>>,
    /// Where the text begins in the body.
    pub(in crate::source) at: u64,
}

impl Segment {
    /// The JSON text of each record, in order, and where it begins in the body.
    pub fn records(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        // The ranges are this text's own; an empty text would be refused as no record.
        self.records.iter().map(|range| {
            let record = self.text.get(range.start as usize..range.end as usize);
            (record.unwrap_or_default(), self.at + u64::from(range.start))
        })
    }

    /// Bytes that it takes in memory, about.
    pub(in crate::source) fn size(&self) -> usize {
        self.text.len() + size_of_val(&*self.records)
    }
}

/// Where the records of a body are.
#[derive(Debug, Clone, Default)]
pub(in crate::source) enum Stored {
    /// There are none.
    #[default]
    Nowhere,
    /// In memory, with the whole body around them.
    Memory(Arc<Segment>),
    /// In a file: the segments that are in a part of it.
    File {
        /// The file.
        file: Arc<File>,
        /// From the first segment to the end of the last.
        place: Range<u64>,
    },
}

impl Stored {
    pub(in crate::source) fn text(&self) -> Option<&str> {
        match self {
            Self::Nowhere => Some(""),
            Self::Memory(segment) => Some(&segment.text),
            Self::File { .. } => None,
        }
    }

    pub(in crate::source) fn segments(&self) -> Segments {
        Segments(self.clone())
    }

    /// The same without some records, by their numbers from 1.
    pub(in crate::source) async fn without(&self, dropped: &BTreeSet<u64>) -> Result<Self> {
        let (mut segments, mut number) = (self.segments(), 0);
        let (file, mut end) = (Arc::new(File::new(0)), 0);
        while let Some(segment) = segments.next().await? {
            let mut is_kept = |_: &&Range<u32>| {
                number += 1;
                !dropped.contains(&number)
            };
            let records = segment.records.iter().filter(&mut is_kept).cloned().collect();
            let kept = Segment { text: segment.text.clone(), records, at: segment.at };
            if let Self::Memory(_) = self {
                return Ok(Self::Memory(Arc::new(kept)));
            }
            end = file.append(kept, end).await?;
        }
        Ok(Self::File { file, place: 0..end })
    }

    pub(in crate::source) fn size(&self) -> usize {
        match self {
            Self::Nowhere | Self::File { .. } => 0,
            Self::Memory(segment) => segment.size(),
        }
    }
}

/// The segments of a body, one after the other.
#[derive(Debug)]
pub struct Segments(Stored);

impl Segments {
    /// The next one; `None` after the last.
    ///
    /// # Errors
    /// The temporary file cannot be read.
    pub async fn next(&mut self) -> Result<Option<Arc<Segment>>> {
        match &mut self.0 {
            Stored::Nowhere => Ok(None),
            Stored::Memory(segment) => {
                let segment = Arc::clone(segment);
                self.0 = Stored::Nowhere;
                Ok(Some(segment))
            }
            Stored::File { place, .. } if place.is_empty() => Ok(None),
            Stored::File { file, place } => {
                let (segment, end) = file.read(place.start).await?;
                place.start = end;
                Ok(Some(Arc::new(segment)))
            }
        }
    }
}
