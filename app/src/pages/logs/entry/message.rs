//! A request or a response as stored: its headers and its body.

use leptos::prelude::*;
use model::{Body, BodyAbsence, HeaderField};

use super::body::BodyText;
use super::marks::{Marks, Redacted};
use crate::pages::logs::words;
use crate::ui::{Badge, Card, IconName, KeyValue, KeyValueList, Tone};

/// Which of the two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Request,
    Response,
}

impl Side {
    const fn word(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Response => "Response",
        }
    }

    const fn id(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }

    const fn body_id(self) -> &'static str {
        match self {
            Self::Request => "request-body",
            Self::Response => "response-body",
        }
    }
}

#[component]
pub(super) fn Message(side: Side, headers: Vec<HeaderField>, body: Body) -> impl IntoView {
    view! {
        <Card id=side.id() title=side.word()>
            <div class="stack">
                {(!is_of_both(&body)).then(|| view! { <Headers headers /> })}
                <BodyView side body />
            </div>
        </Card>
    }
    .into_any()
}

/// Headers and bodies are removed together, and read together; the body says for both why they are not there.
const fn is_of_both(body: &Body) -> bool {
    matches!(
        body,
        Body::Absent {
            why: BodyAbsence::NoLongerKept | BodyAbsence::Damaged,
            ..
        }
    )
}

#[component]
fn Headers(headers: Vec<HeaderField>) -> impl IntoView {
    if headers.is_empty() {
        return view! { <p class="muted">"No headers were stored."</p> }.into_any();
    }
    let rows = headers
        .into_iter()
        .map(|header| {
            let HeaderField {
                name,
                value,
                redacted,
            } = header;
            let marks = Marks { redacted, needle: "" };
            // The redactor may leave a part of the value, such as the scheme before a token.
            let value = if redacted && is_placeholder(&value) {
                view! { <Redacted /> }.into_any()
            } else {
                view! { <bdi>{marks.show(&value)}</bdi> }.into_any()
            };
            view! {
                <KeyValue name monospace=true>
                    {value}
                </KeyValue>
            }
        })
        .collect_view();
    view! {
        <div class="logs-headers">
            <KeyValueList>{rows}</KeyValueList>
        </div>
    }
    .into_any()
}

fn is_placeholder(value: &str) -> bool {
    value.is_empty() || value == "[redacted]" || value == "redacted"
}

#[component]
fn BodyView(side: Side, body: Body) -> impl IntoView {
    match body {
        Body::Absent {
            why: why @ (BodyAbsence::NoLongerKept | BodyAbsence::Damaged),
            ..
        } => view! { <p class="muted">{why.sentence()}</p> }.into_any(),
        Body::Absent { why, total_bytes } => {
            let size = (total_bytes > 0)
                .then(|| format!(" {} was sent over the network.", words::bytes(total_bytes)));
            view! {
                <p class="muted">
                    <b>{format!("{} body. ", side.word())}</b>
                    {why.sentence()}
                    {size}
                </p>
            }
            .into_any()
        }
        Body::Text {
            text,
            total_bytes,
            truncated,
            redactions,
        } => {
            let redacted = redactions > 0;
            view! {
                <div class="stack stack--tight">
                    <p class="cluster">
                        <span class="muted">{size_words(total_bytes, truncated)}</span>
                        {redacted
                            .then(|| {
                                view! { <Badge icon=IconName::EyeOff tone=Tone::Quiet>{redaction_words(redactions)}</Badge> }
                            })}
                    </p>
                    <BodyText label=format!("{} body", side.word()) id=side.body_id() text truncated redacted />
                </div>
            }
            .into_any()
        }
    }
}

fn size_words(total_bytes: u64, truncated: bool) -> String {
    if truncated {
        format!("First 16 KiB of {}", words::bytes(total_bytes))
    } else {
        words::bytes(total_bytes)
    }
}

fn redaction_words(count: u32) -> String {
    if count == 1 {
        "1 value redacted".to_owned()
    } else {
        format!("{count} values redacted")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_body_says_how_much_of_how_much() {
        assert_eq!(size_words(2_202_010, true), "First 16 KiB of 2.1 MiB");
        assert_eq!(size_words(145, false), "145 B");
    }
}
