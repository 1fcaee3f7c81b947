//! The sections of dictionaries in a blob of rows.
//!
//! A chunk has up to 1,024 values, and ends early when it has 64 KiB. It is one compressed piece with its checksum.
//! Inside: for each value the length of its bytes plus one, or 0 for *none* (varint), then the bytes of all.
//!
//! * A text is its UTF-8.
//! * A place is root, company and Client ID (16 bytes each), then 1 and the brand's name, or 0.
//! * A key is its id (16 bytes), then the last four characters.

use std::borrow::Cow;

use logs::{KeyTrace, Place};
use model::{ClientId, CompanyId, KeyId};

use crate::container::Damage;
use crate::input::{Input, TOO_SHORT, put_varint, put_zipped, seal, text};
use crate::{BLOCK, Texts};

const CHUNK_BYTES: usize = 64 * 1024;

/// How many values and bytes a chunk has.
pub(crate) struct ChunkSize {
    pub(crate) values: u32,
    pub(crate) bytes: u32,
}

/// Writes values in chunks, with buffers that are used again.
#[derive(Debug, Default)]
pub(crate) struct DictionaryWriter {
    raw: Vec<u8>,
    bytes: Vec<u8>,
    value: Vec<u8>,
    scratch: Vec<u8>,
}

impl DictionaryWriter {
    /// Appends all values; `put` writes one, or returns false for *none*.
    pub(crate) fn write<T>(
        &mut self,
        out: &mut Vec<u8>,
        values: impl Iterator<Item = T>,
        put: impl Fn(&mut Vec<u8>, T) -> bool,
    ) -> Vec<ChunkSize> {
        let mut chunks = Vec::new();
        let mut count = 0;
        for value in values {
            self.value.clear();
            let length = if put(&mut self.value, value) {
                self.value.len() as u64 + 1
            } else {
                0
            };
            put_varint(&mut self.raw, length);
            self.bytes.extend_from_slice(&self.value);
            count += 1;
            if count == BLOCK as u32 || self.bytes.len() >= CHUNK_BYTES {
                chunks.push(self.finish(out, count));
                count = 0;
            }
        }
        if count > 0 {
            chunks.push(self.finish(out, count));
        }
        chunks
    }

    fn finish(&mut self, out: &mut Vec<u8>, values: u32) -> ChunkSize {
        let start = out.len();
        self.raw.append(&mut self.bytes);
        put_zipped(out, &self.raw, &mut self.scratch);
        self.raw.clear();
        seal(out, start);
        ChunkSize {
            values,
            bytes: (out.len() - start) as u32,
        }
    }
}

/// Reads one chunk of `values` values and passes each on.
pub(crate) fn read_chunk(
    bytes: &[u8],
    values: usize,
    mut each: impl FnMut(Option<&[u8]>) -> Result<(), Damage>,
) -> Result<(), Damage> {
    let raw = unseal(bytes)?;
    let (mut lengths, mut contents) = split(&raw, values)?;
    for _ in 0..values {
        match lengths.length(raw.len() + 1)?.checked_sub(1) {
            Some(length) => each(Some(contents.take(length)?))?,
            None => each(None)?,
        }
    }
    contents.end()
}

/// Reads one chunk of `values` texts. Much faster than one by one.
pub(crate) fn read_texts(bytes: &[u8], values: usize, texts: &mut Texts) -> Result<(), Damage> {
    let raw = unseal(bytes)?;
    let (mut lengths, contents) = split(&raw, values)?;
    let lengths = (0..values).map(|_| lengths.length(raw.len() + 1).map(|length| length.checked_sub(1)));
    texts.push_all(text(contents.rest())?, lengths)
}

/// How long a chunk is when it is decompressed, roughly and before its checksum was looked at, to have room for it.
pub(crate) fn unzipped_length(bytes: &[u8]) -> usize {
    Input::new(bytes).length(2 * CHUNK_BYTES).unwrap_or(0)
}

fn unseal(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Damage> {
    let mut input = Input::sealed(bytes)?;
    let raw = input.unzip()?;
    input.end()?;
    Ok(raw)
}

/// The lengths, and what follows them.
fn split(raw: &[u8], values: usize) -> Result<(Input<'_>, Input<'_>), Damage> {
    let lengths = Input::new(raw);
    let mut contents = lengths;
    for _ in 0..values {
        contents.varint()?;
    }
    Ok((lengths, contents))
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: Option<&str>) -> bool {
    out.extend_from_slice(text.unwrap_or_default().as_bytes());
    text.is_some()
}

pub(crate) fn put_place(out: &mut Vec<u8>, place: &Place) -> bool {
    out.extend_from_slice(&place.root.to_bytes());
    out.extend_from_slice(&place.company.to_bytes());
    out.extend_from_slice(&place.client_id.to_bytes());
    out.push(place.brand.is_some().into());
    out.extend_from_slice(place.brand.as_deref().unwrap_or_default().as_bytes());
    true
}

pub(crate) fn read_place(bytes: Option<&[u8]>) -> Result<Place, Damage> {
    let mut input = Input::new(bytes.ok_or(TOO_SHORT)?);
    Ok(Place {
        root: CompanyId::from_bytes(input.array()?),
        company: CompanyId::from_bytes(input.array()?),
        client_id: ClientId::from_bytes(input.array()?),
        brand: match input.byte()? {
            0 => None,
            _ => Some(text(input.rest())?.to_owned()),
        },
    })
}

/// Reads only the Client ID of a place.
pub(crate) fn read_client(bytes: Option<&[u8]>) -> Result<ClientId, Damage> {
    let mut input = Input::new(bytes.ok_or(TOO_SHORT)?);
    input.take(32)?;
    input.array().map(ClientId::from_bytes)
}

pub(crate) fn put_key(out: &mut Vec<u8>, key: Option<&KeyTrace>) -> bool {
    if let Some(key) = key {
        out.extend_from_slice(&key.id.to_bytes());
        out.extend_from_slice(key.last_four.as_bytes());
    }
    key.is_some()
}

pub(crate) fn read_key(bytes: Option<&[u8]>) -> Result<Option<KeyTrace>, Damage> {
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let mut input = Input::new(bytes);
    Ok(Some(KeyTrace {
        id: KeyId::from_bytes(input.array()?),
        last_four: text(input.rest())?.to_owned(),
    }))
}
