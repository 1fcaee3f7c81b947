//! Decodes what was read of a closed segment's blob of rows.

use std::ops::Range;

use logs::{KeyTrace, Place};
use model::{ClientId, RequestId};
use roaring::RoaringBitmap;

use crate::container::Damage;
use crate::dictionary::{read_chunk, read_client, read_key, read_place, read_texts, unzipped_length};
use crate::head::Head;
use crate::input::{Input, TOO_SHORT};
use crate::numbers::{read_ids, read_numbers, read_times};
use crate::{Column, Dictionary, Field, Located, ReadError, Texts, ValueKey, row_set, values};

impl Head {
    /// Decodes what [`crate::Values::Grouped`] wants: each value with its rows, ascending by key.
    pub fn decode_values(
        &self,
        field: Field,
        bytes: &[u8],
    ) -> Result<Vec<(ValueKey, RoaringBitmap)>, ReadError> {
        let index = self.field(field);
        let mut found = Vec::with_capacity(index.values as usize);
        let all = self.rows();
        let start = u64::from(index.start);
        let mut decode = || {
            for entry in 0..index.len() {
                values::read_group(part(bytes, &index.range(entry), start)?, |key, rows, set| {
                    found.push((ValueKey(key.to_vec()), row_set::read(set, rows, all)?));
                    Ok(())
                })?;
            }
            Ok(())
        };
        decode().map_err(|damage| self.damaged(damage))?;
        Ok(found)
    }

    /// The rows with this value. `bytes` is what `located` wants, or empty if it wants nothing.
    pub fn decode_rows(
        &self,
        located: &Located,
        key: &ValueKey,
        bytes: &[u8],
    ) -> Result<RoaringBitmap, ReadError> {
        let all = self.rows();
        let set = match located {
            Located::Nothing => Ok(RoaringBitmap::new()),
            Located::Everything => Ok(row_set::everything(all)),
            Located::Set { rows, .. } => values::read_listed(bytes, *rows, all),
            Located::Group { .. } => {
                let mut found = RoaringBitmap::new();
                values::read_group(bytes, |one, rows, set| {
                    if one == key.as_bytes() {
                        found = row_set::read(set, rows, all)?;
                    }
                    Ok(())
                })
                .map(|()| found)
            }
        };
        set.map_err(|damage| self.damaged(damage))
    }

    /// [`Column::At`] of the rows of these blocks, in milliseconds since 1970.
    pub fn times(&self, blocks: Range<usize>, bytes: &[u8]) -> Result<Vec<i64>, ReadError> {
        self.chunks(Column::At, blocks, bytes, read_times)
    }

    /// [`Column::RequestId`] of the rows of these blocks.
    pub fn ids(&self, blocks: Range<usize>, bytes: &[u8]) -> Result<Vec<RequestId>, ReadError> {
        self.chunks(Column::RequestId, blocks, bytes, read_ids)
    }

    /// [`Column::Duration`] or [`Column::Upstream`] of the rows of these blocks.
    pub fn microseconds(
        &self,
        column: Column,
        blocks: Range<usize>,
        bytes: &[u8],
    ) -> Result<Vec<u64>, ReadError> {
        self.chunks(column, blocks, bytes, |input, count, out| {
            read_numbers(input, count, out, |number| number)
        })
    }

    /// Any other column of the rows of these blocks.
    pub fn numbers(&self, column: Column, blocks: Range<usize>, bytes: &[u8]) -> Result<Vec<u16>, ReadError> {
        self.chunks(column, blocks, bytes, |input, count, out| {
            read_numbers(input, count, out, |number| number as u16)
        })
    }

    fn chunks<T>(
        &self,
        column: Column,
        blocks: Range<usize>,
        bytes: &[u8],
        read: impl Fn(&mut Input<'_>, usize, &mut Vec<T>) -> Result<(), Damage>,
    ) -> Result<Vec<T>, ReadError> {
        let rows = blocks.clone().map(|block| self.rows_of_block(block).len()).sum();
        let mut out = Vec::with_capacity(rows);
        let start = self.chunk(column, blocks.start).start;
        let decode = || {
            for block in blocks {
                let mut input = Input::sealed(part(bytes, &self.chunk(column, block), start)?)?;
                read(&mut input, self.rows_of_block(block).len(), &mut out)?;
                input.end()?;
            }
            Ok(())
        };
        decode().map_err(|damage| self.damaged(damage))?;
        Ok(out)
    }

    /// Any dictionary but places and keys.
    pub fn texts(&self, dictionary: Dictionary, bytes: &[u8]) -> Result<Texts, ReadError> {
        let mut room = 0;
        self.dictionary_parts(dictionary, bytes, |part, _| {
            room += unzipped_length(part);
            Ok(())
        })?;
        let mut texts = Texts::with_room(self.dictionary_len(dictionary), room);
        self.dictionary_parts(dictionary, bytes, |part, values| {
            read_texts(part, values, &mut texts)
        })?;
        Ok(texts)
    }

    /// One chunk of any dictionary but places and keys, from the bytes that [`Self::dictionary_chunks`] wants. Its first
    /// text is the first of the chunk's numbers.
    pub fn texts_of_chunk(
        &self,
        dictionary: Dictionary,
        chunk: usize,
        bytes: &[u8],
    ) -> Result<Texts, ReadError> {
        let mut texts = Texts::default();
        let values = self.dictionary_index(dictionary).numbers(chunk).len();
        read_texts(bytes, values, &mut texts).map_err(|damage| self.damaged(damage))?;
        Ok(texts)
    }

    /// [`Dictionary::Places`].
    pub fn places(&self, bytes: &[u8]) -> Result<Vec<Place>, ReadError> {
        self.dictionary_values(Dictionary::Places, bytes, read_place)
    }

    /// The Client IDs of [`Dictionary::Places`].
    pub(crate) fn clients(&self, bytes: &[u8]) -> Result<Vec<ClientId>, ReadError> {
        self.dictionary_values(Dictionary::Places, bytes, read_client)
    }

    /// [`Dictionary::Keys`]. One of them may be `None`: the number that rows without a key have.
    pub fn keys(&self, bytes: &[u8]) -> Result<Vec<Option<KeyTrace>>, ReadError> {
        self.dictionary_values(Dictionary::Keys, bytes, read_key)
    }

    fn dictionary_values<T>(
        &self,
        dictionary: Dictionary,
        bytes: &[u8],
        read: impl Fn(Option<&[u8]>) -> Result<T, Damage>,
    ) -> Result<Vec<T>, ReadError> {
        let mut found = Vec::new();
        self.dictionary_parts(dictionary, bytes, |part, values| {
            read_chunk(part, values, |value| {
                found.push(read(value)?);
                Ok(())
            })
        })?;
        Ok(found)
    }

    /// Calls `each` with the bytes of each chunk, and how many values it has.
    fn dictionary_parts(
        &self,
        dictionary: Dictionary,
        bytes: &[u8],
        mut each: impl FnMut(&[u8], usize) -> Result<(), Damage>,
    ) -> Result<(), ReadError> {
        let index = self.dictionary_index(dictionary);
        let mut decode = || {
            for chunk in 0..index.chunks.len() {
                let bytes = part(bytes, &index.range(chunk), u64::from(index.start))?;
                each(bytes, index.numbers(chunk).len())?;
            }
            Ok(())
        };
        decode().map_err(|damage| self.damaged(damage))
    }

    pub(crate) const fn damaged(&self, damage: Damage) -> ReadError {
        damage.of(self.meta.id)
    }
}

/// The part of `bytes` that is at `range` in the blob, where `bytes` begins at `start`.
fn part<'a>(bytes: &'a [u8], range: &Range<u64>, start: u64) -> Result<&'a [u8], Damage> {
    let (from, to) = ((range.start - start) as usize, (range.end - start) as usize);
    bytes.get(from..to).ok_or(TOO_SHORT)
}
