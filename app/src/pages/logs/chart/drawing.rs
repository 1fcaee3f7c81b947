//! Draws the histogram as HTML, on the server alone. What strangers wrote is not in it; whatever else is, is escaped by the
//! views as on any page.

use std::fmt::Write;

use leptos::prelude::*;
use model::{Choice, ClientId, DateRange, LogFilter, LogHistogram, StatusFilter, Timestamp};

use crate::browser::html::Markup;
use crate::browser::zone::minute_text;
use crate::pages::logs::address;
use crate::pages::logs::drawn::Drawn;
use crate::pages::logs::span::Span;
use crate::pages::logs::words::within;
use crate::ui::{full_time, grouped, row_time};

/// The height of the picture, in its own units, which are pixels on the page.
const HEIGHT: f64 = 80.0;

/// A class that has requests is this high at least: one failure among thousands must be visible.
const LEAST: f64 = 2.0;

/// Between two classes of a bar.
const GAP: f64 = 1.0;

/// A class of statuses: the indices in a bucket, the name in the style sheet, the words, and the filter for it. From the
/// bottom to the top of a bar: what failed stands on the axis, where it can be compared.
struct Class {
    at: &'static [usize],
    name: &'static str,
    /// For one request.
    words: &'static str,
    digit: Option<u8>,
}

const CLASSES: [Class; 5] = [
    Class {
        at: &[5],
        name: "5xx",
        words: "server error",
        digit: Some(5),
    },
    Class {
        at: &[4],
        name: "4xx",
        words: "client error",
        digit: Some(4),
    },
    Class {
        at: &[3],
        name: "3xx",
        words: "redirect",
        digit: Some(3),
    },
    Class {
        at: &[2],
        name: "2xx",
        words: "success",
        digit: Some(2),
    },
    Class {
        at: &[0, 1],
        name: "other",
        words: "other request",
        digit: None,
    },
];

impl Class {
    /// "1 success", "12 client errors".
    fn counted(&self, count: u64) -> String {
        match count {
            1 => format!("1 {}", self.words),
            _ => format!("{} {}", grouped(count), self.plural()),
        }
    }

    fn plural(&self) -> String {
        let ending = if self.words.ends_with('s') { "es" } else { "s" };
        format!("{}{ending}", self.words)
    }

    fn count(&self, bucket: &[u64; 6]) -> u64 {
        self.at.iter().filter_map(|at| bucket.get(*at)).sum()
    }
}

/// The chart of a filter, with links to other ranges and to a class alone.
pub(in crate::pages::logs) fn draw(company: ClientId, filter: &LogFilter, histogram: &LogHistogram) -> Drawn {
    let span = Span {
        from: histogram.from,
        width: histogram.width,
        buckets: histogram.buckets.len(),
        now: histogram.now,
    };
    let filter = filter.first_page();
    let href = |range: DateRange| {
        let filter = LogFilter {
            range,
            ..filter.clone()
        };
        address::of_list(company, &filter)
    };
    Drawn {
        main: picture(company, &filter, histogram, span, &href),
        aside: table(histogram, span, &href),
        span: Some(span),
        ..Drawn::default()
    }
}

fn picture(
    company: ClientId,
    filter: &LogFilter,
    histogram: &LogHistogram,
    span: Span,
    href: &impl Fn(DateRange) -> String,
) -> Markup {
    let legend = legend(company, filter, histogram);
    let bars = bars(histogram);
    let paths = CLASSES.iter().zip(bars).filter(|(_, path)| !path.is_empty());
    let paths = paths
        .map(|(class, path)| view! { <path data-class=class.name d=path></path> })
        .collect_view();
    let most = histogram
        .buckets
        .iter()
        .map(|bucket| bucket.iter().sum::<u64>())
        .max()
        .unwrap_or(0);
    let missing = histogram.looked_back_to.map(|at| {
        view! { <p class="logs-chart__missing">"There was no time to count requests from before " {full_time(at)} "."</p> }
    });
    // An empty picture could be one that is still to come.
    let nothing = (most == 0 && missing.is_none()).then(|| {
        let words = if filter.narrows() {
            "No requests match"
        } else {
            "No requests"
        };
        view! { <p class="logs-chart__nothing muted">{format!("{words} {}.", within(filter.range))}</p> }
    });
    Markup::of(view! {
        <div class="logs-chart__bars">
            {nothing}
            <svg viewBox=format!("0 0 {} {HEIGHT}", span.buckets.max(1)) preserveAspectRatio="none" aria-hidden="true">
                <defs>
                    <pattern id="chart-stripes" width="1" height="4" patternUnits="userSpaceOnUse">
                        <rect width="1" height="3"></rect>
                    </pattern>
                </defs>
                {paths}
            </svg>
        </div>
        <div class="logs-chart__axis" aria-hidden="true">{ticks(span)}</div>
        <div class="logs-chart__line">
            <ul class="logs-chart__legend" aria-label="Requests by class">{legend}</ul>
            <span class="logs-chart__links">
                {(most > 0).then(|| view! { <span class="logs-chart__most">{format!("Highest bar: {}", grouped(most))}</span> })}
                <a href=href(span.earlier()) data-noscroll="">"Earlier"</a>
                {span.later().map(|later| view! { <a href=href(later) data-noscroll="">"Later"</a> })}
                <a href=href(span.wider()) data-noscroll="">"Zoom out"</a>
            </span>
        </div>
        {missing}
    })
}

/// The outline of each class's bars, one path for all buckets.
fn bars(histogram: &LogHistogram) -> [String; 5] {
    let total = |bucket: &[u64; 6]| bucket.iter().sum::<u64>();
    let most = histogram.buckets.iter().map(total).max().unwrap_or(0).max(1);
    // Room for classes that are higher than their share.
    let scale = (HEIGHT - LEAST * CLASSES.len() as f64) / most as f64;
    let mut paths = [const { String::new() }; 5];
    for (at, bucket) in histogram.buckets.iter().enumerate() {
        let mut base = HEIGHT;
        for (class, path) in CLASSES.iter().zip(&mut paths) {
            let count = class.count(bucket);
            if count == 0 {
                continue;
            }
            let height = (count as f64 * scale).max(LEAST);
            base -= height;
            let drawn = if height > LEAST + GAP {
                height - GAP
            } else {
                height
            };
            let left = at as f64 + 0.06;
            // Writing into a string cannot fail.
            let _ = write!(path, "M{left:.2} {base:.1}h.88v{drawn:.1}h-.88z");
        }
    }
    paths
}

/// Five times at equal distances, from the begin to the end of the chart.
fn ticks(span: Span) -> impl IntoView {
    const TICKS: usize = 4;
    (0..=TICKS)
        .map(|tick| time(span, span.begin_of(span.buckets * tick / TICKS)))
        .collect_view()
}

/// In UTC, until the browser writes it in the page's zone. With seconds in a chart whose buckets begin within minutes.
fn time(span: Span, at: Timestamp) -> AnyView {
    if span.has_seconds() {
        return row_time(at).into_any();
    }
    view! { <time datetime=at.to_rfc3339() data-at=at.as_millis().to_string()>{minute_text(at)}</time> }
        .into_any()
}

/// The classes that there are, each with its number and a link to it alone; as items of a list.
fn legend(company: ClientId, filter: &LogFilter, histogram: &LogHistogram) -> impl IntoView + use<> {
    let item = |class: &Class| {
        let count: u64 = histogram.buckets.iter().map(|bucket| class.count(bucket)).sum();
        let text = class.counted(count);
        let swatch = view! { <i class="logs-chart__swatch" data-class=class.name></i> };
        let inner = match class.digit {
            Some(digit) => {
                let only = LogFilter {
                    status: Choice::only(Some(StatusFilter::Class(digit))),
                    ..filter.clone()
                };
                view! { <a href=address::of_list(company, &only) data-noscroll="">{swatch} {text}</a> }
                    .into_any()
            }
            None => view! { <span>{swatch} {text}</span> }.into_any(),
        };
        (count > 0).then(|| view! { <li>{inner}</li> })
    };
    // As people read: what went well first.
    CLASSES.iter().rev().map(item).collect_view()
}

fn table(histogram: &LogHistogram, span: Span, href: &impl Fn(DateRange) -> String) -> Markup {
    let used: Vec<&Class> = CLASSES
        .iter()
        .rev()
        .filter(|class| histogram.buckets.iter().any(|bucket| class.count(bucket) > 0))
        .collect();
    let heads = used
        .iter()
        .map(|class| view! { <th scope="col" data-one=class.words>{class.plural()}</th> })
        .collect_view();
    let rows = histogram
        .buckets
        .iter()
        .enumerate()
        .map(|(at, bucket)| {
            let cells = used
                .iter()
                .map(|class| view! { <td>{grouped(class.count(bucket))}</td> })
                .collect_view();
            view! {
                <tr>
                    <th scope="row">
                        <a href=href(span.of(at, at)) data-noscroll="">{time(span, span.begin_of(at))}</a>
                    </th>
                    <td>{grouped(bucket.iter().sum())}</td>
                    {cells}
                </tr>
            }
        })
        .collect_view();
    Markup::of(view! {
        <table>
            <caption class="visually-hidden">"Requests over time, by class"</caption>
            <thead>
                <tr>
                    <th scope="col">"From"</th>
                    <th scope="col" data-one="request">"requests"</th>
                    {heads}
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(buckets: Vec<[u64; 6]>) -> LogHistogram {
        LogHistogram {
            from: Timestamp::from_millis(1_767_614_400_000),
            width: 1_800_000,
            buckets,
            looked_back_to: None,
            now: Timestamp::from_millis(1_767_704_400_000),
        }
    }

    fn drawn(buckets: Vec<[u64; 6]>, query: &str) -> Drawn {
        let company = ClientId::from_random([7; 16]);
        draw(company, &query.parse().expect("a filter"), &histogram(buckets))
    }

    #[test]
    fn one_failure_among_thousands_is_visible_and_no_bar_leaves_the_picture() {
        let paths = bars(&histogram(vec![
            [0; 6],
            [1, 1, 90_000, 1, 1, 1],
            [0, 0, 10, 0, 0, 0],
        ]));
        assert_eq!(paths[0], "M1.06 78.0h.88v2.0h-.88z");
        for path in &paths {
            assert!(path.starts_with("M1.06 "), "an empty bucket has no bar: {path}");
            for top in path
                .split('M')
                .skip(1)
                .filter_map(|bar| bar.split([' ', 'h']).nth(1))
            {
                let top: f64 = top.parse().expect("a number");
                assert!((0.0..=78.0).contains(&top), "{path}");
            }
        }
        assert_eq!(paths[3].matches('M').count(), 2);
    }

    #[test]
    fn a_chart_without_requests_says_so() {
        for (query, words) in [
            ("", "No requests in the last 24 hours."),
            ("status=5xx&range=1h", "No requests match in the last hour."),
        ] {
            let picture = drawn(vec![[0; 6]; 48], query).main.to_text();
            assert!(picture.contains(words), "{words} in {picture}");
        }
        let picture = drawn(vec![[0, 0, 1, 0, 0, 0]], "").main.to_text();
        assert!(!picture.contains("No requests"), "{picture}");
    }

    #[test]
    fn the_times_of_a_chart_have_one_precision() {
        let of = |width| {
            let histogram = LogHistogram {
                width,
                ..histogram(vec![[0; 6]; 8])
            };
            draw(ClientId::from_random([7; 16]), &LogFilter::default(), &histogram)
                .aside
                .to_text()
        };
        let seconds = of(15_000);
        assert!(
            seconds.contains("5 Jan 12:00:00 UTC") && seconds.contains("5 Jan 12:00:15 UTC"),
            "{seconds}"
        );
        assert!(of(60_000).contains("5 Jan 12:01 UTC"));
    }

    #[test]
    fn the_table_has_a_row_for_each_bucket_with_a_link_to_it_in_the_same_filter() {
        let table = drawn(
            vec![[0; 6], [0, 0, 1_203, 0, 0, 7]],
            "method=POST&status=5xx&before=8",
        )
        .aside
        .as_str()
        .to_owned();
        assert_eq!(table.matches("<tr>").count(), 3);
        for part in [
            ">successes</th><th scope=\"col\" data-one=\"server error\">server errors</th>",
            "<td>1,210</td><td>1,203</td><td>7</td>",
            "?from=2026-01-05T12:30:00.000Z&amp;to=2026-01-05T13:00:00.000Z&amp;status=5xx&amp;method=POST\"",
        ] {
            assert!(table.replace("<!>", "").contains(part), "{part} in {table}");
        }
        assert!(!table.contains("redirects") && !table.contains("before="));
    }

    #[test]
    fn the_legend_names_what_there_is_and_the_axis_is_the_range() {
        let picture = drawn(vec![[0, 0, 5, 0, 1, 0]; 48], "").main.as_str().to_owned();
        for part in [
            "240 successes",
            "48 client errors",
            "?status=4xx\"",
            "Highest bar: 6",
            "Mon 5 Jan 12:00 UTC",
            "6 Jan 12:00 UTC",
        ] {
            assert!(picture.contains(part), "{part} in {picture}");
        }
        assert!(!picture.contains("server errors"));
        assert!(picture.contains("Later<"), "an hour is left: {picture}");
        let live = drawn(vec![[0, 0, 5, 0, 1, 0]; 51], "").main.as_str().to_owned();
        assert!(live.contains("Earlier<") && !live.contains("Later<"), "{live}");
        assert!(!picture.contains(" style="));
    }
}
