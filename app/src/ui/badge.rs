//! Small labels: HTTP statuses, environments, states. Always a word and a picture, never colour alone.

use std::borrow::Cow;

use leptos::prelude::*;
use model::Environment;

use super::{Icon, IconName};

/// A colour with a meaning; the tokens are `--tone-*` in `style/tokens.css`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Neutral.
    #[default]
    Quiet,
    /// Succeeded.
    Good,
    /// Worth knowing.
    Info,
    /// Needs attention.
    Warn,
    /// Failed.
    Bad,
    /// Waiting for something.
    Hold,
}

impl Tone {
    pub const ALL: [Self; 6] = [
        Self::Quiet,
        Self::Good,
        Self::Info,
        Self::Warn,
        Self::Bad,
        Self::Hold,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Good => "good",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Hold => "hold",
        }
    }
}

/// `<span class="badge" data-tone="good"><svg …/>Owner</span>`
#[component]
pub fn Badge(
    #[prop(optional)] tone: Tone,
    #[prop(optional)] icon: Option<IconName>,
    children: Children,
) -> impl IntoView {
    view! {
        <span class="badge" data-tone=tone.as_str()>
            {icon.map(|name| view! { <Icon name /> })}
            {children()}
        </span>
    }
}

/// An HTTP status: its number, in figures of one width, and its word.
///
/// ```html
/// <span class="badge status" data-tone="warn"><svg …/><b class="status__number">401</b> <span class="status__word">Unauthorized</span></span>
/// ```
///
/// `compact` keeps the word for assistive technology only.
#[component]
pub fn StatusBadge(
    /// `None` if it is not known.
    #[prop(into)]
    status: Option<u16>,
    #[prop(optional)] compact: bool,
) -> impl IntoView {
    let (tone, icon) = status_look(status);
    let word_class = if compact {
        "visually-hidden"
    } else {
        "status__word"
    };
    view! {
        <span class="badge status" data-tone=tone.as_str()>
            <Icon name=icon />
            <b class="status__number">{status_number(status)}</b>
            " "
            <span class=word_class>{status_word(status)}</span>
        </span>
    }
}

/// A status in a row of a list: a plain number where all is well, a badge from 400 up. The badge has its word; next to a
/// plain number it is for assistive technology only.
///
/// ```html
/// <span class="status"><b class="status__number">200</b> <span class="visually-hidden">OK</span></span>
/// <span class="badge status" data-tone="warn"><b class="status__number">401</b> <span class="status__word">Unauthorized</span></span>
/// ```
#[component]
pub fn RowStatus(status: Option<u16>) -> impl IntoView {
    let is_error = status.is_some_and(|status| status >= 400);
    let (class, word_class) = if is_error {
        ("badge status", "status__word")
    } else {
        ("status", "visually-hidden")
    };
    view! {
        <span class=class data-tone=is_error.then(|| status_look(status).0.as_str())>
            <b class="status__number">{status_number(status)}</b>
            " "
            <span class=word_class>{status_word(status)}</span>
        </span>
    }
}

/// In figures, or a dash.
pub fn status_number(status: Option<u16>) -> Cow<'static, str> {
    status.map_or(Cow::Borrowed("—"), |status| Cow::Owned(status.to_string()))
}

const fn status_look(status: Option<u16>) -> (Tone, IconName) {
    let Some(status) = status else {
        return (Tone::Quiet, IconName::Info);
    };
    match status {
        200..=299 => (Tone::Good, IconName::Check),
        300..=399 => (Tone::Info, IconName::Redirect),
        400..=499 => (Tone::Warn, IconName::Alert),
        500..=599 => (Tone::Bad, IconName::Cross),
        _ => (Tone::Quiet, IconName::Info),
    }
}

/// The reason phrase of RFC 9110, or the name of the class for a number that has none.
pub const fn status_word(status: Option<u16>) -> &'static str {
    let Some(status) = status else {
        return "Not known";
    };
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No content",
        206 => "Partial content",
        301 => "Moved permanently",
        302 => "Found",
        303 => "See other",
        304 => "Not modified",
        307 => "Temporary redirect",
        308 => "Permanent redirect",
        400 => "Bad request",
        401 => "Unauthorized",
        402 => "Payment required",
        403 => "Forbidden",
        404 => "Not found",
        405 => "Method not allowed",
        406 => "Not acceptable",
        408 => "Request timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length required",
        413 => "Content too large",
        414 => "URI too long",
        415 => "Unsupported media type",
        421 => "Misdirected request",
        422 => "Unprocessable",
        429 => "Too many requests",
        431 => "Headers too large",
        500 => "Server error",
        501 => "Not implemented",
        502 => "Bad gateway",
        503 => "Unavailable",
        504 => "Gateway timeout",
        _ => class_word(status),
    }
}

const fn class_word(status: u16) -> &'static str {
    match status / 100 {
        1 => "Informational",
        2 => "Success",
        3 => "Redirect",
        4 => "Client error",
        5 => "Server error",
        _ => "Unknown",
    }
}

/// An environment by its name on pages; Production carries a lock and a border of its own.
///
/// ```html
/// <span class="badge environment" data-environment="prod"><svg …lock/>Production</span>
/// ```
#[component]
pub fn EnvironmentBadge(environment: Environment) -> impl IntoView {
    let icon = match environment {
        Environment::Sandbox => IconName::Flask,
        Environment::Dev => IconName::Terminal,
        Environment::Prod => IconName::Lock,
    };
    view! {
        <span class="badge environment" data-environment=environment.as_str()>
            <Icon name=icon />
            {environment.label()}
        </span>
    }
}

/// The states of keys, webhooks, deliveries and attempts, in the words of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    Deleted,
    Healthy,
    Failing,
    Paused,
    Disabled,
    Waiting,
    Sending,
    Delivered,
    Retrying,
    Exhausted,
    Held,
    Skipped,
    Cancelled,
    Failed,
    Accepted,
    Refused,
}

impl State {
    pub const ALL: [Self; 17] = [
        Self::Active,
        Self::Deleted,
        Self::Healthy,
        Self::Failing,
        Self::Paused,
        Self::Disabled,
        Self::Waiting,
        Self::Sending,
        Self::Delivered,
        Self::Retrying,
        Self::Exhausted,
        Self::Held,
        Self::Skipped,
        Self::Cancelled,
        Self::Failed,
        Self::Accepted,
        Self::Refused,
    ];

    /// The word that is shown.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Deleted => "Deleted",
            Self::Healthy => "Healthy",
            Self::Failing => "Failing",
            Self::Paused => "Paused",
            Self::Disabled => "Disabled",
            Self::Waiting => "Waiting",
            Self::Sending => "Sending",
            Self::Delivered => "Delivered",
            Self::Retrying => "Retrying",
            Self::Exhausted => "Exhausted",
            Self::Held => "Held",
            Self::Skipped => "Skipped",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
            Self::Accepted => "Accepted",
            Self::Refused => "Refused",
        }
    }

    const fn look(self) -> (Tone, IconName) {
        match self {
            Self::Active | Self::Healthy | Self::Delivered | Self::Accepted => (Tone::Good, IconName::Check),
            Self::Waiting => (Tone::Info, IconName::Clock),
            Self::Sending => (Tone::Info, IconName::Send),
            Self::Retrying => (Tone::Warn, IconName::Retry),
            Self::Refused => (Tone::Warn, IconName::Ban),
            Self::Failing => (Tone::Bad, IconName::Alert),
            Self::Exhausted | Self::Failed => (Tone::Bad, IconName::Cross),
            Self::Held => (Tone::Hold, IconName::Hold),
            Self::Skipped => (Tone::Quiet, IconName::Skip),
            Self::Paused => (Tone::Quiet, IconName::Pause),
            Self::Disabled | Self::Cancelled => (Tone::Quiet, IconName::Ban),
            Self::Deleted => (Tone::Quiet, IconName::Trash),
        }
    }
}

/// `<span class="badge" data-tone="warn"><svg …/>Retrying</span>`
///
/// `words` replaces the state's own word where more is known: "Failing for 3 h".
#[component]
pub fn StateBadge(state: State, #[prop(optional, into)] words: Option<String>) -> impl IntoView {
    let (tone, icon) = state.look();
    let words = words.unwrap_or_else(|| state.word().to_owned());
    view! { <Badge tone icon>{words}</Badge> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_word_and_the_look_of_its_class() {
        assert_eq!(status_word(Some(401)), "Unauthorized");
        assert_eq!(status_word(Some(418)), "Client error");
        assert_eq!(status_look(Some(204)).0, Tone::Good);
        assert_eq!(status_look(Some(304)).0, Tone::Info);
        assert_eq!(status_look(Some(429)).0, Tone::Warn);
        assert_eq!(status_look(Some(503)).0, Tone::Bad);
    }
}
