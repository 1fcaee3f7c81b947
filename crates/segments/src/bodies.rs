//! The blob of headers and bodies, in blocks that are compressed as rows arrive.
//!
//! A block has the messages of up to 64 rows, and ends early when it has 256 KiB. It is one compressed piece with its
//! checksum. Inside, for each row: its number minus the block's first row, the length of its messages, and these (see
//! `messages`). Rows without messages of their own are in no block.

use std::borrow::Cow;

use logs::StoredEntry;

use crate::container::Damage;
use crate::input::{Input, put_varint, put_zipped, seal};
use crate::messages::{self, Messages};

const BLOCK_ROWS: u32 = 64;
const BLOCK_BYTES: usize = 256 * 1024;

/// A block that is finished.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyBlock {
    pub(crate) first_row: u16,
    /// Where it ends in the blob.
    pub(crate) end: u32,
}

/// The headers and bodies of an open segment.
#[derive(Debug, Default)]
pub(crate) struct OpenBodies {
    /// Blocks that are finished, one behind the other.
    blob: Vec<u8>,
    blocks: Vec<BodyBlock>,
    waiting: Vec<u8>,
    waiting_first: u16,
    waiting_rows: u32,
    message: Vec<u8>,
    scratch: Vec<u8>,
}

impl OpenBodies {
    /// Bytes of memory, roughly.
    pub(crate) fn len(&self) -> usize {
        self.blob.len() + self.waiting.len()
    }

    pub(crate) fn push(&mut self, row: u16, entry: &StoredEntry) {
        if self.waiting_rows == 0 {
            self.waiting_first = row;
        }
        put_varint(&mut self.waiting, u64::from(row - self.waiting_first));
        self.message.clear();
        messages::put(&mut self.message, entry);
        crate::input::put_bytes(&mut self.waiting, &self.message);
        self.waiting_rows += 1;
        if self.waiting_rows == BLOCK_ROWS || self.waiting.len() >= BLOCK_BYTES {
            finish(&self.waiting, &mut self.blob, &mut self.scratch);
            self.blocks.push(BodyBlock {
                first_row: self.waiting_first,
                end: self.blob.len() as u32,
            });
            self.waiting.clear();
            self.waiting_rows = 0;
        }
    }

    /// The messages of one row that has some.
    pub(crate) fn read(&self, row: u16) -> Result<Messages, Damage> {
        if self.waiting_rows > 0 && row >= self.waiting_first {
            return find(&self.waiting, self.waiting_first, row);
        }
        let index = self.blocks.partition_point(|block| block.first_row <= row);
        let block = index
            .checked_sub(1)
            .and_then(|index| self.blocks.get(index))
            .ok_or(MISSING)?;
        let start = index.checked_sub(2).map_or(0, |before| self.blocks[before].end);
        read(
            &self.blob[start as usize..block.end as usize],
            block.first_row,
            row,
        )
    }

    /// The blob, without its beginning, and its blocks.
    pub(crate) fn encode(&self) -> (Vec<u8>, Vec<BodyBlock>) {
        let mut blob = self.blob.clone();
        let mut blocks = self.blocks.clone();
        if self.waiting_rows > 0 {
            finish(&self.waiting, &mut blob, &mut Vec::new());
            blocks.push(BodyBlock {
                first_row: self.waiting_first,
                end: blob.len() as u32,
            });
        }
        (blob, blocks)
    }
}

const MISSING: Damage = Damage("a row has no headers and bodies where it should");

fn finish(waiting: &[u8], out: &mut Vec<u8>, scratch: &mut Vec<u8>) {
    let start = out.len();
    put_zipped(out, waiting, scratch);
    seal(out, start);
}

/// The messages of one row in a block.
pub(crate) fn read(block: &[u8], first_row: u16, row: u16) -> Result<Messages, Damage> {
    find(&unseal(block)?, first_row, row)
}

/// The content of a block.
pub(crate) fn unseal(block: &[u8]) -> Result<Cow<'_, [u8]>, Damage> {
    let mut input = Input::sealed(block)?;
    let raw = input.unzip()?;
    input.end()?;
    Ok(raw)
}

/// Looks for a row in the content of a block.
pub(crate) fn find(raw: &[u8], first_row: u16, row: u16) -> Result<Messages, Damage> {
    let wanted = row.checked_sub(first_row).ok_or(MISSING)?;
    let mut input = Input::new(raw);
    while !input.rest().is_empty() {
        let offset = input.varint()?;
        let bytes = input.bytes()?;
        if offset == u64::from(wanted) {
            let mut messages = Input::new(bytes);
            let read = Messages::read(&mut messages)?;
            messages.end()?;
            return Ok(read);
        }
    }
    Err(MISSING)
}
