//! The contents of the folded parts above the list, as HTML that only the server makes.

use leptos::prelude::*;
use model::{CompanyContext, LogFilter, Permission};

use super::panels::Panels;
use crate::browser::html::Markup;
use crate::ui::Button;

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

/// Draws them for an address of the list.
pub(crate) fn draw_panels(company: &CompanyContext, query: &str) -> Panels {
    let (filter, _) = LogFilter::parse_lenient(query);
    Panels {
        export: export(company, &filter.first_page()),
    }
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
        <form method="post" action=action>
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
