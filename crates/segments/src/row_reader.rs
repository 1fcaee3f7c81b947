//! Reads whole rows of a closed segment.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use logs::{KeyTrace, Place, StoredEntry};
use model::{ErrorCode, LogEntry, LogRow, RequestId, Timestamp};

use crate::container::Damage;
use crate::dictionary::{read_chunk, read_key, read_place};
use crate::entry::{self, Parts};
use crate::input::text;
use crate::messages::Messages;
use crate::open::{environment, recorded, verdict};
use crate::{BLOCK, Column, Dictionary, Head, ReadError, Wanted, bodies};

/// The columns that a row of a list needs.
const OF_ROWS: [Column; 11] = [
    Column::At,
    Column::RequestId,
    Column::Duration,
    Column::Place,
    Column::Key,
    Column::Environment,
    Column::Method,
    Column::Status,
    Column::Verdict,
    Column::Path,
    Column::Error,
];

/// And with callers.
const OF_ROWS_WITH_CALLERS: [Column; OF_ROWS.len() + 2] = [
    Column::At,
    Column::RequestId,
    Column::Duration,
    Column::Place,
    Column::Key,
    Column::Environment,
    Column::Method,
    Column::Status,
    Column::Verdict,
    Column::Path,
    Column::Error,
    Column::Address,
    Column::UserAgent,
];

/// A dictionary up to this size is read at once with the columns, before it is known which of its chunks are needed.
const SMALL_DICTIONARY: u64 = 4 * 1024;

/// Reads rows by their numbers, in steps: while [`RowReader::wanted`] is not empty, read that (together with what the
/// readers of other segments want) and [`RowReader::supply`] it. There are two steps at most: columns, then what they
/// refer to.
#[derive(Debug)]
pub struct RowReader<'a> {
    head: &'a Head,
    rows: Vec<u16>,
    /// Those that are needed, if the segment has them.
    columns: &'static [Column],
    /// Whether the blob of bodies is there, if entries are read.
    bodies: Option<bool>,
    wanted: Vec<Wanted>,
    parts: Vec<Part>,
    columns_read: bool,
    chunks: HashMap<(Column, usize), Chunk>,
    values: HashMap<(Dictionary, u16), Value>,
    messages: HashMap<u16, Messages>,
}

/// What a range that is wanted contains.
#[derive(Clone, Copy, Debug)]
enum Part {
    Chunk(Column, usize),
    Dictionary(Dictionary, usize),
    Bodies(u16),
}

/// A chunk of a column.
#[derive(Debug)]
enum Chunk {
    Times(Vec<i64>),
    Ids(Vec<RequestId>),
    Wide(Vec<u64>),
    Narrow(Vec<u16>),
}

/// A value of a dictionary.
#[derive(Clone, Debug)]
enum Value {
    Place(Place),
    Key(Option<KeyTrace>),
    Text(Option<String>),
}

const LOST: Damage = Damage("a row refers to a value that is not there");

impl<'a> RowReader<'a> {
    /// For [`Self::into_rows`].
    pub fn of_rows(head: &'a Head, rows: &[u16], callers: bool) -> Self {
        let columns: &[Column] = if callers { &OF_ROWS_WITH_CALLERS } else { &OF_ROWS };
        Self::new(head, rows, columns, None)
    }

    /// For [`Self::into_entries`] and [`Self::into_stored`]. Without `bodies_kept`, the blob of bodies has been removed.
    pub fn of_entries(head: &'a Head, rows: &[u16], bodies_kept: bool) -> Self {
        Self::new(head, rows, &Column::ALL, Some(bodies_kept))
    }

    fn new(head: &'a Head, rows: &[u16], columns: &'static [Column], bodies: Option<bool>) -> Self {
        let mut reader = Self {
            head,
            rows: rows.to_vec(),
            columns,
            bodies,
            wanted: Vec::new(),
            parts: Vec::new(),
            columns_read: false,
            chunks: HashMap::new(),
            values: HashMap::new(),
            messages: HashMap::new(),
        };
        let blocks: BTreeSet<usize> = rows.iter().map(|row| usize::from(*row) / BLOCK).collect();
        for column in columns.iter().filter(|column| head.has(**column)) {
            for block in blocks.iter().filter(|block| **block < head.blocks()) {
                reader.want(
                    Part::Chunk(*column, *block),
                    head.column(*column, *block..*block + 1),
                );
            }
            let Some(dictionary) = column.dictionary() else {
                continue;
            };
            let whole = head.dictionary(dictionary).range;
            if !rows.is_empty() && whole.end - whole.start <= SMALL_DICTIONARY {
                for chunk in 0..head.dictionary_index(dictionary).chunks.len() {
                    reader.want_chunk(dictionary, chunk);
                }
            }
        }
        reader
    }

    /// What to read next. Empty when everything is there.
    pub fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// The bytes that [`Self::wanted`] asked for, in its order.
    pub fn supply(&mut self, bytes: &[Bytes]) -> Result<(), ReadError> {
        self.wanted.clear();
        let parts = std::mem::take(&mut self.parts);
        if parts.len() != bytes.len() {
            return Err(self.head.damaged(Damage("other ranges were read than asked for")));
        }
        for (part, bytes) in parts.into_iter().zip(bytes) {
            match part {
                Part::Chunk(column, block) => self.read_chunk(column, block, bytes)?,
                Part::Dictionary(dictionary, chunk) => self
                    .read_values(dictionary, chunk, bytes)
                    .map_err(|damage| self.head.damaged(damage))?,
                Part::Bodies(first_row) => {
                    self.read_bodies(first_row, bytes)
                        .map_err(|damage| self.head.damaged(damage))?;
                }
            }
        }
        if !self.columns_read {
            self.columns_read = true;
            self.want_rest().map_err(|damage| self.head.damaged(damage))?;
        }
        Ok(())
    }

    fn want(&mut self, part: Part, wanted: Wanted) {
        self.parts.push(part);
        self.wanted.push(wanted);
    }

    fn want_chunk(&mut self, dictionary: Dictionary, chunk: usize) {
        let range = self.head.dictionary_index(dictionary).range(chunk);
        self.want(Part::Dictionary(dictionary, chunk), self.head.wanted(range));
    }

    /// Asks for what the columns refer to.
    fn want_rest(&mut self) -> Result<(), Damage> {
        let mut chunks = BTreeSet::new();
        for column in self.columns.iter().filter(|column| self.head.has(**column)) {
            let Some(dictionary) = column.dictionary() else {
                continue;
            };
            for row in &self.rows {
                let number = self.number(*column, *row)?;
                if !self.values.contains_key(&(dictionary, number)) {
                    let chunk = self
                        .head
                        .dictionary_index(dictionary)
                        .chunk_of(number)
                        .ok_or(LOST)?;
                    chunks.insert((dictionary as usize, chunk));
                }
            }
        }
        for (dictionary, chunk) in chunks {
            self.want_chunk(Dictionary::ALL[dictionary], chunk);
        }
        let mut blocks = BTreeMap::new();
        for row in self.rows.iter().filter(|_| self.bodies == Some(true)) {
            if Messages::of_number(self.number(Column::Messages, *row)?)?.is_none() {
                let (wanted, first_row) = self.head.body_block(*row)?;
                blocks.insert(first_row, wanted);
            }
        }
        for (first_row, wanted) in blocks {
            self.want(Part::Bodies(first_row), wanted);
        }
        Ok(())
    }

    fn read_chunk(&mut self, column: Column, block: usize, bytes: &[u8]) -> Result<(), ReadError> {
        let blocks = block..block + 1;
        let chunk = match column {
            Column::At => Chunk::Times(self.head.times(blocks, bytes)?),
            Column::RequestId => Chunk::Ids(self.head.ids(blocks, bytes)?),
            Column::Duration | Column::Upstream => {
                Chunk::Wide(self.head.microseconds(column, blocks, bytes)?)
            }
            _ => Chunk::Narrow(self.head.numbers(column, blocks, bytes)?),
        };
        self.chunks.insert((column, block), chunk);
        Ok(())
    }

    /// Keeps the values of a chunk that the rows refer to; all of them while that is not known.
    fn read_values(&mut self, dictionary: Dictionary, chunk: usize, bytes: &[u8]) -> Result<(), Damage> {
        let numbers = self.head.dictionary_index(dictionary).numbers(chunk);
        let count = numbers.len();
        let mut numbers = numbers.map(|number| number as u16);
        let needed = self.columns_read.then(|| self.needed(dictionary)).transpose()?;
        read_chunk(bytes, count, |bytes| {
            let number = numbers.next().ok_or(LOST)?;
            if needed.as_ref().is_some_and(|needed| !needed.contains(&number)) {
                return Ok(());
            }
            let value = match dictionary {
                Dictionary::Places => Value::Place(read_place(bytes)?),
                Dictionary::Keys => Value::Key(read_key(bytes)?),
                _ => Value::Text(bytes.map(|bytes| text(bytes).map(str::to_owned)).transpose()?),
            };
            self.values.insert((dictionary, number), value);
            Ok(())
        })
    }

    fn needed(&self, dictionary: Dictionary) -> Result<BTreeSet<u16>, Damage> {
        let column = self
            .columns
            .iter()
            .find(|column| column.dictionary() == Some(dictionary));
        let column = column.ok_or(LOST)?;
        self.rows.iter().map(|row| self.number(*column, *row)).collect()
    }

    fn read_bodies(&mut self, first_row: u16, bytes: &[u8]) -> Result<(), Damage> {
        let block = bodies::unseal(bytes)?;
        for row in &self.rows {
            let stored = Messages::of_number(self.number(Column::Messages, *row)?)?.is_none();
            if stored && self.head.body_block(*row)?.1 == first_row {
                self.messages.insert(*row, bodies::find(&block, first_row, *row)?);
            }
        }
        Ok(())
    }

    /// In the order in which the row numbers were given.
    pub fn into_rows(self) -> Result<Vec<LogRow>, ReadError> {
        let row = |row: &u16| {
            let parts = self.parts_of(*row)?;
            let callers = self.columns.contains(&Column::Address);
            Ok(entry::row(self.head.seq_of(u32::from(*row)), parts, callers))
        };
        let rows = self.rows.iter().map(row).collect::<Result<_, _>>();
        rows.map_err(|damage| self.head.damaged(damage))
    }

    /// Each with the company it belongs to, so that the caller can check the scope.
    pub fn into_entries(self) -> Result<Vec<(Place, LogEntry)>, ReadError> {
        let stored = self.into_stored()?;
        Ok(stored
            .into_iter()
            .map(|(seq, stored)| entry::entry(seq, stored))
            .collect())
    }

    /// Each with its `seq`.
    pub fn into_stored(mut self) -> Result<Vec<(i64, StoredEntry)>, ReadError> {
        let rows = std::mem::take(&mut self.rows);
        let stored = rows.into_iter().map(|row| {
            let parts = self.parts_of(row)?;
            let messages = match Messages::of_number(parts.messages)? {
                Some(messages) => messages,
                None if self.bodies == Some(true) => self.messages.get(&row).ok_or(LOST)?.clone(),
                None => Messages::no_longer_kept(),
            };
            Ok((self.head.seq_of(u32::from(row)), entry::stored(parts, messages)))
        });
        stored
            .collect::<Result<_, _>>()
            .map_err(|damage| self.head.damaged(damage))
    }

    fn number(&self, column: Column, row: u16) -> Result<u16, Damage> {
        match self.chunks.get(&(column, usize::from(row) / BLOCK)) {
            Some(Chunk::Narrow(numbers)) => numbers.get(usize::from(row) % BLOCK).copied().ok_or(LOST),
            _ => Err(LOST),
        }
    }

    fn wide(&self, column: Column, row: u16) -> Result<u64, Damage> {
        match self.chunks.get(&(column, usize::from(row) / BLOCK)) {
            Some(Chunk::Wide(numbers)) => numbers.get(usize::from(row) % BLOCK).copied().ok_or(LOST),
            _ => Err(LOST),
        }
    }

    fn value(&self, column: Column, row: u16) -> Result<&Value, Damage> {
        let dictionary = column.dictionary().ok_or(LOST)?;
        self.values
            .get(&(dictionary, self.number(column, row)?))
            .ok_or(LOST)
    }

    fn text(&self, column: Column, row: u16) -> Result<Option<String>, Damage> {
        match self.value(column, row)? {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(LOST),
        }
    }

    /// Columns that only entries need are empty in a row.
    fn parts_of(&self, row: u16) -> Result<Parts, Damage> {
        let (block, index) = (usize::from(row) / BLOCK, usize::from(row) % BLOCK);
        let at = match self.chunks.get(&(Column::At, block)) {
            Some(Chunk::Times(times)) => times.get(index).copied().ok_or(LOST)?,
            _ => return Err(LOST),
        };
        let request_id = match self.chunks.get(&(Column::RequestId, block)) {
            Some(Chunk::Ids(ids)) => ids.get(index).copied().ok_or(LOST)?,
            _ => return Err(LOST),
        };
        let Value::Place(place) = self.value(Column::Place, row)?.clone() else {
            return Err(LOST);
        };
        let Value::Key(key) = self.value(Column::Key, row)?.clone() else {
            return Err(LOST);
        };
        let whole = self.bodies.is_some();
        let entry_text = |column| match self.columns.contains(&column) {
            true => self.text(column, row),
            false => Ok(None),
        };
        let error_code = if self.head.has(Column::Error) {
            self.text(Column::Error, row)?
        } else {
            None
        };
        let entry_number = |column| if whole { self.number(column, row) } else { Ok(0) };
        Ok(Parts {
            request_id,
            at: Timestamp::from_millis(at),
            place,
            key,
            environment: environment(self.number(Column::Environment, row)?)?,
            recorded: recorded(entry_number(Column::Recorded)?)?,
            method: self.text(Column::Method, row)?.unwrap_or_default(),
            status: self.number(Column::Status, row)?,
            verdict: verdict(self.number(Column::Verdict, row)?)?,
            verdict_detail: entry_text(Column::Detail)?.unwrap_or_default(),
            error_code: error_code.as_deref().and_then(ErrorCode::stored),
            path: self.text(Column::Path, row)?.unwrap_or_default(),
            address: entry_text(Column::Address)?.unwrap_or_default(),
            user_agent: entry_text(Column::UserAgent)?,
            duration_us: self.wide(Column::Duration, row)?,
            upstream_us: if whole {
                self.wide(Column::Upstream, row)?.checked_sub(1)
            } else {
                None
            },
            messages: entry_number(Column::Messages)?,
        })
    }
}
