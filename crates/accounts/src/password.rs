//! Passwords: argon2id, one at a time so that the gateway keeps its CPU, and with the same work for an account that
//! does not exist.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use shares::{FairShare, Ledger, Network};
use vault::Zeroizing;

use crate::{AccountsError, Email};

/// A plain-text password, wiped from memory when dropped. `Debug` prints `[redacted]`.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// A new password: 8 to 1024 characters.
    pub fn new(text: String) -> Result<Self, AccountsError> {
        let text = Zeroizing::new(text);
        let length = text.chars().count();
        if (8..=1024).contains(&length) {
            Ok(Self(text))
        } else {
            Err(AccountsError::InvalidPassword)
        }
    }

    /// What someone typed at sign-in. Cut at a length that no valid password reaches, so that long input cannot make
    /// hashing slow.
    pub fn typed(text: String) -> Self {
        let text = Zeroizing::new(text);
        if text.len() <= 4096 {
            return Self(text);
        }
        // Truncating in place would leave the rest in memory without wiping it.
        Self(Zeroizing::new(text[..text.floor_char_boundary(4096)].to_owned()))
    }

    /// 20 random letters and digits (about 100 bits), in groups of five.
    pub fn generate() -> Self {
        // 32 characters that cannot be mistaken for each other.
        const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut text = Zeroizing::new(String::with_capacity(23));
        for (i, byte) in Zeroizing::new(vault::random::<20>()).iter().enumerate() {
            if i > 0 && i % 5 == 0 {
                text.push('-');
            }
            text.push(ALPHABET[usize::from(*byte) % ALPHABET.len()] as char);
        }
        Self(text)
    }

    /// The plain text. The caller is responsible for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// A PHC string (`$argon2id$…`). `Debug` prints `[redacted]`.
#[derive(Clone)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A hash read from the database.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_stored(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Strangers that may wait for their turn. With more, a sign-in would take longer than a person waits.
const STRANGERS_WAITING: usize = 96;
/// How many of these places one address may take: enough for an office that shares it.
const WAITING_PER_ADDRESS: usize = 8;
/// Places that strangers cannot take.
const KNOWN_WAITING: usize = 32;

/// Who is waiting. Strangers share their places by address and everyone else by account. To keep a newcomer out, an
/// attacker would need enough addresses to fill all places.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    Stranger(Network),
    /// A browser that has signed in to this account before.
    Known(Email),
    Operator,
}

/// Who takes turns: a long line of strangers must not delay an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Line {
    Strangers,
    Known,
}

/// Hashes and checks passwords one at a time, on a thread where nothing else waits.
#[derive(Clone, Debug)]
pub struct Passwords {
    turn: FairShare<Line>,
    strangers: FairShare<Queue>,
    known: FairShare<Queue>,
    /// The hash of a password that nobody has. It is checked when the account does not exist.
    dummy: PasswordHash,
    params: Params,
}

impl Passwords {
    /// 19 MiB and two passes, the minimum that OWASP recommends.
    pub fn new() -> Self {
        Self::with_params(Params::DEFAULT)
    }

    /// The cheapest parameters that argon2 allows, for tests with hundreds of sign-ins.
    pub fn cheap() -> Self {
        Self::with_params(Params::new(8, 1, 1, None).unwrap_or_default())
    }

    fn with_params(params: Params) -> Self {
        let dummy = hash(&params, &Password::generate()).unwrap_or_else(|_| PasswordHash(String::new()));
        Self {
            turn: FairShare::new(1),
            strangers: FairShare::with(Ledger::new(STRANGERS_WAITING).at_most_each(WAITING_PER_ADDRESS)),
            known: FairShare::new(KNOWN_WAITING),
            dummy,
            params,
        }
    }

    pub async fn hash(&self, password: Password, queue: Queue) -> Result<PasswordHash, AccountsError> {
        let params = self.params.clone();
        self.one_at_a_time(queue, move || hash(&params, &password))
            .await?
    }

    /// Whether `password` matches `stored`. Without a stored hash, does the same work and returns false.
    pub async fn verify(
        &self,
        stored: Option<PasswordHash>,
        password: Password,
        queue: Queue,
    ) -> Result<bool, AccountsError> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.clone());
        let params = self.params.clone();
        let matches = self
            .one_at_a_time(queue, move || {
                argon2(&params)
                    .verify_password(password.0.as_bytes(), stored.0.as_str())
                    .is_ok()
            })
            .await?;
        Ok(exists && matches)
    }

    async fn one_at_a_time<T: Send + 'static>(
        &self,
        queue: Queue,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountsError> {
        let (line, places) = match queue {
            Queue::Stranger(_) => (Line::Strangers, &self.strangers),
            Queue::Known(_) | Queue::Operator => (Line::Known, &self.known),
        };
        let _place = places.try_take(&queue).ok_or(AccountsError::Busy)?;
        // The turn moves into the work. If a browser disconnects, its work continues and must not overlap with the
        // next.
        let turn = self.turn.take(line).await;
        let task = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        task.await.map_err(|_| AccountsError::Busy)
    }
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

fn argon2(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

fn hash(params: &Params, password: &Password) -> Result<PasswordHash, AccountsError> {
    let salt = vault::random::<16>();
    let hash = argon2(params)
        .hash_password_with_salt(password.0.as_bytes(), &salt)
        .map_err(|error| AccountsError::Storage(error.to_string().into()))?;
    Ok(PasswordHash(hash.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn stranger(last: u8) -> Queue {
        Queue::Stranger(Network::of([192, 0, 2, last].into()))
    }

    fn known() -> Queue {
        Queue::Known("ana@example.com".parse().expect("an address"))
    }

    /// Who had a turn, in order. Written during the turn, so no scheduling of tasks can change it.
    type Served = Arc<Mutex<Vec<Queue>>>;

    /// Asks for a turn, and returns once it is waiting for it.
    async fn waiting(
        passwords: &Passwords,
        queue: Queue,
        served: &Served,
    ) -> Result<tokio::task::JoinHandle<()>, AccountsError> {
        let (passwords, served) = (passwords.clone(), Arc::clone(served));
        let mut working = Box::pin(async move {
            let own = queue.clone();
            let turn = move || served.lock().expect("no panic").push(own);
            passwords.one_at_a_time(queue, turn).await
        });
        match std::future::poll_fn(|context| std::task::Poll::Ready(working.as_mut().poll(context))).await {
            std::task::Poll::Ready(Err(busy)) => Err(busy),
            std::task::Poll::Ready(Ok(())) => panic!("the turn should still be taken"),
            std::task::Poll::Pending => Ok(tokio::spawn(async move {
                working.await.expect("it has its turn");
            })),
        }
    }

    #[tokio::test]
    async fn a_few_addresses_cannot_take_all_strangers_places() {
        let passwords = Passwords::cheap();
        let held = passwords.turn.take(Line::Known).await;
        let (served, mut all) = (Served::default(), Vec::new());
        for address in 0..8 {
            while let Ok(waits) = waiting(&passwords, stranger(address), &served).await {
                all.push(waits);
            }
        }
        assert!(
            all.len() < STRANGERS_WAITING,
            "all {STRANGERS_WAITING} places are taken"
        );
        all.push(
            waiting(&passwords, stranger(99), &served)
                .await
                .expect("a newcomer finds a place"),
        );
        drop(held);
        for waits in all {
            waits.await.expect("ends");
        }
    }

    #[tokio::test]
    async fn a_known_browser_does_not_wait_for_all_strangers() {
        let passwords = Passwords::cheap();
        let held = passwords.turn.take(Line::Strangers).await;
        let (served, mut all) = (Served::default(), Vec::new());
        for address in 0..u8::try_from(STRANGERS_WAITING).expect("few") {
            let waits = waiting(&passwords, stranger(address), &served).await;
            all.push(waits.expect("a place"));
        }
        let one_more = waiting(&passwords, stranger(200), &served).await;
        assert!(matches!(one_more, Err(AccountsError::Busy)), "{one_more:?}");
        let owner = waiting(&passwords, known(), &served).await;
        all.push(owner.expect("a place of its own"));
        drop(held);
        for waits in all {
            waits.await.expect("ends");
        }
        let served = served.lock().expect("no panic");
        let before = served.iter().position(|queue| *queue == known());
        assert!(
            before.is_some_and(|before| before <= 1),
            "{before:?} strangers came first"
        );
    }

    #[test]
    fn a_password_is_wiped_when_it_is_dropped() {
        fn wiped<T: vault::ZeroizeOnDrop>(_: &T) {}
        wiped(&Password::generate().0);
    }

    #[tokio::test]
    async fn a_password_matches_only_its_own_hash() {
        let passwords = Passwords::cheap();
        let password = Password::new("correct horse".to_owned()).expect("long enough");
        let stored = passwords
            .hash(password.clone(), Queue::Operator)
            .await
            .expect("hashes");
        assert!(stored.as_stored().starts_with("$argon2id$v=19$"));
        assert!(
            passwords
                .verify(Some(stored.clone()), password.clone(), stranger(1))
                .await
                .expect("verifies")
        );
        assert!(
            !passwords
                .verify(
                    Some(stored),
                    Password::typed("correct hors".to_owned()),
                    stranger(1)
                )
                .await
                .expect("verifies")
        );
        assert!(
            !passwords
                .verify(None, password, stranger(1))
                .await
                .expect("verifies")
        );
    }

    #[test]
    fn the_default_cost_is_the_recommended_minimum() {
        let stored = Passwords::new().dummy;
        assert!(stored.0.contains("m=19456,t=2,p=1"), "{}", stored.0);
    }

    #[test]
    fn neither_password_nor_hash_is_printed() {
        let password = Password::generate();
        assert_eq!(password.expose().len(), 23);
        assert_eq!(format!("{password:?}"), "[redacted]");
        assert_eq!(
            format!("{:?}", PasswordHash("$argon2id$x".to_owned())),
            "[redacted]"
        );
    }

    #[test]
    fn short_passwords_are_refused() {
        assert!(Password::new("1234567".to_owned()).is_err());
        assert!(Password::new("12345678".to_owned()).is_ok());
    }
}
