//! `/sign-in`: a plain form, the same with and without scripts. The server answers it with a cookie and a redirect; a
//! failure comes back here with a code in the query.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::api;
use crate::pages::frame::{Main, TopBar};
use crate::pages::loaded::Loaded;
use crate::ui::{Button, ButtonKind, Card, Field, FieldKind, Notice, Title, Tone};

/// What a code in the query says. The sentence is the same for an unknown account and a wrong password.
fn failure_text(code: &str) -> Option<&'static str> {
    match code {
        "credentials" => Some("E-mail address or password is wrong."),
        "throttled" => Some("Too many tries. Wait a minute, then try again."),
        "busy" => Some("The server is busy. Try again in a moment."),
        "session" => Some("Your session has ended. Sign in again."),
        _ => None,
    }
}

#[component]
pub fn SignInPage() -> impl IntoView {
    let query = use_query_map();
    let failure = move || {
        query
            .with(|query| query.get("error"))
            .and_then(|code| failure_text(&code))
    };
    let next = query
        .with_untracked(|query| query.get("next"))
        .unwrap_or_default();
    let welcome = Resource::new(|| (), |()| api::welcome());
    view! {
        <Title text="Sign in" />
        <TopBar />
        <Main>
            <div class="sign-in">
                <h1>"Sign in"</h1>
                {move || failure().map(|text| view! { <Notice tone=Tone::Bad>{text}</Notice> })}
                <Card>
                    <form class="form" method="post" action="/sign-in">
                        <input type="hidden" name="next" value=next />
                        <Field
                            name="email"
                            label="E-mail"
                            kind=FieldKind::Email
                            autocomplete="username"
                            required=true
                        />
                        <Field
                            name="password"
                            label="Password"
                            kind=FieldKind::Password
                            autocomplete="current-password"
                            required=true
                        />
                        <Button kind=ButtonKind::Primary submit=true>"Sign in"</Button>
                    </form>
                </Card>
                <Loaded
                    resource=welcome
                    render=|welcome: api::Welcome| {
                        welcome.is_demo.then(|| view! { <DemoDoors /> }).into_any()
                    }
                />
            </div>
        </Main>
    }
}

/// The demo's two sign-ins, without a password.
#[component]
fn DemoDoors() -> impl IntoView {
    view! {
        <Card id="demo" title="Demo" lead="Look around without a password. It listens on this machine only.">
            <form class="demo-doors" method="post" action="/demo/enter">
                <Button submit=true name="role" value="owner">"Enter as Owner"</Button>
                <Button submit=true name="role" value="viewer">"Enter as Viewer"</Button>
            </form>
        </Card>
    }
}
