//! Gathers the failed rows of a segment.

use std::collections::BTreeMap;
use std::ops::Range;

use logs::ErrorKey;
use model::{ErrorCode, ErrorReason, Verdict};
use roaring::RoaringBitmap;

use super::SoughtPaths;
use super::templates::Templates;
use crate::answer::loader::{Ask, Batch, Loader, Pieces, Ticket, stretches};
use crate::answer::selection::rows_below;
use crate::container::Damage;
use crate::summaries::{FailedRow, Failures};
use crate::{Column, Dictionary, Field, Head, Located, Open, ReadError, Texts, Values, codes};

/// The lowest status of a failed request.
const FAILED: u16 = 400;

/// The columns of failed rows, in the order of [`Columns`].
const COLUMNS: [Column; 6] = [
    Column::Path,
    Column::Method,
    Column::Status,
    Column::Verdict,
    Column::Key,
    Column::Place,
];

/// The failed rows among those that match.
pub(super) fn of_open(open: &Open, matching: &RoaringBitmap) -> Failures {
    let names = Names {
        methods: open.texts(Dictionary::Methods),
        codes: Some(open.texts(Dictionary::Errors)),
    };
    let mut gathering = Gathering::new(open.texts(Dictionary::Paths));
    let columns = Columns {
        numbers: COLUMNS.map(|column| open.numbers(column)),
        codes: Some(open.numbers(Column::Error)),
    };
    let (times, statuses) = (open.times(), open.numbers(Column::Status));
    for row in matching {
        let index = row as usize;
        if statuses[index] >= FAILED {
            gathering.add(&columns, index, row, times[index]);
        }
    }
    Failures {
        keys: (open.keys().iter())
            .map(|key| key.as_ref().map(|key| key.id))
            .collect(),
        clients: open.places().iter().map(|place| place.client_id).collect(),
        ..gathering.finish(&names)
    }
}

/// All failed rows of each segment.
pub(super) fn of_closed(heads: &[&Head], loader: Loader<'_>) -> Result<Vec<Failures>, ReadError> {
    let failed = failed_rows(heads, loader)?;
    let mut batch = Batch::default();
    let sought: Vec<_> = (heads.iter().zip(&failed))
        .map(|(head, rows)| (!rows.is_empty()).then(|| Sought::ask(head, rows, &mut batch)))
        .collect();
    let pieces = loader.load(batch)?;
    let read = heads.iter().zip(&failed).zip(sought);
    read.map(|((head, rows), sought)| match sought {
        Some(sought) => sought.gather(head, rows, &pieces, loader),
        None => Ok(Failures::default()),
    })
    .collect()
}

fn failed_rows(heads: &[&Head], loader: Loader<'_>) -> Result<Vec<RoaringBitmap>, ReadError> {
    enum Sought {
        Everything,
        Sets(Vec<Ticket>),
        Values(Ticket),
    }
    let mut batch = Batch::default();
    let sought: Vec<_> = (heads.iter())
        .map(|head| match head.values(Field::Status) {
            Values::Grouped { wanted, .. } => {
                Sought::Values(batch.add(head, Ask::Values(Field::Status, wanted)))
            }
            Values::Listed(listed) => {
                let has_failed =
                    |one: &crate::Listed| one.key.to_status().is_some_and(|status| status >= FAILED);
                let mut sets = Vec::new();
                for one in listed.into_iter().filter(has_failed) {
                    if one.located == Located::Everything {
                        return Sought::Everything;
                    }
                    let (located, key) = (one.located, one.key);
                    sets.push(batch.add(head, Ask::Rows { located, key }));
                }
                Sought::Sets(sets)
            }
        })
        .collect();
    let pieces = loader.load(batch)?;
    let rows = heads.iter().zip(sought).map(|(head, sought)| {
        let mut failed = RoaringBitmap::new();
        match sought {
            Sought::Everything => return rows_below(head.rows()),
            Sought::Sets(sets) => sets.into_iter().for_each(|set| failed |= &*pieces.rows(set)),
            Sought::Values(ticket) => (pieces.values(ticket).iter())
                .filter(|(key, _)| key.to_status().is_some_and(|status| status >= FAILED))
                .for_each(|(_, rows)| failed |= rows),
        }
        failed
    });
    Ok(rows.collect())
}

/// Asked for of a closed segment.
struct Sought {
    paths: SoughtPaths,
    methods: Ticket,
    codes: Option<Ticket>,
    keys: Ticket,
    clients: Ticket,
    /// Rows with [`COLUMNS`], and the codes of their errors.
    stretches: Vec<(Range<u32>, [Ticket; 6], Option<Ticket>)>,
    /// The arrivals of blocks.
    times: BTreeMap<usize, Ticket>,
}

impl Sought {
    fn ask<'a>(head: &'a Head, rows: &RoaringBitmap, batch: &mut Batch<'a>) -> Self {
        let has_codes = head.has(Column::Error);
        let blocks =
            (0..head.blocks()).filter(|block| rows.range_cardinality(head.rows_of_block(*block)) > 0);
        Self {
            paths: SoughtPaths::ask(head, batch),
            methods: batch.add(head, Ask::Texts(Dictionary::Methods)),
            codes: has_codes.then(|| batch.add(head, Ask::Texts(Dictionary::Errors))),
            keys: batch.add(head, Ask::Keys),
            clients: batch.add(head, Ask::Clients),
            times: blocks
                .map(|block| (block, batch.add(head, Ask::Times(block))))
                .collect(),
            stretches: (stretches(head, rows).into_iter())
                .map(|(blocks, rows)| {
                    let mut add = |column| batch.add(head, Ask::Numbers(column, blocks.clone()));
                    (rows, COLUMNS.map(&mut add), has_codes.then(|| add(Column::Error)))
                })
                .collect(),
        }
    }

    fn gather(
        self,
        head: &Head,
        rows: &RoaringBitmap,
        pieces: &Pieces,
        loader: Loader<'_>,
    ) -> Result<Failures, ReadError> {
        let paths = self.paths.get(head, pieces, loader)?;
        let mut gathering = Gathering::new(&paths);
        for (range, tickets, codes) in &self.stretches {
            let numbers = tickets.map(|ticket| pieces.numbers(ticket));
            let codes = codes.map(|ticket| pieces.numbers(ticket));
            let columns = Columns {
                numbers: std::array::from_fn(|column| &numbers[column][..]),
                codes: codes.as_ref().map(|codes| &codes[..]),
            };
            for (block, times) in self.times.range(blocks_of(range)) {
                let (times, of_block) = (pieces.times(*times), head.rows_of_block(*block));
                if times.len() < of_block.len() {
                    return Err(head.damaged(Damage("a row has no time")));
                }
                for row in rows.range(of_block.clone()) {
                    let at = times[(row - of_block.start) as usize];
                    gathering.add(&columns, (row - range.start) as usize, row, at);
                }
            }
        }
        let methods = pieces.texts(self.methods);
        let codes = self.codes.map(|ticket| pieces.texts(ticket));
        let names = Names {
            methods: &methods,
            codes: codes.as_deref(),
        };
        let keys = pieces.keys(self.keys);
        Ok(Failures {
            keys: keys.iter().map(|key| key.as_ref().map(|key| key.id)).collect(),
            clients: pieces.clients(self.clients).to_vec(),
            ..gathering.finish(&names)
        })
    }
}

pub(super) fn blocks_of(rows: &Range<u32>) -> Range<usize> {
    let block = |row: u32| row as usize / crate::BLOCK;
    block(rows.start)..block(rows.end - 1) + 1
}

/// Parts of columns, which begin at the same row.
struct Columns<'a> {
    /// In the order of [`COLUMNS`].
    numbers: [&'a [u16]; 6],
    codes: Option<&'a [u16]>,
}

/// What rows of one group have in common, by the segment's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct LocalKey {
    template: u32,
    method: u16,
    status: u16,
    reason: LocalReason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum LocalReason {
    Refused(Verdict),
    /// The number of the code.
    Accepted(Option<u16>),
}

/// The rows of one segment so far.
struct Gathering<'a> {
    templates: Templates<'a>,
    numbers: hashbrown::HashMap<LocalKey, u16>,
    groups: Vec<LocalKey>,
    rows: Vec<FailedRow>,
}

impl<'a> Gathering<'a> {
    fn new(paths: &'a Texts) -> Self {
        Self {
            templates: Templates::of(paths),
            numbers: hashbrown::HashMap::new(),
            groups: Vec::new(),
            rows: Vec::new(),
        }
    }

    fn add(&mut self, columns: &Columns<'_>, index: usize, row: u32, at: i64) {
        let [path, method, status, verdict, key, client] = columns.numbers.map(|numbers| numbers[index]);
        let verdict = u8::try_from(verdict).ok().and_then(codes::to_verdict);
        let reason = match verdict {
            None | Some(Verdict::Accepted) => LocalReason::Accepted(columns.codes.map(|codes| codes[index])),
            Some(refused) => LocalReason::Refused(refused),
        };
        let local = LocalKey {
            template: self.templates.number(path),
            method,
            status,
            reason,
        };
        let group = *self.numbers.entry(local).or_insert_with(|| {
            self.groups.push(local);
            // No more groups than rows, which are 65,536 at most.
            (self.groups.len() - 1) as u16
        });
        self.rows.push(FailedRow {
            at,
            row: row as u16,
            group,
            key,
            client,
        });
    }

    /// Without the keys and clients.
    fn finish(mut self, names: &Names<'_>) -> Failures {
        self.rows.shrink_to_fit();
        Failures {
            groups: (self.groups.iter())
                .map(|local| names.key_of(*local, &self.templates))
                .collect(),
            rows: self.rows,
            keys: Vec::new(),
            clients: Vec::new(),
        }
    }
}

/// The texts of a segment that its numbers stand for.
struct Names<'a> {
    methods: &'a Texts,
    codes: Option<&'a Texts>,
}

impl Names<'_> {
    fn key_of(&self, local: LocalKey, templates: &Templates<'_>) -> ErrorKey {
        let code = |number| self.codes?.get(number).and_then(ErrorCode::stored);
        ErrorKey {
            status: local.status,
            method: self.methods.get(local.method).unwrap_or_default().to_owned(),
            endpoint: templates.text(local.template).to_owned(),
            reason: match local.reason {
                LocalReason::Refused(verdict) => ErrorReason::Refused(verdict),
                LocalReason::Accepted(number) => number
                    .and_then(code)
                    .map_or(ErrorReason::Unknown, ErrorReason::Code),
            },
        }
    }
}
