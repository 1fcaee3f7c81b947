//! `/sign-in`: a plain form, the same with and without scripts. The server answers it with a cookie and a redirect; a
//! failure comes back here with a code in the query.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

use crate::api;
use crate::pages::frame::{Main, TopBar};
use crate::pages::loaded::Loaded;
use crate::ui::{Button, ButtonKind, Card, Field, FieldKind, Notice, Title, Tone};

/// What a code in the query says above the form.
fn failure_text(code: &str) -> Option<&'static str> {
    match code {
        "throttled" => Some("Too many attempts. Wait a minute, then try again."),
        "busy" => Some("The server is busy. Try again in a moment."),
        "session" => Some("Your session has ended. Sign in again."),
        _ => None,
    }
}

/// The same for an unknown account and a wrong password.
const WRONG: &str = "Wrong e-mail address or password.";

/// The e-mail of the attempt that failed, in a cookie. Only while the server renders: in the browser the field has it
/// already, and hydration leaves it there.
fn email_of_last_attempt() -> Option<String> {
    #[cfg(feature = "ssr")]
    {
        crate::cookies::value_of(crate::cookies::EMAIL).filter(|email| !email.is_empty())
    }
    #[cfg(not(feature = "ssr"))]
    None
}

#[component]
pub fn SignInPage() -> impl IntoView {
    let query = use_query_map();
    let code = Memo::new(move |_| query.with(|query| query.get("error")).unwrap_or_default());
    let failure = move || code.with(|code| failure_text(code));
    let wrong = Signal::derive(move || code.with(|code| code == "credentials").then(|| WRONG.to_owned()));
    let next = query
        .with_untracked(|query| query.get("next"))
        .unwrap_or_default();
    let next_of_demo = next.clone();
    let email = email_of_last_attempt().filter(|_| code.with_untracked(|code| !code.is_empty()));
    let password_is_next = email.is_some();
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
                            initial=email.unwrap_or_default()
                            autocomplete="username"
                            required=true
                        />
                        <Field
                            name="password"
                            label="Password"
                            kind=FieldKind::Password
                            error=wrong
                            focus_first=password_is_next
                            autocomplete="current-password"
                            required=true
                        />
                        <Button kind=ButtonKind::Primary submit=true>"Sign in"</Button>
                    </form>
                </Card>
                <Loaded
                    resource=welcome
                    render=move |welcome: api::Welcome| {
                        let next = next_of_demo.clone();
                        welcome.is_demo.then(|| view! { <DemoDoors next=next /> }).into_any()
                    }
                />
            </div>
        </Main>
    }
}

/// The demo's two sign-ins, without a password.
#[component]
fn DemoDoors(next: String) -> impl IntoView {
    view! {
        <Card id="demo" title="Demo" lead="Look around without a password. The demo is available on this machine only.">
            <form class="demo-doors" method="post" action="/demo/enter">
                <input type="hidden" name="next" value=next />
                <Button submit=true name="role" value="owner">"Enter as Owner"</Button>
                <Button submit=true name="role" value="viewer">"Enter as Viewer"</Button>
            </form>
        </Card>
    }
}
