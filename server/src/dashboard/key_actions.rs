//! Generate, change, reveal and delete as plain form posts, for browsers without JavaScript. Each responds with a `no-store`
//! page rendered outside Leptos. For generate and reveal, that page is the one response that contains the secret
//! (invariant 3).

use app::AppError;
use app::pages::key::KeyFields;
use axum::Form;
use axum::extract::Path;
use axum::extract::rejection::FormRejection;
use axum::response::Response;
use model::{Environment, KeyId, SecretText};
use serde::Deserialize;

use super::plain_page::{self, escape};
use super::posted::{Back, Posted, on_to};

/// The fields of the generate form.
#[derive(Debug, Deserialize)]
pub struct GenerateForm {
    environment: Environment,
    #[serde(default)]
    name: String,
}

/// The fields of the delete form. The only field is there where something must be typed.
#[derive(Debug, Deserialize)]
pub struct DeleteForm {
    #[serde(default)]
    last_four: String,
}

/// The field of the test form.
#[derive(Debug, Deserialize)]
pub struct TestForm {
    path: String,
}

/// The ids in the path. The guard has already checked the company.
#[derive(Debug, Deserialize)]
pub struct KeyPath {
    key: String,
}

impl KeyPath {
    fn id(&self) -> Result<KeyId, AppError> {
        self.key.parse().map_err(|_| AppError::NotFound)
    }
}

pub async fn generate_key(posted: Posted, Form(form): Form<GenerateForm>) -> Response {
    let outcome = async {
        posted
            .access
            .key_manager
            .clone()?
            .generate(form.environment, &form.name)
            .await
    };
    posted.answer(outcome.await, &to_keys(&posted), |generated| {
        let lead = format!(
            "A new {} key is active. You can reveal it again later.",
            form.environment.label()
        );
        with_secret(&posted, "Key generated", &lead, &generated.secret)
    })
}

/// Saves a form of the key's page, and shows that page again: with a word that it was saved, or with what was entered, so
/// that it names what is wrong.
pub async fn change_key(
    posted: Posted,
    Path(path): Path<KeyPath>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let own = to_key(&posted, &path);
    let fields = KeyFields::from_pairs(pairs);
    let outcome = async {
        let manager = posted.access.key_manager.clone()?;
        manager.change(path.id()?, fields.clone()).await
    };
    posted.answer(outcome.await, &own, |saved| {
        if saved.is_saved() {
            return on_to(&own.address, &format!("saved={}", fields.part.as_str()));
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields.to_pairs())
            .finish();
        on_to(&own.address, &query)
    })
}

pub async fn reveal_key(posted: Posted, Path(path): Path<KeyPath>) -> Response {
    let outcome = async { posted.access.key_secrets.clone()?.reveal(path.id()?).await };
    posted.answer(outcome.await, &to_keys(&posted), |secret| {
        let lead = "Leave this page once you have copied it.";
        with_secret(&posted, "Access secret", lead, &secret)
    })
}

/// Makes one request with the key, and shows its response on a page of its own.
pub async fn test_key(
    posted: Posted,
    Path(path): Path<KeyPath>,
    form: Result<Form<TestForm>, FormRejection>,
) -> Response {
    let called = form.map(|Form(form)| form.path).unwrap_or_default();
    let own = to_key(&posted, &path);
    let outcome = async {
        let secrets = posted.access.key_secrets.clone()?;
        secrets.test(path.id()?, &called).await
    };
    posted.answer(outcome.await, &own, |test| {
        let row = test.request.map(|request| {
            let row = posted.address(&format!("logs/{request}"));
            plain_page::link(&row, "Show in Logs")
        });
        let body = format!(
            "<p><code>GET {}</code>: status {} after {} ms.</p><pre class=\"code\"><code>{}</code></pre>{}{}",
            escape(&called),
            test.status,
            test.took_ms,
            escape(&test.body),
            row.unwrap_or_default(),
            own.link()
        );
        posted.page("Key tested", &body)
    })
}

pub async fn delete_key(
    posted: Posted,
    Path(path): Path<KeyPath>,
    form: Result<Form<DeleteForm>, FormRejection>,
) -> Response {
    // A form that cannot be read counts as one with nothing typed in.
    let typed = form.map(|Form(form)| form.last_four).unwrap_or_default();
    let back = to_keys(&posted);
    let outcome = async {
        posted
            .access
            .key_manager
            .clone()?
            .delete(path.id()?, &typed)
            .await
    };
    posted.answer(outcome.await, &back, |deleted| {
        let body = format!(
            "<p>The {} key ending in <code>{}</code> has been rejected since {} ({} ms after you confirmed).</p>{}",
            deleted.environment.label(),
            escape(&deleted.last_four),
            escape(&deleted.refused_since.to_page_text()),
            deleted.took_ms,
            back.link()
        );
        posted.page("Key deleted", &body)
    })
}

/// If the path has no id, the list.
fn to_key(posted: &Posted, path: &KeyPath) -> Back {
    match path.id() {
        Ok(id) => Back {
            address: posted.address(&format!("keys/{id}")),
            words: "Back to the key",
        },
        Err(_) => to_keys(posted),
    }
}

fn to_keys(posted: &Posted) -> Back {
    Back {
        address: posted.address("keys"),
        words: "Back to API Keys",
    }
}

fn with_secret(posted: &Posted, title: &str, lead: &str, secret: &SecretText) -> Response {
    let names = &posted.state.credential_names;
    let how = format!(
        "<p>Send it as <code>{}</code>, with your Client ID as <code>{}</code>.</p>",
        escape(&names.secret),
        escape(&names.client_id)
    );
    posted.secret_page(title, lead, secret, &how, &to_keys(posted))
}
