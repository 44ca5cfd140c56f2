//! Lists of scalars → PostgreSQL's arrays in their binary form, as bytes that a COPY takes as they are.
//!
//! ```text
//! dimensions, whether an element is null, the type of the elements, [length, lower bound], elements
//! ```
//! The elements of a whole batch have one encoder: one for each row would cost more than the elements.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, LargeBinaryArray, ListArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field;
use bytes::BytesMut;
use pgpq::encoders::{BuildEncoder as _, Encode as _, EncoderBuilder};
use pgpq::error::ErrorKind;

use super::types;
use crate::schema::Type;

/// What a list has before its elements, in bytes.
const HEADER: usize = 5 * size_of::<i32>();

/// The elements of the lists, without those that the lists were cut out of.
pub(super) fn elements(lists: &ListArray) -> ArrayRef {
    let offsets = lists.value_offsets();
    let at = |offset: Option<&i32>| offset.map_or(0, |offset| *offset as usize);
    let (start, end) = (at(offsets.first()), at(offsets.last()));
    lists.values().slice(start, end - start)
}

/// The arrays of the rows; `elements` are those of the lists as the encoder takes them.
pub(super) fn encode(
    lists: &ListArray,
    ty: &Type,
    elements: &ArrayRef,
) -> Result<ArrayRef, ErrorKind> {
    let first = lists.value_offsets().first().copied().unwrap_or_default();
    let field = Field::new("element", elements.data_type().clone(), true);
    let builder = EncoderBuilder::try_new(Arc::new(field))?;
    let encoder = builder.try_new(elements)?;
    let room = encoder.byte_size_hint()? + HEADER * lists.len();
    let mut bytes = BytesMut::with_capacity(room);
    let mut ends = Vec::with_capacity(lists.len() + 1);
    ends.push(0);
    for (row, span) in lists.value_offsets().windows(2).enumerate() {
        if let &[start, end] = span
            && lists.is_valid(row)
        {
            let span = (start - first) as usize..(end - first) as usize;
            let has_null = elements.null_count() > 0 && span.clone().any(|at| elements.is_null(at));
            head(end - start, has_null, types::oid(ty), &mut bytes);
            for at in span {
                encoder.encode(at, &mut bytes)?;
            }
        }
        ends.push(bytes.len() as i64);
    }
    let ends = OffsetBuffer::new(ScalarBuffer::from(ends));
    let (bytes, nulls) = (Buffer::from(bytes.freeze()), lists.nulls().cloned());
    match LargeBinaryArray::try_new(ends, bytes, nulls) {
        Ok(arrays) => Ok(Arc::new(arrays)),
        Err(error) => Err(ErrorKind::Encode { reason: error.to_string() }),
    }
}

/// What comes before the elements; a list without any has no dimension.
fn head(length: i32, has_null: bool, oid: i32, bytes: &mut BytesMut) {
    let dimensions = i32::from(length > 0);
    for number in [dimensions, i32::from(has_null), oid] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    if length > 0 {
        for number in [length, 1] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use arrow::array::types::Int32Type;

    use super::*;

    #[test]
    fn a_list_is_an_array_of_one_dimension() {
        let rows = [Some(vec![Some(7), None]), None, Some(vec![]), Some(vec![Some(-1)])];
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(rows);
        let check = |lists: &ListArray, expected: &[Option<&[i32]>]| {
            let arrays = encode(lists, &Type::Int32, &elements(lists)).unwrap();
            let arrays = arrays.as_binary::<i64>();
            let found = arrays.iter().map(|bytes| {
                let (numbers, rest) = bytes?.as_chunks::<4>();
                assert!(rest.is_empty());
                Some(numbers.iter().map(|number| i32::from_be_bytes(*number)).collect::<Vec<_>>())
            });
            let expected: Vec<_> = expected.iter().map(|row| row.map(<[i32]>::to_vec)).collect();
            assert_eq!(found.collect::<Vec<_>>(), expected);
        };
        let [two, one] = [&[1, 1, 23, 2, 1, 4, 7, -1][..], &[1, 0, 23, 1, 1, 4, -1]];
        check(&lists, &[Some(two), None, Some(&[0, 0, 23]), Some(one)]);
        // Cut out of the batch, they are the same.
        check(&lists.slice(2, 2), &[Some(&[0, 0, 23]), Some(one)]);
        check(&lists.slice(1, 1), &[None]);
        check(&lists.slice(0, 0), &[]);
    }
}
