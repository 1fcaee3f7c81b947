//! The contents of the folded parts above the list, as HTML that only the server makes.

use leptos::prelude::*;
use model::{CompanyContext, LogFilter, Permission, SavedView, ViewQuery};

use super::drawn::Drawn;
use crate::browser::html::Markup;
use crate::ui::{Button, ButtonKind, ButtonSize, Field};

/// The formats of an export: its value in the form, and its words.
const FORMATS: [(&str, &str, &str); 3] = [
    ("csv", "CSV", "for spreadsheets"),
    ("jsonl", "JSON Lines", "for programs"),
    (
        "full",
        "JSON Lines with headers and bodies",
        "as they were stored",
    ),
];

/// Draws the views and, beside them, the export of a filter.
pub(super) fn draw(company: &CompanyContext, saved: &[SavedView], filter: &LogFilter) -> Drawn {
    let filter = filter.first_page();
    Drawn {
        main: views(company, saved, &ViewQuery::of(&filter.to_string())),
        aside: export(company, &filter),
        ..Drawn::default()
    }
}

/// The list, with the view that the address shows marked, and a form that saves it.
fn views(company: &CompanyContext, saved: &[SavedView], now: &ViewQuery) -> Markup {
    let list = format!("/c/{}/development/logs", company.client_id);
    let rows = saved.iter().map(|view| {
        let is_current = view.query == *now;
        let href = format!("{list}?{}", view.query);
        let to = |what: &str| format!("{list}/views/{}/{what}", view.id);
        let key = |what: &str| format!("{what}-{}", view.id);
        view! {
            <li>
                <a href=href aria-current=is_current.then_some("true") data-key=view.id.to_string()>
                    {view.name.clone()}
                </a>
                <details class="logs-views__change" data-key=key("renaming")>
                    <summary>"Rename…"<span class="visually-hidden">{format!(" {}", view.name)}</span></summary>
                    <form method="post" action=to("rename") data-key=key("rename")>
                        <input type="hidden" name="query" value=now.to_string() />
                        <Field
                            name="name"
                            id=format!("view-{}", view.id)
                            label="New name"
                            initial=view.name.clone()
                            autocomplete="off"
                            required=true
                        />
                        <Button submit=true size=ButtonSize::Small aria_label=format!("Rename {}", view.name)>
                            "Rename"
                        </Button>
                    </form>
                </details>
                // Asks once, without scripts as well.
                <details class="logs-views__change" data-key=key("deleting")>
                    <summary>"Delete…"<span class="visually-hidden">{format!(" {}", view.name)}</span></summary>
                    <form method="post" action=to("delete")>
                        <input type="hidden" name="query" value=now.to_string() />
                        <Button
                            submit=true
                            kind=ButtonKind::Danger
                            size=ButtonSize::Small
                            aria_label=format!("Delete {}", view.name)
                        >
                            "Delete this view"
                        </Button>
                    </form>
                </details>
            </li>
        }
    });
    Markup::of(view! {
        {if saved.is_empty() {
            view! { <p class="muted">"No views yet. Save filters under a name to come back to them. Only you see your views."</p> }
                .into_any()
        } else {
            view! { <ul class="logs-views">{rows.collect_view()}</ul> }.into_any()
        }}
        <form method="post" action=format!("{list}/views") class="logs-views__save" data-key="save-view">
            <input type="hidden" name="query" value=now.to_string() />
            <Field
                name="name"
                id="view-name"
                label="Name"
                autocomplete="off"
                required=true
            />
            <Button submit=true>"Save this view"</Button>
            <p class="muted">"A view of the same name is replaced."</p>
        </form>
    })
}

fn export(company: &CompanyContext, filter: &LogFilter) -> Markup {
    if !company.role.may(Permission::ExportLogs) {
        return Markup::of(view! { <p>{Permission::ExportLogs.refusal(company.role)}</p> });
    }
    let action = format!("/c/{}/development/logs/export", company.client_id);
    let help = format!("/docs/security?company={}#log", company.client_id);
    let formats = FORMATS.map(|(value, words, about)| {
        view! {
            <label class="checkbox">
                <input type="radio" name="format" value=value checked=value == "csv" />
                <span>{words}" "<span class="muted">{format!("({about})")}</span></span>
            </label>
        }
    });
    Markup::of(view! {
        <form method="post" action=action data-key="export">
            <input type="hidden" name="filter" value=filter.to_string() />
            <fieldset>
                <legend class="visually-hidden">"Format"</legend>
                {formats}
            </fieldset>
            <Button submit=true>"Export"</Button>
            <p class="muted">
                "Everything the filter finds, newest first. The last line of a complete file says how many requests it has. "
                <a href=help>"About exports"</a>
            </p>
        </form>
    })
}
