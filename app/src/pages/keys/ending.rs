//! Warns about keys that end soon, and about an environment whose webhooks have no key left.

use leptos::prelude::*;
use model::{EndingKey, KeyEnd, KeyGroup};

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
            let (end, after) = (end_text(one.end), after_text(one, group.environment.label()));
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

const fn end_text(end: KeyEnd) -> &'static str {
    match end {
        KeyEnd::Expired => " expired ",
        KeyEnd::Expires => " expires ",
        KeyEnd::IsDeleted => " will be deleted ",
    }
}

/// What follows, and what to do.
fn after_text(one: &EndingKey, environment: &str) -> String {
    let hold = match (one.webhooks_held, one.end) {
        (0, _) => String::new(),
        (1, KeyEnd::Expired) => " 1 webhook is holding its deliveries until you generate a key to sign them.".to_owned(),
        (n, KeyEnd::Expired) => {
            format!(" {n} webhooks are holding their deliveries until you generate a key to sign them.")
        }
        (1, _) => " 1 webhook will then hold its deliveries.".to_owned(),
        (n, _) => format!(" {n} webhooks will then hold their deliveries."),
    };
    match (one.is_last, one.end) {
        (true, KeyEnd::Expired) => hold,
        (true, _) => format!(
            " It is the last key of {environment}: every request is refused from then on.{hold} Generate another key before."
        ),
        (false, _) => hold,
    }
}
