//! Warns about keys that end soon, and about an environment whose webhooks have no key left.

use leptos::prelude::*;
use model::{EndingKey, KeyGroup};

use super::table::key_name;
use crate::pages::company::CompanyScope;
use crate::ui::{Notice, Time, Tone};

#[component]
pub(super) fn EndingKeys(groups: Vec<KeyGroup>) -> impl IntoView {
    let scope = CompanyScope::here();
    let mut urgent = false;
    let mut lines = Vec::new();
    for group in &groups {
        for one in &group.ending {
            let Some(key) = group.key(one.key) else { continue };
            urgent |= one.webhooks_held > 0;
            let href = scope.path(&format!("keys/{}", one.key));
            let (end, after) = (end_text(one), after_text(one, group.environment.label()));
            let at = one.at;
            lines.push(view! {
                <li>
                    "The " <a href=href>{key_name(key)}</a> {end} <Time at=at /> "." {after}
                </li>
            });
        }
    }
    let tone = if urgent { Tone::Bad } else { Tone::Warn };
    let title = match lines.len() {
        0 => return None,
        1 => "A key ends".to_owned(),
        many => format!("{many} keys end"),
    };
    Some(view! { <Notice tone=tone title=title><ul class="plain-list">{lines}</ul></Notice> })
}

const fn end_text(one: &EndingKey) -> &'static str {
    match (one.has_expired, one.is_deletion) {
        (true, _) => " expired ",
        (false, false) => " expires ",
        (false, true) => " will be deleted ",
    }
}

/// What follows, and what to do.
fn after_text(one: &EndingKey, environment: &str) -> String {
    let webhooks = match one.webhooks_held {
        0 => String::new(),
        1 => " 1 webhook".to_owned(),
        n => format!(" {n} webhooks"),
    };
    let has_webhooks = one.webhooks_held > 0;
    match (one.is_last, one.has_expired) {
        (false, _) => String::new(),
        (true, true) => format!("{webhooks} cannot deliver until you generate a key to sign with."),
        (true, false) => {
            let held = if has_webhooks { " cannot deliver." } else { "" };
            format!(
                " It is the last key of {environment}: from then on every request is refused.{webhooks}{held} Generate another \
                 key before then."
            )
        }
    }
}
