//! Companies, their members, sign-in, and the bearer tokens of the operator API: the rules, with the storage they need
//! as a trait. The binary calls [`Accounts`]; `store` implements [`AccountStore`].

mod email;
mod error;
mod install;
mod log_rules;
mod operator_token;
mod password;
mod revocation;
mod service;
mod session;
mod sign_in;
mod storage;
mod throttle;
mod together;
mod views;

pub use email::Email;
pub use error::{AccountsError, StorageFailure};
pub use install::{Install, SecretMismatch};
pub use log_rules::MOST_LOG_DAYS;
pub use operator_token::{OperatorToken, Scope, Scopes, UnknownScope};
pub use password::{Password, PasswordHash, Passwords, Queue};
pub use revocation::{ListedMember, ListedSession, Revoked, Whose};
pub use service::{Accounts, CreatedCompany, Membership, Visit};
pub use session::{Session, SessionLimits};
pub use sign_in::Browser;
pub use storage::{AccountStore, Company, EndedSession, Member, MemberRow, NewSession, Person, SessionsOf};
pub use throttle::{Attempt, Throttle};
pub use views::{MOST_VIEWS, ViewRenamed, ViewSaved, ViewsOf};
