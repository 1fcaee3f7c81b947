//! The ways from a request's page to those beside it in the list that the reader came from. The server draws them as plain
//! links, so they work without scripts; beside the list, the drawer has its own (`drawer.rs`).

use leptos::prelude::*;
use model::{ClientId, DateRange, LogFilter, LogPage, LogParts, LogRow, LogView, RequestId, Timestamp};

use crate::AppError;
use crate::browser::html::Markup;
use crate::pages::logs::address;
use crate::ports::SeeLogs;
use crate::ui::{ButtonLink, ButtonSize, IconName};

/// Rows are listed in the order in which they were stored. One that took this many milliseconds longer than another may be
/// above it although it arrived before.
const SLACK: i64 = 60_000;

/// How far after a request the one above it is looked for at first, in milliseconds; then ten times as far.
const NEAR: i64 = 1_000;

/// How often is looked at most. Halving a month down to a millisecond takes 32 times.
const LOOKS: usize = 40;

/// The links to the rows above and below a request in the list of this filter. Empty where there is neither.
pub(in crate::pages::logs) async fn draw(
    company: ClientId,
    filter: &LogFilter,
    logs: &dyn SeeLogs,
    request: &str,
) -> Result<Markup, AppError> {
    let request: RequestId = request.parse().map_err(|_| AppError::NotFound)?;
    let row = logs.entry(request).await?.row;
    let filter = LogFilter {
        view: LogView::Requests,
        ..filter.first_page()
    };
    let below = LogFilter {
        before: Some(row.seq),
        ..filter.clone()
    };
    let below = logs.page(&below, LogParts::ROWS).await?;
    let above = above(logs, &filter, &row, &below).await?;
    let below = below.rows.into_iter().next();
    let link = |row: LogRow, words: &'static str, icon: IconName| {
        let href = address::of_entry(company, row.request_id, &filter);
        view! {
            <ButtonLink href=href size=ButtonSize::Small icon=icon>
                {words}
                <span class="visually-hidden">" request"</span>
            </ButtonLink>
        }
    };
    if above.is_none() && below.is_none() {
        return Ok(Markup::default());
    }
    let above = above.map(|row| link(row, "Previous", IconName::ArrowLeft));
    let below = below.map(|row| link(row, "Next", IconName::ArrowRight));
    Ok(Markup::of(view! {
        <nav class="cluster" aria-label="Requests beside this one">{above} {below}</nav>
    }))
}

/// The row above `row`: of those that are newer, the one that comes last. The log is read from its newest row on, so the time in
/// which to look is made longer until there is one, and shorter while there are more than fit on a page.
async fn above(
    logs: &dyn SeeLogs,
    filter: &LogFilter,
    row: &LogRow,
    bounds: &LogPage,
) -> Result<Option<LogRow>, AppError> {
    let from = row.at.plus_millis(-SLACK).max(bounds.from);
    let (mut nothing_to, mut too_many_to) = (-SLACK, None);
    let (mut reach, mut nearest) = (NEAR, None);
    for _ in 0..LOOKS {
        let until = row.at.plus_millis(reach).min(bounds.to);
        if from >= until {
            break;
        }
        let page = logs.page(&between(filter, from, until), LogParts::ROWS).await?;
        let newer = page.rows.iter().take_while(|other| other.seq > row.seq);
        let (count, last) = (newer.clone().count(), newer.last());
        match last {
            Some(last) if count < page.rows.len() || page.older.is_none() => return Ok(Some(last.clone())),
            Some(last) => {
                nearest = Some(last.clone());
                too_many_to = Some(reach);
            }
            None if until >= bounds.to || page.looked_back_to.is_some() => break,
            None => nothing_to = reach,
        }
        reach = match too_many_to {
            Some(too_many) if too_many - nothing_to <= 1 => break,
            Some(too_many) => nothing_to + (too_many - nothing_to) / 2,
            None => reach * 10,
        };
    }
    Ok(nearest)
}

fn between(filter: &LogFilter, from: Timestamp, until: Timestamp) -> LogFilter {
    LogFilter {
        range: DateRange::Between {
            from: Some(from),
            to: Some(until),
        },
        ..filter.clone()
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use model::{KeyName, LogEntry, NewRows};

    use super::*;
    use crate::pages::logs::entry::sample::sample;

    /// A log of rows, oldest first: when each arrived. Their `seq` counts from one.
    struct Log(Vec<i64>);

    impl Log {
        fn row(&self, at: usize) -> LogRow {
            LogRow {
                seq: at as i64 + 1,
                at: Timestamp::from_millis(self.0[at]),
                request_id: id(at + 1),
                ..sample().row
            }
        }

        async fn beside(&self, seq: usize) -> [Option<i64>; 2] {
            let row = self.row(seq - 1);
            let filter = LogFilter::default();
            let below = LogFilter {
                before: Some(row.seq),
                ..filter.clone()
            };
            let below = self.page(&below, LogParts::ROWS).await.expect("a page");
            let above = above(self, &filter, &row, &below).await.expect("an answer");
            [above.as_ref(), below.rows.first()].map(|row| row.map(|row| row.seq))
        }
    }

    fn id(seq: usize) -> RequestId {
        RequestId::from_random([u8::try_from(seq % 251).expect("a byte"); 16])
    }

    #[async_trait]
    impl SeeLogs for Log {
        async fn page(&self, filter: &LogFilter, _: LogParts) -> Result<LogPage, AppError> {
            let end = Timestamp::from_millis(40 * 86_400_000);
            let (from, to) = filter.range.bounds(end);
            let before = filter.before.unwrap_or(i64::MAX);
            let mut rows: Vec<LogRow> = (0..self.0.len())
                .rev()
                .map(|at| self.row(at))
                .filter(|row| row.seq < before && row.at >= from && row.at < to)
                .collect();
            let is_more = rows.len() > LogPage::ROWS;
            rows.truncate(LogPage::ROWS);
            Ok(LogPage {
                older: rows.last().map(|row| row.seq).filter(|_| is_more),
                rows,
                from,
                to,
                ..LogPage::default()
            })
        }

        async fn key_names(&self) -> Result<Vec<KeyName>, AppError> {
            Ok(Vec::new())
        }

        async fn new_rows(&self, _: &LogFilter, _: i64, _: usize) -> Result<NewRows, AppError> {
            Err(AppError::NotFound)
        }

        async fn entry(&self, request: RequestId) -> Result<LogEntry, AppError> {
            let at = (0..self.0.len()).find(|at| self.row(*at).request_id == request);
            let mut entry = sample();
            entry.row = self.row(at.ok_or(AppError::NotFound)?);
            Ok(entry)
        }
    }

    const DAY: i64 = 39 * 86_400_000 + 3_600_000;

    #[tokio::test]
    async fn the_rows_above_and_below_are_found_however_far_or_close_they_are() {
        let log = Log(vec![DAY, DAY + 1, DAY + 30_000, DAY + 20 * 3_600_000]);
        for (seq, beside) in [
            (1, [Some(2), None]),
            (2, [Some(3), Some(1)]),
            (3, [Some(4), Some(2)]),
            (4, [None, Some(3)]),
        ] {
            assert_eq!(log.beside(seq).await, beside, "{seq}");
        }
    }

    #[tokio::test]
    async fn the_row_above_is_found_among_thousands_of_newer_ones() {
        let log = Log((0..5_000).map(|at| DAY + at * 7).collect());
        for seq in [1, 2, 777, 4_990, 4_999] {
            assert_eq!(
                log.beside(seq).await[0],
                i64::try_from(seq + 1).ok(),
                "the row after {seq}"
            );
        }
        // One that took longer was stored later, and is above.
        let slow = Log(vec![DAY, DAY + 5_000, DAY + 1_000, DAY + 9_000]);
        assert_eq!(slow.beside(2).await, [Some(3), Some(1)]);
    }

    #[tokio::test]
    async fn both_links_keep_the_filter_and_lead_to_pages() {
        let log = Log(vec![DAY, DAY + 1_000, DAY + 2_000]);
        let filter = "range=24h&status=2xx&view=errors&before=9"
            .parse()
            .expect("a filter");
        let company = ClientId::from_random([7; 16]);
        let html = draw(company, &filter, &log, &id(2).to_string())
            .await
            .expect("links");
        for (words, seq) in [("Previous", 3), ("Next", 1)] {
            let href = format!("/c/{company}/development/logs/{}?status=2xx\"", id(seq));
            assert!(
                html.as_str().contains(&href) && html.as_str().contains(words),
                "{words}: {html:?}"
            );
        }
        let alone = Log(vec![DAY]);
        let html = draw(company, &filter, &alone, &id(1).to_string()).await;
        assert_eq!(html, Ok(Markup::default()));
    }
}
