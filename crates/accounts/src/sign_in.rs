//! Signing in and out: the password, the throttle, and the session that begins or ends.

use std::net::IpAddr;

use model::{Actor, ActorKind, AuditAction};
use shares::Network;
use vault::{BrowserId, Token};

use crate::storage::{EndedSession, NewSession};
use crate::throttle::Attempt;
use crate::{Accounts, AccountsError, Email, Password, PasswordHash, Person, Queue, Session, Visit};

/// What is known about the browser that someone signs in with.
#[derive(Clone, Debug)]
pub struct Browser {
    pub address: IpAddr,
    /// Set if its cookie proves that it has signed in to this account before.
    pub known: Option<BrowserId>,
    /// The session that is signed in there now. It ends when someone signs in.
    pub former: Option<Visit>,
}

impl From<IpAddr> for Browser {
    /// A browser that was never seen before.
    fn from(address: IpAddr) -> Self {
        Self {
            address,
            known: None,
            former: None,
        }
    }
}

impl Accounts {
    /// Checks the password and starts a session. The browser's previous session ends in the same transaction. A wrong
    /// password and an account that does not exist get the same response after the same work.
    pub async fn sign_in(
        &self,
        email: &str,
        password: Password,
        browser: impl Into<Browser>,
    ) -> Result<Token, AccountsError> {
        let browser = browser.into();
        let email: Email = email.parse().map_err(|_| AccountsError::WrongPassword)?;
        let now = self.clock.now();
        let attempt = Attempt {
            account: &email,
            address: browser.address,
            browser: browser.known,
        };
        if let Some(retry_after_seconds) = self.throttle.wait(attempt, now) {
            return Err(AccountsError::Throttled { retry_after_seconds });
        }
        self.throttle.failed(attempt, now);
        let queue = match browser.known {
            Some(_) => Queue::Known(email.clone()),
            None => Queue::Stranger(Network::of(browser.address)),
        };
        let verified = self
            .verify(&email, password, queue)
            .await
            .inspect_err(|_| self.throttle.not_tried(attempt))?;
        let person = verified.ok_or(AccountsError::WrongPassword)?;
        self.throttle.succeeded(attempt);
        let proven = person.password_hash.clone();
        self.begin_session(person, Some(proven), browser).await
    }

    /// The person whose password this is. An error means that the check itself failed, not that the password is wrong.
    async fn verify(
        &self,
        email: &Email,
        password: Password,
        queue: Queue,
    ) -> Result<Option<Person>, AccountsError> {
        let person = self.store.person(email).await.map_err(AccountsError::Storage)?;
        let stored: Option<PasswordHash> = person.as_ref().map(|person| person.password_hash.clone());
        let right = self.passwords.verify(stored, password, queue).await?;
        Ok(person.filter(|_| right))
    }

    /// Starts a session without a password, for the two buttons of the demo. No other installation has them.
    pub async fn sign_in_without_password(
        &self,
        email: &Email,
        browser: impl Into<Browser>,
    ) -> Result<Token, AccountsError> {
        let person = self.store.person(email).await.map_err(AccountsError::Storage)?;
        self.begin_session(person.ok_or(AccountsError::WrongPassword)?, None, browser.into())
            .await
    }

    /// The token is always new, whatever cookie the browser sent.
    async fn begin_session(
        &self,
        person: Person,
        proven: Option<PasswordHash>,
        browser: Browser,
    ) -> Result<Token, AccountsError> {
        let now = self.clock.now();
        let token = Token::generate();
        let session = Session {
            token_hash: token.hash(),
            person: person.id,
            created_at: now,
            seen_at: now,
            expires_at: now.plus_seconds(self.limits.absolute_seconds),
            proof_at: now,
            address: Some(browser.address),
        };
        let actor = member(&person.email, browser.address);
        let audit = self
            .audit_each_company(person.id, &actor, AuditAction::SignedIn, "")
            .await?;
        let former = match &browser.former {
            Some(visit) => Some(self.signed_out(visit, browser.address).await?),
            None => None,
        };
        let new = NewSession {
            session,
            proven,
            audit,
            former,
        };
        if !self
            .store
            .start_session(new)
            .await
            .map_err(AccountsError::Storage)?
        {
            // The password was changed, or the person removed, during the check.
            return Err(AccountsError::WrongPassword);
        }
        if let Some(visit) = &browser.former {
            self.tell_ended([visit.session]);
        }
        Ok(token)
    }

    /// Ends the session, and tells its open streams on the bus.
    pub async fn sign_out(&self, visit: &Visit, address: IpAddr) -> Result<(), AccountsError> {
        let ended = self.signed_out(visit, address).await?;
        self.store
            .end_session(ended)
            .await
            .map_err(AccountsError::Storage)?;
        self.tell_ended([visit.session]);
        Ok(())
    }

    async fn signed_out(&self, visit: &Visit, address: IpAddr) -> Result<EndedSession, AccountsError> {
        let actor = member(&visit.email, address);
        Ok(EndedSession {
            token_hash: visit.session,
            audit: self
                .audit_each_company(visit.person, &actor, AuditAction::SignedOut, "")
                .await?,
        })
    }

    pub(crate) fn tell_ended(&self, sessions: impl IntoIterator<Item = [u8; 32]>) {
        sessions
            .into_iter()
            .for_each(|session| self.bus.session_ended(session));
    }

    /// Whether the session with this [`Visit::session`] is still valid.
    pub async fn session_is_alive(&self, session: [u8; 32]) -> Result<bool, AccountsError> {
        let found = self
            .store
            .session(session)
            .await
            .map_err(AccountsError::Storage)?;
        Ok(found.is_some_and(|(session, _)| session.is_alive(self.clock.now(), self.limits)))
    }

    /// Changes whenever sessions end on any node of this database.
    pub async fn sessions_version(&self) -> Result<i64, AccountsError> {
        self.store
            .sessions_version()
            .await
            .map_err(AccountsError::Storage)
    }
}

fn member(email: &Email, address: IpAddr) -> Actor {
    Actor {
        kind: ActorKind::Member,
        name: email.to_string(),
        address: Some(address.to_string()),
    }
}
