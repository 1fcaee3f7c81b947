//! The port of saved views on [`accounts::Accounts`]. It is bound to one person in one company.

use accounts::{Accounts, AccountsError, ViewsOf};
use app::AppError;
use app::ports::KeepViews;
use async_trait::async_trait;
use model::{Actor, SavedView, ViewId, ViewQuery};

use crate::incident;

/// A member's own views of the log.
pub(crate) struct OwnViews {
    pub(crate) accounts: Accounts,
    pub(crate) of: ViewsOf,
    pub(crate) actor: Actor,
}

#[async_trait]
impl KeepViews for OwnViews {
    async fn list(&self) -> Result<Vec<SavedView>, AppError> {
        self.accounts.views(self.of).await.map_err(answer)
    }

    async fn save(&self, name: &str, query: ViewQuery) -> Result<(), AppError> {
        let saved = self.accounts.save_view(self.of, name, query, &self.actor).await;
        saved.map_err(answer)
    }

    async fn rename(&self, view: ViewId, name: &str) -> Result<(), AppError> {
        let renamed = self.accounts.rename_view(self.of, view, name, &self.actor).await;
        renamed.map_err(answer)
    }

    async fn delete(&self, view: ViewId) -> Result<(), AppError> {
        let deleted = self.accounts.delete_view(self.of, view, &self.actor).await;
        deleted.map_err(answer)
    }
}

fn answer(error: AccountsError) -> AppError {
    match error {
        AccountsError::InvalidView => AppError::invalid("name", "Use 1 to 60 characters for the name."),
        AccountsError::TooManyViews => {
            AppError::Conflict("You have 50 views, which is the most. Delete one first.".to_owned())
        }
        AccountsError::ViewNameTaken => AppError::Conflict("Another of your views has this name.".to_owned()),
        AccountsError::UnknownView | AccountsError::UnknownMember => AppError::NotFound,
        error => AppError::Internal {
            incident: incident::logged("a view could not be saved, renamed, listed or deleted", &error),
        },
    }
}
