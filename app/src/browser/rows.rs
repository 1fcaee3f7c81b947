//! The rows of a list that the server has drawn. Those that are on the page stay in place while others come and go, so that the
//! focus, and what the pointer aims at, stay too.

/// A row to show.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Rows are in its descending order.
    pub seq: i64,
    /// Its `<tr>`.
    pub html: &'a str,
    /// To be marked for a moment.
    pub is_fresh: bool,
}

/// What the browser shows of them.
#[cfg(feature = "hydrate")]
#[derive(Debug)]
pub struct Shown {
    body: web_sys::Element,
    seqs: Vec<i64>,
    is_local: bool,
}

#[cfg(feature = "hydrate")]
impl Shown {
    /// What is in the element already, in UTC. Each row has its `data-seq`.
    pub fn already(body: web_sys::Element, is_fresh: impl Fn(i64) -> bool) -> Self {
        let mut seqs = Vec::new();
        let mut at = body.first_element_child();
        while let Some(row) = at {
            let seq = row.get_attribute("data-seq").and_then(|seq| seq.parse().ok());
            let seq = seq.unwrap_or_default();
            seqs.push(seq);
            mark(&row, is_fresh(seq));
            at = row.next_element_sibling();
        }
        super::html::page::write_tooltips(&body);
        Self {
            body,
            seqs,
            is_local: false,
        }
    }

    /// Puts the rows of another list in their place, none of them fresh, as many as the window has room for.
    pub fn begin<'a>(&mut self, rows: impl Iterator<Item = Row<'a>>) {
        self.seqs.clear();
        let first = rows.take(room(&self.body)).map(|row| {
            self.seqs.push(row.seq);
            row.html
        });
        let html: String = first.collect();
        self.body.set_inner_html(&html);
        self.is_local = false;
        super::html::page::write_tooltips(&self.body);
    }

    /// Shows these and no others.
    pub fn show<'a>(&mut self, rows: impl Iterator<Item = Row<'a>>) {
        let mut at = self.body.first_element_child();
        let mut before = std::mem::take(&mut self.seqs).into_iter().peekable();
        for row in rows {
            self.seqs.push(row.seq);
            while before.next_if(|seq| *seq > row.seq).is_some() {
                at = without(at);
            }
            if before.next_if_eq(&row.seq).is_some() {
                at = at.and_then(|at| at.next_element_sibling());
            } else {
                self.insert(at.as_ref(), row);
            }
        }
        for _ in before {
            at = without(at);
        }
    }

    /// Above this row, or at the end.
    fn insert(&self, below: Option<&web_sys::Element>, row: Row<'_>) {
        // Fails only for an element that has no parent.
        let element = match below {
            Some(below) => {
                let _ = below.insert_adjacent_html("beforebegin", row.html);
                below.previous_element_sibling()
            }
            None => {
                let _ = self.body.insert_adjacent_html("beforeend", row.html);
                self.body.last_element_child()
            }
        };
        if let Some(element) = element {
            mark(&element, row.is_fresh);
            super::html::page::write_tooltips(&element);
            if self.is_local {
                super::html::page::write_times(&element, true);
            }
        }
    }

    /// Puts all times into the zone.
    pub fn put_into_zone(&mut self, is_local: bool) {
        if self.is_local != is_local {
            self.is_local = is_local;
            super::html::page::write_times(&self.body, is_local);
        }
    }

    /// Says which row's link leads to what is open: the one with this text in its address.
    pub fn mark_current(&self, open: Option<&str>) {
        const CURRENT: &str = "aria-current";
        let find = |selector: &str| self.body.query_selector(selector).ok().flatten();
        let before = find("[aria-current]");
        let now = open.and_then(|open| find(&format!(".row-link[href*=\"{open}\"]")));
        if before != now {
            if let Some(before) = before {
                // An attribute with a fixed name cannot fail to be removed or set.
                let _ = before.remove_attribute(CURRENT);
            }
            if let Some(now) = now {
                let _ = now.set_attribute(CURRENT, "true");
            }
        }
    }
}

/// How many rows the window has room for, from the first one down; all, if the page is scrolled: it must not become shorter than
/// where the reader is.
#[cfg(feature = "hydrate")]
fn room(body: &web_sys::Element) -> usize {
    /// Pixels. No row is lower.
    const ROW: f64 = 32.0;
    /// What is above the rows may become lower.
    const SPARE: f64 = 3.0;
    let window = leptos::prelude::window();
    if window.scroll_y().is_ok_and(|y| y > 0.0) {
        return usize::MAX;
    }
    let height = window.inner_height().ok().and_then(|height| height.as_f64());
    height.map_or(usize::MAX, |height| {
        let below = height - body.get_bounding_client_rect().top();
        (below / ROW + SPARE).max(SPARE) as usize
    })
}

#[cfg(feature = "hydrate")]
fn mark(row: &web_sys::Element, is_fresh: bool) {
    if is_fresh {
        // An attribute with a fixed name cannot fail to be set.
        let _ = row.set_attribute("data-fresh", "true");
    }
}

/// Takes the row away, and returns the next one.
#[cfg(feature = "hydrate")]
fn without(row: Option<web_sys::Element>) -> Option<web_sys::Element> {
    let row = row?;
    let next = row.next_element_sibling();
    row.remove();
    next
}
