//! What is decided and written down about a company's log: how long it is kept, that it is erased, and who takes it out.

use model::{Actor, AuditAction, AuditId, ClientId, CompanyId};

use crate::{Accounts, AccountsError, Company};

/// The largest number of days that a company's log can have. Ten years.
pub const MOST_LOG_DAYS: u16 = 3650;

impl Accounts {
    /// Sets how many days a company's log is kept; `None` is as long as the installation keeps it. The shorter of the two
    /// applies, so this can only hide requests, and a larger number shows again what has not been removed yet.
    pub async fn set_log_days(
        &self,
        client_id: ClientId,
        days: Option<u16>,
        actor: &Actor,
    ) -> Result<Company, AccountsError> {
        if days.is_some_and(|days| !(1..=MOST_LOG_DAYS).contains(&days)) {
            return Err(AccountsError::InvalidLogDays);
        }
        let company = self.known_company(client_id).await?;
        if company.parent.is_some() {
            return Err(AccountsError::BrandFollowsParent);
        }
        let words = |days: Option<u16>| days.map_or("default".to_owned(), |days| days.to_string());
        let audit = self.audit(
            Some(company.id),
            actor,
            AuditAction::LogDaysSet,
            company.id.to_string(),
            format!("{} (was {})", words(days), words(company.log_days)),
        );
        self.store
            .set_log_days(company.id, days, audit)
            .await
            .map_err(AccountsError::Storage)?;
        Ok(Company {
            log_days: days,
            ..company
        })
    }

    /// Writes down that a company's log is being erased. The log may be in another database, so this comes first: an
    /// erasure without an audit row would be worse than a row of an erasure that failed.
    pub async fn record_log_erasure(&self, company: &Company, actor: &Actor) -> Result<(), AccountsError> {
        let audit = self.audit(
            Some(company.id),
            actor,
            AuditAction::LogErased,
            company.id.to_string(),
            company.name.clone(),
        );
        self.store.audit(audit).await.map_err(AccountsError::Storage)
    }

    /// Writes down that a file of a company's requests is begun, before the first of them leaves. Returns the id by which
    /// the row of its end refers to this one.
    pub async fn record_export_begun(
        &self,
        company: CompanyId,
        actor: &Actor,
        detail: String,
    ) -> Result<AuditId, AccountsError> {
        let action = AuditAction::LogExportBegun;
        let mut audit = self.audit(Some(company), actor, action, String::new(), detail);
        audit.subject = audit.id.to_string();
        let id = audit.id;
        self.store.audit(audit).await.map_err(AccountsError::Storage)?;
        Ok(id)
    }

    /// Writes down how it ended.
    pub async fn record_export_ended(
        &self,
        company: CompanyId,
        actor: &Actor,
        begun: AuditId,
        detail: String,
    ) -> Result<(), AccountsError> {
        let action = AuditAction::LogExportEnded;
        let audit = self.audit(Some(company), actor, action, begun.to_string(), detail);
        self.store.audit(audit).await.map_err(AccountsError::Storage)
    }

    async fn known_company(&self, client_id: ClientId) -> Result<Company, AccountsError> {
        self.company(client_id)
            .await?
            .ok_or(AccountsError::UnknownCompany)
    }
}
