//! An export while it runs, in a part of the WASM that is loaded when one is begun. The file is received here and not by the
//! browser's own download, because only then does the page know how far it is, and that nothing is missing before it is saved.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use model::LogFilter;

use super::listed::Listed;
use super::listing::Listing;
use crate::browser::download::{self, Abort, Failed};
use crate::browser::form;
use crate::ui::{Button, Notice, Tone, grouped};

/// What it needs of the page.
#[derive(Clone)]
pub(crate) struct ExportRun {
    listing: Listing,
    event: SubmitEvent,
    progress: RwSignal<Option<ViewFn>>,
    owner: Option<Owner>,
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Receiving(u64),
    Saved {
        requests: u64,
        name: String,
    },
    Cancelled,
    /// The server's sentence.
    Refused(String),
    BrokenOff(u64),
}

impl ExportRun {
    pub(super) fn new(listing: Listing, event: SubmitEvent, progress: RwSignal<Option<ViewFn>>) -> Self {
        Self {
            listing,
            event,
            progress,
            owner: Owner::current(),
        }
    }
}

/// Begins an export. One that is in progress on this page ends.
pub(crate) fn run_export(run: ExportRun) {
    let owner = run.owner.clone().unwrap_or_default();
    owner.with(|| begin(&run));
}

fn begin(run: &ExportRun) {
    let (action, mut fields) = (form::action(&run.event), form::entries(&run.event));
    // The form is drawn a moment later than the filter changes.
    let filter = run
        .listing
        .filter
        .with_untracked(|filter| filter.first_page().to_string());
    for (name, value) in &mut fields {
        if name == "filter" {
            value.clone_from(&filter);
        }
    }
    let total = untrack(|| {
        let at_least = |page: &Listed| page.matching.unwrap_or(page.at_least);
        run.listing.with(|shown| at_least(&shown.page)).unwrap_or(0)
    });
    let (state, abort) = (RwSignal::new(State::Receiving(0)), Abort::new());
    let cancel = Callback::new(move |()| {
        state.set(State::Cancelled);
        abort.now();
    });
    let (listing, progress) = (run.listing, run.progress);
    run.progress.set(Some(ViewFn::from(move || {
        // When the page is left, or another export begins in its place.
        on_cleanup(move || abort.now());
        // How one ended is no news any more once the filter changes.
        Effect::new(move |before: Option<LogFilter>| {
            let now = listing.filter.with(LogFilter::first_page);
            let has_ended = !matches!(state.get_untracked(), State::Receiving(_));
            if has_ended && before.is_some_and(|before| before != now) {
                progress.set(None);
            }
            now
        });
        view! { <Progress state total cancel /> }
    })));
    leptos::task::spawn_local(async move {
        let mut lines = Lines::default();
        let received = download::receive(&action, &fields, abort, |bytes| {
            lines.see(bytes);
            // It may have been cancelled, or the page been left, in the meantime.
            if matches!(state.try_get_untracked(), Some(State::Receiving(_))) {
                state.set(State::Receiving(lines.requests()));
            }
        })
        .await;
        if !matches!(state.try_get_untracked(), Some(State::Receiving(_))) {
            return;
        }
        state.set(match received {
            Ok(file) if lines.is_whole() => State::Saved {
                requests: lines.requests(),
                name: file.save(),
            },
            Ok(_) | Err(Failed::BrokenOff) => State::BrokenOff(lines.requests()),
            Err(Failed::Refused(sentence)) => State::Refused(sentence),
        });
    });
}

/// Counts the lines that pass, and keeps the last one.
#[derive(Debug, Default)]
struct Lines {
    ended: u64,
    last: Vec<u8>,
    /// The first line of CSV is none of a request.
    has_head: bool,
}

impl Lines {
    fn see(&mut self, bytes: &[u8]) {
        /// Longer than the last line of a file.
        const KEPT: usize = 2048;
        if self.ended == 0 && self.last.is_empty() {
            self.has_head = bytes.starts_with(b"at,");
        }
        self.ended += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.last
            .extend_from_slice(&bytes[bytes.len().saturating_sub(KEPT)..]);
        let beyond = self.last.len().saturating_sub(KEPT);
        self.last.drain(..beyond);
    }

    /// Neither the head nor the end is one.
    fn requests(&self) -> u64 {
        self.ended
            .saturating_sub(u64::from(self.has_head))
            .saturating_sub(u64::from(self.is_whole()))
    }

    fn is_whole(&self) -> bool {
        let last = String::from_utf8_lossy(&self.last);
        let last = last.trim_end().rsplit('\n').next().unwrap_or_default();
        if self.has_head {
            last.starts_with("End of export: ") || last.starts_with("\"End of export: ")
        } else {
            last.contains("\"end_of_export\":true")
        }
    }
}

#[component]
fn Progress(state: RwSignal<State>, total: u64, cancel: Callback<()>) -> impl IntoView {
    let is_receiving = Memo::new(move |_| matches!(state.get(), State::Receiving(_)));
    let received = move || match state.get() {
        State::Receiving(requests) => requests,
        _ => 0,
    };
    let words = move || {
        format!(
            "{} of about {} requests",
            grouped(received()),
            grouped(total.max(received()))
        )
    };
    move || {
        if is_receiving.get() {
            view! {
                <div class="logs-panel__progress">
                    <progress aria-label="Export" max=total.max(1) prop:value=move || received() as f64></progress>
                    <span>{words}</span>
                    <Button on_press=cancel>"Cancel"</Button>
                </div>
            }
            .into_any()
        } else {
            ended(&state.get_untracked()).into_any()
        }
    }
}

fn ended(state: &State) -> impl IntoView {
    let (tone, words) = match state {
        State::Receiving(_) => (Tone::Quiet, String::new()),
        State::Saved { requests, name } => (
            Tone::Good,
            format!("Exported {} to {name}.", super::words::requests(*requests)),
        ),
        State::Cancelled => (Tone::Quiet, "Cancelled. No file was saved.".to_owned()),
        State::Refused(sentence) => (Tone::Warn, sentence.clone()),
        State::BrokenOff(requests) => (
            Tone::Warn,
            format!(
                "The export broke off after {}, so no file was saved. Try again, or choose a shorter date range.",
                super::words::requests(*requests)
            ),
        ),
    };
    view! {
        <div role="status">
            <Notice tone>{words}</Notice>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_if_its_last_line_says_so() {
        let whole = |pieces: &[&str]| {
            let mut lines = Lines::default();
            for piece in pieces {
                lines.see(piece.as_bytes());
            }
            (lines.is_whole(), lines.requests())
        };
        let csv = "at,request_id\r\n2026,a\r\n2026,b\r\n";
        assert_eq!(whole(&[csv]), (false, 2));
        assert_eq!(whole(&[csv, "End of ex", "port: 2 requests,\r\n"]), (true, 2));
        assert_eq!(
            whole(&["at,request_id\r\n", "End of export: 0 requests,\r\n"]),
            (true, 0)
        );
        assert_eq!(
            whole(&["{\"path\":\"/\"}\n{\"end_of_export\":true}\n"]),
            (true, 1)
        );
        assert_eq!(whole(&["{\"path\":\"/\"}\n{\"path\""]), (false, 1));
        assert_eq!(whole(&[]), (false, 0));
    }
}
