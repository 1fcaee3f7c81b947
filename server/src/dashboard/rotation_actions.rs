//! The forms of a rotation. Each leads to the page of the rotation.

use app::AppError;
use app::pages::rotate::PlanChoice;
use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use model::KeyId;
use serde::Deserialize;

use super::posted::{Back, Posted, on_to};

#[derive(Debug, Deserialize)]
pub struct PlanForm {
    #[serde(default)]
    plan: String,
    /// Which button was pressed.
    #[serde(default, rename = "do")]
    pressed: String,
}

impl PlanForm {
    fn plan(&self) -> Result<PlanChoice, AppError> {
        let choice = PlanChoice::from_name(&self.plan);
        choice.ok_or_else(|| AppError::invalid("plan", "Choose when the old key is to be deleted."))
    }
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

pub async fn rotate_key(posted: Posted, Path(path): Path<KeyPath>, Form(form): Form<PlanForm>) -> Response {
    let begun = async {
        let rotator = posted.access.rotator.clone()?;
        rotator.begin(path.id()?, form.plan()?).await
    };
    let back = to_rotation(&posted, &path);
    // There its secret can be revealed and copied.
    posted.answer(begun.await, &back, |_| on_to(&back.address, ""))
}

pub async fn change_rotation(
    posted: Posted,
    Path(path): Path<KeyPath>,
    Form(form): Form<PlanForm>,
) -> Response {
    let changed = async {
        let (rotator, key) = (posted.access.rotator.clone()?, path.id()?);
        match form.pressed.as_str() {
            "plan" => rotator.plan(key, form.plan()?).await,
            "resume" => rotator.resume(key, form.plan()?).await,
            "cancel" => rotator.cancel(key).await,
            "now" => rotator.finish(key).await,
            _ => Err(AppError::invalid("do", "Press one of the buttons.")),
        }
    };
    let back = to_rotation(&posted, &path);
    posted.answer(changed.await, &back, |()| on_to(&back.address, ""))
}

fn to_rotation(posted: &Posted, path: &KeyPath) -> Back {
    // What is no id leads to a page that says so.
    let key = path.id().map(|key| key.to_string()).unwrap_or_default();
    Back {
        address: posted.address(&format!("keys/{key}/rotate")),
        words: "Watch the rotation",
    }
}
