//! Saving, renaming and deleting views without leaving the page, in a part of the WASM that is loaded when that is first done.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use model::{ClientId, LogFilter, ViewId};

use super::drawn::Drawing;
use super::panels::VIEWS;
use crate::browser::{self, focus, form};
use crate::{AppError, api};

/// What it needs of the page.
#[derive(Clone)]
pub(crate) struct ViewsRun {
    pub(super) company: ClientId,
    /// Of the form that saves a view, or of one that renames or deletes one.
    pub(super) event: SubmitEvent,
    /// Asked for again when they have changed.
    pub(super) drawing: Drawing,
    /// Of the address.
    pub(super) filter: LogFilter,
    /// What was done, while the address had this filter.
    pub(super) said: RwSignal<(LogFilter, String)>,
}

/// Does what the form says.
pub(crate) fn change_views(run: ViewsRun) {
    let name = form::entries(&run.event)
        .into_iter()
        .find_map(|(name, value)| (name == "name").then_some(value));
    let action = form::action(&run.event);
    leptos::task::spawn_local(async move {
        let outcome = match name {
            Some(name) if action.ends_with("/rename") => rename(run.company, &action, name).await,
            Some(name) => save(run.company, name).await,
            None => delete(run.company, &action).await,
        };
        match outcome {
            Ok(words) => {
                run.said.try_set((run.filter, words));
                // Or what was typed would be kept.
                form::done(&run.event);
                run.drawing.refetch();
                // What was pressed is drawn anew.
                focus::soon(VIEWS);
            }
            Err(error) => {
                run.said.try_set((run.filter, error.to_string()));
            }
        }
    });
}

/// What the address shows now: the form may have been drawn for another.
async fn save(company: ClientId, name: String) -> Result<String, AppError> {
    let query = browser::query();
    api::logs::save_view(company, name.clone(), query).await?;
    Ok(format!("Saved “{}”.", name.trim()))
}

/// The form's address is that of the view: `…/views/{view}/delete`.
fn view_of(action: &str) -> Result<ViewId, AppError> {
    let view = action.rsplit('/').nth(1).and_then(|view| view.parse().ok());
    view.ok_or(AppError::NotFound)
}

async fn rename(company: ClientId, action: &str, name: String) -> Result<String, AppError> {
    api::logs::rename_view(company, view_of(action)?, name.clone()).await?;
    Ok(format!("Renamed to “{}”.", name.trim()))
}

async fn delete(company: ClientId, action: &str) -> Result<String, AppError> {
    api::logs::delete_view(company, view_of(action)?).await?;
    Ok("Deleted.".to_owned())
}
