//! Tables: rows of one height, a caption, and two lines a row where there is no room for columns.

use leptos::prelude::*;

/// A column's heading.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    label: &'static str,
    at_end: bool,
    hidden_label: bool,
}

impl Column {
    pub const fn new(label: &'static str) -> Self {
        Self {
            label,
            at_end: false,
            hidden_label: false,
        }
    }

    /// The heading of numbers, which are aligned at the end; so is it.
    #[must_use]
    pub const fn numeric(self) -> Self {
        self.at_end()
    }

    /// The heading is aligned to the end, like its cells: Actions.
    #[must_use]
    pub const fn at_end(mut self) -> Self {
        self.at_end = true;
        self
    }

    /// The heading is for assistive technology only: Actions.
    #[must_use]
    pub const fn unlabelled(mut self) -> Self {
        self.hidden_label = true;
        self
    }
}

/// Where a cell goes when the row becomes two lines (below 720 px).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Narrow {
    /// First line, from the start.
    Lead,
    /// First line, at its end.
    End,
    /// Second line, from the start, after its heading's word if the cell has a `label`.
    #[default]
    Second,
    /// Second line, at its end.
    SecondEnd,
    /// A line of its own below: row actions.
    Below,
    /// Not shown.
    Hidden,
}

impl Narrow {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::End => "end",
            Self::Second => "second",
            Self::SecondEnd => "second-end",
            Self::Below => "below",
            Self::Hidden => "hidden",
        }
    }
}

/// The children are `<tbody>` elements: [`TableGroup`], or written out.
///
/// ```html
/// <div class="table-frame"><table class="table"><caption class="visually-hidden">…</caption>
///   <thead><tr><th scope="col">Time</th><th scope="col" class="numeric">Duration</th></tr></thead>
///   <tbody><tr><td data-narrow="lead">…</td>…</tr></tbody>
/// </table></div>
/// ```
#[component]
pub fn Table(
    #[prop(into)] caption: String,
    columns: Vec<Column>,
    #[prop(optional, into)] id: Option<String>,
    children: Children,
) -> impl IntoView {
    let heads = columns
        .into_iter()
        .map(|column| {
            let label_class = if column.hidden_label {
                "visually-hidden"
            } else {
                "table__label"
            };
            view! {
                <th scope="col" class=if column.at_end { "numeric" } else { "" }>
                    <span class=label_class>{column.label}</span>
                </th>
            }
        })
        .collect_view();
    view! {
        <div class="table-frame">
            <table class="table" id=id>
                <caption class="visually-hidden">{caption}</caption>
                <thead>
                    <tr>{heads}</tr>
                </thead>
                {children()}
            </table>
        </div>
    }
}

/// A group of rows under a heading that spans the table: "Sandbox · 1 of 2 active keys" with *Generate new key*.
///
/// ```html
/// <tbody class="table-group"><tr class="table-group__head"><th scope="rowgroup" colspan="5">
///   <div class="table-group__line"><div class="table-group__title">…</div><div class="table-group__actions">…</div></div></th></tr>
///   <tr>…</tr></tbody>
/// ```
#[component]
pub fn TableGroup(
    /// The table's number of columns.
    columns: usize,
    #[prop(into)] heading: ViewFnOnce,
    #[prop(optional, into)] actions: Option<ViewFnOnce>,
    children: Children,
) -> impl IntoView {
    view! {
        <tbody class="table-group">
            <tr class="table-group__head">
                <th scope="rowgroup" colspan=columns.to_string()>
                    <div class="table-group__line">
                        <div class="table-group__title">{heading.run()}</div>
                        {actions
                            .map(|actions| view! { <div class="table-group__actions">{actions.run()}</div> })}
                    </div>
                </th>
            </tr>
            {children()}
        </tbody>
    }
}

/// A cell. `label` is its column's word where there are no columns.
///
/// `<td data-narrow="second" data-label="Last used">…</td>`
#[component]
pub fn Cell(
    #[prop(optional)] narrow: Narrow,
    #[prop(optional, into)] label: Option<&'static str>,
    #[prop(optional)] numeric: bool,
    /// One width: values that are compared from row to row.
    #[prop(optional)]
    monospace: bool,
    /// Takes the remaining width and is cut with an ellipsis: paths, URLs.
    #[prop(optional)]
    grow: bool,
    /// What people named: cut with an ellipsis where it is long, and broken into lines where the row is two lines.
    #[prop(optional)]
    clip: bool,
    children: Children,
) -> impl IntoView {
    let class = match (numeric, monospace, grow) {
        (true, ..) => "numeric",
        (_, true, true) => "mono grow",
        (_, true, false) => "mono",
        (_, false, true) => "grow",
        _ if clip => "clip-cell",
        _ => "",
    };
    view! {
        <td class=class data-narrow=narrow.as_str() data-label=label>
            {children()}
        </td>
    }
}

/// The link of a row, in its first cell; the whole row is its target. Other controls of the row stay above it.
///
/// `<a class="row-link" href="…">…</a>`
#[component]
pub fn RowLink(
    #[prop(into)] href: String,
    /// The row whose detail is open beside the list.
    #[prop(optional, into)]
    current: Signal<bool>,
    children: Children,
) -> impl IntoView {
    view! {
        <a class="row-link" href=href aria-current=move || current.get().then_some("true")>
            {children()}
        </a>
    }
}
