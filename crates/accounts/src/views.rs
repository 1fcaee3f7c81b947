//! Views of the Logs page that a member has given a name: the filter of an address, to come back to. They belong to one
//! person in one company, and go with the membership.

use model::{Actor, AuditAction, CompanyId, PersonId, SavedView, ViewId, ViewQuery};

use crate::{Accounts, AccountsError};

/// How many views a person has in a company at most.
pub const MOST_VIEWS: usize = 50;
/// Characters of a name.
const LONGEST_NAME: usize = 60;
/// Bytes of a query. An address that is longer does not reach the server.
const LONGEST_QUERY: usize = 16 * 1024;

/// Whose views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewsOf {
    pub company: CompanyId,
    pub person: PersonId,
}

/// What became of a view to be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewSaved {
    Done,
    /// The person has the most already, and none with this name.
    TooMany,
    /// The membership is gone.
    NoMember,
}

/// What became of a view to be renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewRenamed {
    Done,
    /// Another view of the person has the name.
    Taken,
    /// There is no such view.
    NoView,
}

/// The name without spaces around it, if it fits.
fn fitting(name: &str) -> Result<&str, AccountsError> {
    let name = name.trim();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits {
        Ok(name)
    } else {
        Err(AccountsError::InvalidView)
    }
}

impl Accounts {
    /// Sorted by name.
    pub async fn views(&self, of: ViewsOf) -> Result<Vec<SavedView>, AccountsError> {
        let views = self.store.views(of).await;
        let mut views = views.map_err(AccountsError::Storage)?;
        // Databases sort differently.
        views.sort_by_cached_key(|view| (view.name.to_lowercase(), view.name.clone()));
        Ok(views)
    }

    /// Saves a view. One of the same name is replaced.
    pub async fn save_view(
        &self,
        of: ViewsOf,
        name: &str,
        query: ViewQuery,
        actor: &Actor,
    ) -> Result<(), AccountsError> {
        let name = fitting(name)?;
        if query.as_str().len() > LONGEST_QUERY {
            return Err(AccountsError::InvalidView);
        }
        let now = self.clock.now();
        let view = SavedView {
            id: ViewId::time_ordered(now, vault::random()),
            name: name.to_owned(),
            query,
        };
        let audit = self.audit(
            Some(of.company),
            actor,
            AuditAction::ViewSaved,
            view.id.to_string(),
            view.name.clone(),
        );
        let saved = self.store.save_view(of, view, MOST_VIEWS, now, audit).await;
        match saved.map_err(AccountsError::Storage)? {
            ViewSaved::Done => Ok(()),
            ViewSaved::TooMany => Err(AccountsError::TooManyViews),
            ViewSaved::NoMember => Err(AccountsError::UnknownMember),
        }
    }

    /// Gives a view another name, which none of the person's other views may have. Another person's view is not found.
    pub async fn rename_view(
        &self,
        of: ViewsOf,
        view: ViewId,
        name: &str,
        actor: &Actor,
    ) -> Result<(), AccountsError> {
        let name = fitting(name)?;
        let audit = self.audit(
            Some(of.company),
            actor,
            AuditAction::ViewRenamed,
            view.to_string(),
            String::new(),
        );
        let renamed = self.store.rename_view(of, view, name, audit).await;
        match renamed.map_err(AccountsError::Storage)? {
            ViewRenamed::Done => Ok(()),
            ViewRenamed::Taken => Err(AccountsError::ViewNameTaken),
            ViewRenamed::NoView => Err(AccountsError::UnknownView),
        }
    }

    /// Another person's view is not found.
    pub async fn delete_view(&self, of: ViewsOf, view: ViewId, actor: &Actor) -> Result<(), AccountsError> {
        let audit = self.audit(
            Some(of.company),
            actor,
            AuditAction::ViewDeleted,
            view.to_string(),
            String::new(),
        );
        let deleted = self.store.delete_view(of, view, audit).await;
        if deleted.map_err(AccountsError::Storage)? {
            Ok(())
        } else {
            Err(AccountsError::UnknownView)
        }
    }
}
