//! One batch of rows as bytes, for the tail of an open segment.
//!
//! A delta is "GHSD", the version (2; 1 has no codes of errors), how many rows it has (varint), one compressed piece with the rows, and a checksum of
//! all this. A place, a key, a method, an address, a user agent and a code of an error is written in full where it first appears in the
//! batch, and by its number after that.

use logs::{KeyTrace, Place, StoredEntry};
use model::{ErrorCode, RequestId, Timestamp};
use thiserror::Error;

use crate::container::Damage;
use crate::dictionary::{put_key, put_place, read_key, read_place};
use crate::entry::{Parts, stored};
use crate::input::{Input, put_bytes, put_signed, put_varint, put_zipped, seal, text};
use crate::messages::{self, Messages};
use crate::open::{environment, recorded, verdict};
use crate::texts::{TextNumbers, ValueNumbers};
use crate::{ROWS, codes};

const MAGIC: [u8; 4] = *b"GHSD";
const VERSION: u8 = 2;

/// Rows in a delta at most.
const MOST_ROWS: usize = ROWS;

/// The bytes are not a whole delta: it was not written to its end, or it was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a delta is torn: {0}")]
pub struct Torn(&'static str);

impl From<Damage> for Torn {
    fn from(Damage(why): Damage) -> Self {
        Self(why)
    }
}

/// Encodes a batch of at most [`ROWS`] rows.
pub fn encode(entries: &[StoredEntry]) -> Vec<u8> {
    let mut raw = Vec::with_capacity(entries.len() * 128);
    let mut known = Known::default();
    let mut before = 0;
    for entry in entries {
        known.put(&mut raw, entry, &mut before);
    }
    let mut out = Vec::with_capacity(raw.len() + 32);
    out.extend_from_slice(&MAGIC);
    out.push(VERSION);
    put_varint(&mut out, entries.len() as u64);
    put_zipped(&mut out, &raw, &mut Vec::new());
    seal(&mut out, 0);
    out
}

/// Values that have appeared in this delta.
#[derive(Default)]
struct Known {
    places: ValueNumbers<Place>,
    keys: ValueNumbers<Option<KeyTrace>>,
    methods: TextNumbers,
    addresses: TextNumbers,
    user_agents: TextNumbers,
    errors: TextNumbers,
    value: Vec<u8>,
}

impl Known {
    fn put(&mut self, out: &mut Vec<u8>, entry: &StoredEntry, before: &mut i64) {
        out.extend_from_slice(&entry.request_id.to_bytes());
        put_signed(out, entry.at.as_millis().wrapping_sub(*before));
        *before = entry.at.as_millis();
        put_varint(out, entry.duration_us);
        put_varint(
            out,
            entry.upstream_us.map_or(0, |upstream| upstream.saturating_add(1)),
        );
        out.extend([
            codes::environment(entry.environment),
            codes::recorded(entry.recorded),
            codes::verdict(entry.verdict),
        ]);
        put_varint(out, entry.status.into());
        let count = self.places.values().len();
        let number = self.places.number(&entry.place, |place| {
            u128::from_be_bytes(place.client_id.to_bytes())
        });
        self.put_value(out, number, count, |value| put_place(value, &entry.place));
        let count = self.keys.values().len();
        let number = self.keys.number(&entry.key, |key| {
            key.as_ref()
                .map_or(0, |key| u128::from_be_bytes(key.id.to_bytes()))
        });
        self.put_value(out, number, count, |value| put_key(value, entry.key.as_ref()));
        put_known(out, &mut self.methods, Some(&entry.method));
        put_known(out, &mut self.addresses, Some(&entry.address));
        put_known(out, &mut self.user_agents, entry.user_agent.as_deref());
        put_bytes(out, entry.verdict_detail.as_bytes());
        put_bytes(out, entry.path.as_bytes());
        put_known(
            out,
            &mut self.errors,
            entry.error_code.as_ref().map(ErrorCode::as_str),
        );
        let number = messages::number_of(entry);
        put_varint(out, number.into());
        if number == messages::STORED {
            messages::put(out, entry);
        }
    }

    fn put_value(
        &mut self,
        out: &mut Vec<u8>,
        number: u16,
        known: usize,
        put: impl Fn(&mut Vec<u8>) -> bool,
    ) {
        put_varint(out, number.into());
        if usize::from(number) == known {
            self.value.clear();
            let some = put(&mut self.value);
            out.push(some.into());
            if some {
                put_bytes(out, &self.value);
            }
        }
    }
}

fn put_known(out: &mut Vec<u8>, known: &mut TextNumbers, text: Option<&str>) {
    let count = known.texts().len();
    let number = known.number(text);
    put_varint(out, number.into());
    if usize::from(number) == count {
        out.push(text.is_some().into());
        if let Some(text) = text {
            put_bytes(out, text.as_bytes());
        }
    }
}

/// Decodes a batch.
pub fn decode(bytes: &[u8]) -> Result<Vec<StoredEntry>, Torn> {
    let mut input = Input::sealed(bytes)?;
    let (magic, version) = (input.array()?, input.byte()?);
    if magic != MAGIC || !(1..=VERSION).contains(&version) {
        return Err(Torn("it is of an unknown version"));
    }
    let count = input.length(MOST_ROWS)?;
    let raw = input.unzip()?;
    input.end()?;
    let mut rows = Input::new(&raw);
    let mut read = Read {
        version,
        ..Read::default()
    };
    let mut entries = Vec::with_capacity(count.min(raw.len() / 16));
    for _ in 0..count {
        entries.push(read.entry(&mut rows)?);
    }
    rows.end()?;
    Ok(entries)
}

/// Values that have been read so far.
#[derive(Default)]
struct Read {
    version: u8,
    before: i64,
    places: Vec<Place>,
    keys: Vec<Option<KeyTrace>>,
    methods: Vec<Option<String>>,
    addresses: Vec<Option<String>>,
    user_agents: Vec<Option<String>>,
    errors: Vec<Option<String>>,
}

impl Read {
    fn entry(&mut self, input: &mut Input<'_>) -> Result<StoredEntry, Damage> {
        let request_id = RequestId::from_bytes(input.array()?);
        self.before = self.before.wrapping_add(input.signed()?);
        let duration_us = input.varint()?;
        let upstream_us = input.varint()?.checked_sub(1);
        let [environment_code, recorded_code, verdict_code] = input.array()?;
        let status = input.length(u16::MAX.into())? as u16;
        let parts = Parts {
            request_id,
            at: Timestamp::from_millis(self.before),
            duration_us,
            upstream_us,
            environment: environment(environment_code.into())?,
            recorded: recorded(recorded_code.into())?,
            verdict: verdict(verdict_code.into())?,
            status,
            place: known(input, &mut self.places, read_place)?,
            key: known(input, &mut self.keys, read_key)?,
            method: known(input, &mut self.methods, read_text)?.unwrap_or_default(),
            address: known(input, &mut self.addresses, read_text)?.unwrap_or_default(),
            user_agent: known(input, &mut self.user_agents, read_text)?,
            verdict_detail: input.text()?.to_owned(),
            path: input.text()?.to_owned(),
            error_code: self.error_code(input)?,
            messages: input.length(u16::MAX.into())? as u16,
        };
        let messages = match Messages::of_number(parts.messages)? {
            Some(messages) => messages,
            None => Messages::read(input)?,
        };
        Ok(stored(parts, messages))
    }

    fn error_code(&mut self, input: &mut Input<'_>) -> Result<Option<ErrorCode>, Damage> {
        if self.version == 1 {
            return Ok(None);
        }
        let code = known(input, &mut self.errors, read_text)?;
        Ok(code.as_deref().and_then(ErrorCode::stored))
    }
}

fn read_text(bytes: Option<&[u8]>) -> Result<Option<String>, Damage> {
    bytes.map(|bytes| text(bytes).map(str::to_owned)).transpose()
}

/// A value by its number, or in full if the number is new.
fn known<T: Clone>(
    input: &mut Input<'_>,
    values: &mut Vec<T>,
    read: impl Fn(Option<&[u8]>) -> Result<T, Damage>,
) -> Result<T, Damage> {
    let number = input.length(values.len())?;
    if number == values.len() {
        let value = match input.byte()? {
            0 => None,
            _ => Some(input.bytes()?),
        };
        values.push(read(value)?);
    }
    Ok(values[number].clone())
}
