//! The open segment: rows in memory, column by column, until the segment is closed.

use logs::{KeyTrace, Place, StoredEntry};
use model::{Environment, ErrorCode, LogEntry, LogRow, Recorded, RequestId, Timestamp, Verdict};

use crate::bodies::OpenBodies;
use crate::container::Damage;
use crate::entry::{self, Parts};
use crate::messages::{self, Messages};
use crate::seqs::Seqs;
use crate::texts::{TextNumbers, ValueNumbers};
use crate::{Column, Day, Dictionary, Encoded, ROWS, ReadError, SegmentId, Texts, codes};

/// A segment is full when its texts, or its headers and bodies, have this many bytes.
const FULL: usize = 16 * 1024 * 1024;

/// How many columns are numbers of 16 bits.
const NARROW: usize = Column::ALL.len() - Column::WIDE;

/// The rows of a segment that is still being written.
#[derive(Debug)]
pub struct Open {
    id: SegmentId,
    day: Day,
    pub(crate) seqs: Seqs,
    pub(crate) at: Vec<i64>,
    pub(crate) ids: Vec<RequestId>,
    durations: Vec<u64>,
    upstreams: Vec<u64>,
    /// In the order of [`Column::ALL`], without the first [`Column::WIDE`].
    numbers: [Vec<u16>; NARROW],
    pub(crate) places: ValueNumbers<Place>,
    pub(crate) keys: ValueNumbers<Option<KeyTrace>>,
    texts: [TextNumbers; 6],
    pub(crate) bodies: OpenBodies,
    /// Bytes of all dictionaries' texts.
    text_bytes: usize,
    times: Option<(i64, i64)>,
}

impl Open {
    pub fn new(id: SegmentId, day: Day) -> Self {
        Self {
            id,
            day,
            seqs: Seqs::default(),
            at: Vec::new(),
            ids: Vec::new(),
            durations: Vec::new(),
            upstreams: Vec::new(),
            numbers: Default::default(),
            places: ValueNumbers::default(),
            keys: ValueNumbers::default(),
            texts: Default::default(),
            bodies: OpenBodies::default(),
            text_bytes: 0,
            times: None,
        }
    }

    pub const fn id(&self) -> SegmentId {
        self.id
    }

    pub const fn day(&self) -> Day {
        self.day
    }

    pub const fn rows(&self) -> u32 {
        self.seqs.rows()
    }

    pub const fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// Whether these fit: by number, and by the bytes of all texts, headers and bodies (16 MiB each). Up to
    /// [`ROWS`] entries always fit into an empty segment.
    pub fn room_for(&self, entries: &[StoredEntry]) -> bool {
        let rows = self.at.len() + entries.len();
        rows <= ROWS && (self.is_empty() || (self.text_bytes < FULL && self.bodies.len() < FULL))
    }

    /// Adds rows with `seq` from `first_seq`, which must be above every `seq` that is here.
    ///
    /// # Panics
    ///
    /// If there would be more than [`ROWS`] rows.
    pub fn append(&mut self, first_seq: i64, entries: &[StoredEntry]) {
        assert!(
            self.at.len() + entries.len() <= ROWS,
            "a segment has no room for these rows"
        );
        let more = entries.len();
        self.at.reserve(more);
        self.ids.reserve(more);
        self.durations.reserve(more);
        self.upstreams.reserve(more);
        for numbers in &mut self.numbers {
            numbers.reserve(more);
        }
        self.seqs.push(first_seq, more as u32);
        for entry in entries {
            self.push(entry);
        }
        self.text_bytes = self.texts.iter().map(|numbers| numbers.texts().bytes()).sum();
    }

    fn push(&mut self, entry: &StoredEntry) {
        let row = self.at.len() as u16;
        let at = entry.at.as_millis();
        let (min, max) = self.times.unwrap_or((at, at));
        self.times = Some((min.min(at), max.max(at)));
        self.at.push(at);
        self.ids.push(entry.request_id);
        self.durations.push(entry.duration_us);
        self.upstreams
            .push(entry.upstream_us.map_or(0, |upstream| upstream.saturating_add(1)));
        let place = self.places.number(&entry.place, |place| {
            u128::from_be_bytes(place.client_id.to_bytes())
        });
        let key = self.keys.number(&entry.key, |key| {
            key.as_ref()
                .map_or(0, |key| u128::from_be_bytes(key.id.to_bytes()))
        });
        let messages = messages::number_of(entry);
        if messages == messages::STORED {
            self.bodies.push(row, entry);
        }
        let [methods, details, paths, addresses, user_agents, errors] = &mut self.texts;
        let numbers = [
            place,
            key,
            codes::environment(entry.environment).into(),
            codes::recorded(entry.recorded).into(),
            methods.number(Some(&entry.method)),
            entry.status,
            codes::verdict(entry.verdict).into(),
            details.number(Some(&entry.verdict_detail)),
            paths.number(Some(&entry.path)),
            addresses.number(Some(&entry.address)),
            user_agents.number(entry.user_agent.as_deref()),
            messages,
            errors.number(Some(entry.error_code.as_ref().map_or("", ErrorCode::as_str))),
        ];
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
    }

    /// The segment as it is kept from now on. `None` if it has no row.
    pub fn encode(&self) -> Option<Encoded> {
        crate::encode::encode(self)
    }

    /// A row's `seq`. `row` must be below [`Self::rows`].
    pub fn seq_of(&self, row: u32) -> i64 {
        self.seqs.of(row)
    }

    /// How many rows have a `seq` below this one: they are the rows 0 up to this number (excluded).
    pub fn rows_below(&self, seq: i64) -> u32 {
        self.seqs.below(seq)
    }

    /// The `seq` of the last row.
    pub fn last_seq(&self) -> Option<i64> {
        self.seqs.last()
    }

    /// The earliest and the latest arrival, both included. `None` if it has no row.
    pub fn times_of_all(&self) -> Option<(Timestamp, Timestamp)> {
        let (min, max) = self.times?;
        Some((Timestamp::from_millis(min), Timestamp::from_millis(max)))
    }

    /// [`Column::At`], in milliseconds since 1970.
    pub fn times(&self) -> &[i64] {
        &self.at
    }

    /// [`Column::RequestId`].
    pub fn ids(&self) -> &[RequestId] {
        &self.ids
    }

    /// [`Column::Duration`] or [`Column::Upstream`].
    pub fn microseconds(&self, column: Column) -> &[u64] {
        if column == Column::Upstream {
            &self.upstreams
        } else {
            &self.durations
        }
    }

    /// Any column but [`Column::At`], [`Column::RequestId`], [`Column::Duration`] and [`Column::Upstream`], for which
    /// this is empty.
    pub fn numbers(&self, column: Column) -> &[u16] {
        let index = (column as usize).checked_sub(Column::WIDE);
        index.map_or(&[], |index| &self.numbers[index])
    }

    /// Any dictionary but places and keys, for which this has the methods.
    pub fn texts(&self, dictionary: Dictionary) -> &Texts {
        let index = match dictionary {
            Dictionary::Places | Dictionary::Keys | Dictionary::Methods => 0,
            Dictionary::Details => 1,
            Dictionary::Paths => 2,
            Dictionary::Addresses => 3,
            Dictionary::UserAgents => 4,
            Dictionary::Errors => 5,
        };
        self.texts[index].texts()
    }

    /// [`Dictionary::Places`].
    pub fn places(&self) -> &[Place] {
        self.places.values()
    }

    /// [`Dictionary::Keys`]. One of them may be `None`: the number that rows without a key have.
    pub fn keys(&self) -> &[Option<KeyTrace>] {
        self.keys.values()
    }

    /// The row of this request.
    pub fn row_of(&self, id: RequestId) -> Option<u32> {
        self.ids.iter().position(|one| *one == id).map(|row| row as u32)
    }

    /// One row for a list, with its caller if that is asked for. `row` must be below [`Self::rows`].
    pub fn row(&self, row: u32, callers: bool) -> Result<LogRow, ReadError> {
        let parts = self.parts(row).map_err(|damage| damage.of(self.id))?;
        Ok(entry::row(self.seq_of(row), parts, callers))
    }

    /// One row with everything, and the company it belongs to, so that the caller can check the scope. `row` must be
    /// below [`Self::rows`].
    pub fn entry(&self, row: u32) -> Result<(Place, LogEntry), ReadError> {
        let read = || {
            let parts = self.parts(row)?;
            let messages = match Messages::of_number(parts.messages)? {
                Some(messages) => messages,
                None => self.bodies.read(row as u16)?,
            };
            Ok(entry::entry(self.seq_of(row), entry::stored(parts, messages)))
        };
        read().map_err(|damage: Damage| damage.of(self.id))
    }

    fn parts(&self, row: u32) -> Result<Parts, Damage> {
        let index = row as usize;
        let number = |column| self.numbers(column)[index];
        let text = |column, dictionary| self.texts(dictionary).get(number(column)).map(str::to_owned);
        Ok(Parts {
            request_id: self.ids[index],
            at: Timestamp::from_millis(self.at[index]),
            place: self.places.values()[usize::from(number(Column::Place))].clone(),
            key: self.keys.values()[usize::from(number(Column::Key))].clone(),
            environment: environment(number(Column::Environment))?,
            recorded: recorded(number(Column::Recorded))?,
            method: text(Column::Method, Dictionary::Methods).unwrap_or_default(),
            status: number(Column::Status),
            verdict: verdict(number(Column::Verdict))?,
            verdict_detail: text(Column::Detail, Dictionary::Details).unwrap_or_default(),
            error_code: text(Column::Error, Dictionary::Errors)
                .as_deref()
                .and_then(ErrorCode::stored),
            path: text(Column::Path, Dictionary::Paths).unwrap_or_default(),
            address: text(Column::Address, Dictionary::Addresses).unwrap_or_default(),
            user_agent: text(Column::UserAgent, Dictionary::UserAgents),
            duration_us: self.durations[index],
            upstream_us: self.upstreams[index].checked_sub(1),
            messages: number(Column::Messages),
        })
    }
}

pub(crate) fn environment(number: u16) -> Result<Option<Environment>, Damage> {
    let code = u8::try_from(number).ok();
    code.and_then(codes::to_environment)
        .ok_or(Damage("an environment is unknown"))
}

pub(crate) fn recorded(number: u16) -> Result<Recorded, Damage> {
    let code = u8::try_from(number).ok();
    code.and_then(codes::to_recorded)
        .ok_or(Damage("where a request was recorded is unknown"))
}

pub(crate) fn verdict(number: u16) -> Result<Verdict, Damage> {
    let code = u8::try_from(number).ok();
    code.and_then(codes::to_verdict)
        .ok_or(Damage("a verdict is unknown"))
}
