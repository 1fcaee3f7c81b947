//! Saving, renaming and deleting a view of the log as plain form posts, for browsers without JavaScript. Each does the same as the
//! server function of that name and redirects to the list.

use app::AppError;
use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use model::ViewQuery;
use serde::Deserialize;

use super::posted::{Back, Posted, on_to};

/// The fields of the forms. The address of the list is `query`.
#[derive(Debug, Deserialize)]
pub struct ViewForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    query: String,
}

/// The id in the path. The guard has already checked the company.
#[derive(Debug, Deserialize)]
pub struct ViewPath {
    view: String,
}

pub async fn save_view(posted: Posted, Form(form): Form<ViewForm>) -> Response {
    let query = ViewQuery::of(&form.query);
    let outcome = async {
        let kept = ViewQuery::read(&form.query).map_err(|fault| AppError::invalid_filter(&fault))?;
        posted.access.views.clone()?.save(&form.name, kept).await
    };
    posted.answer(outcome.await, &to_list(&posted, &query), |()| {
        on_to(&with_views(&posted, &query), "")
    })
}

pub async fn rename_view(posted: Posted, Path(path): Path<ViewPath>, Form(form): Form<ViewForm>) -> Response {
    let query = ViewQuery::of(&form.query);
    let outcome = async {
        let view = path.view.parse().map_err(|_| AppError::NotFound)?;
        posted.access.views.clone()?.rename(view, &form.name).await
    };
    posted.answer(outcome.await, &to_list(&posted, &query), |()| {
        on_to(&with_views(&posted, &query), "")
    })
}

pub async fn delete_view(posted: Posted, Path(path): Path<ViewPath>, Form(form): Form<ViewForm>) -> Response {
    let query = ViewQuery::of(&form.query);
    let outcome = async {
        let view = path.view.parse().map_err(|_| AppError::NotFound)?;
        posted.access.views.clone()?.delete(view).await
    };
    posted.answer(outcome.await, &to_list(&posted, &query), |()| {
        on_to(&with_views(&posted, &query), "")
    })
}

/// The list with its views unfolded, which shows what was done.
fn with_views(posted: &Posted, query: &ViewQuery) -> String {
    let separator = if query.as_str().is_empty() { "" } else { "&" };
    let list = posted.address("logs");
    format!("{list}?{query}{separator}{}", app::pages::logs::VIEWS_OPEN)
}

fn to_list(posted: &Posted, query: &ViewQuery) -> Back {
    let list = posted.address("logs");
    Back {
        address: format!("{list}?{query}"),
        words: "Back to Logs",
    }
}
