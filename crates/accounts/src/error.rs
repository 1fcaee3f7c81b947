//! What can go wrong with accounts, worded for the caller.

use std::error::Error;

use thiserror::Error;

/// An error from the database layer. Its text is for the server's log only.
pub type StorageFailure = Box<dyn Error + Send + Sync>;

/// The errors of this crate.
#[derive(Debug, Error)]
pub enum AccountsError {
    /// The e-mail address or the password is wrong. The caller is not told which.
    #[error("the e-mail address or the password is wrong")]
    WrongPassword,
    /// Too many wrong passwords for this account or from this address.
    #[error("too many attempts; wait {retry_after_seconds} s")]
    Throttled { retry_after_seconds: u32 },
    /// More sign-ins are waiting than can be served in time.
    #[error("too many sign-ins at once; try again in a moment")]
    Busy,
    #[error("there is no company with this client id")]
    UnknownCompany,
    /// A brand cannot have brands of its own.
    #[error("this company is a brand, and a brand cannot have brands")]
    ParentIsABrand,
    /// Its parent reads its requests too, so they are kept for the same time.
    #[error("this company is a brand, and its log is kept as long as its parent's; set the parent's days")]
    BrandFollowsParent,
    #[error("a log is kept for 1 to 3650 days")]
    InvalidLogDays,
    #[error("this person is already a member of the company")]
    AlreadyMember,
    #[error("there is no member with this id")]
    UnknownMember,
    #[error("no account has this e-mail address")]
    UnknownPerson,
    #[error("there is no session with this id; it may have ended")]
    UnknownSession,
    #[error("there is no operator token with this id; it may have been revoked")]
    UnknownToken,
    #[error("this is not an e-mail address; use one such as ana@example.com")]
    InvalidEmail,
    #[error("a name must have 1 to 100 characters")]
    InvalidName,
    #[error("a view has a name of 1 to 60 characters, and an address of an ordinary length")]
    InvalidView,
    #[error("there are 50 views already, which is the most")]
    TooManyViews,
    #[error("another view has this name")]
    ViewNameTaken,
    #[error("there is no view with this id; it may have been deleted")]
    UnknownView,
    #[error("a password must have 8 to 1024 characters")]
    InvalidPassword,
    #[error("the database failed")]
    Storage(#[source] StorageFailure),
}
