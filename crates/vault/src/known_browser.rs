//! A browser that has signed in before carries a signed cookie, so that wrong passwords from elsewhere cannot lock its
//! owner out. The cookie proves one thing only: this browser once gave the right password for this account.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::Mac;
use model::Timestamp;

use crate::install_key::{derive, hmac};
use crate::{MasterKey, random, same};

/// Older cookies are not accepted. Each sign-in renews the cookie.
const LIFETIME_SECONDS: i64 = 365 * 24 * 3600;

const ID: usize = 16;
const ISSUED: usize = 8;
const MAC: usize = 32;

/// One browser at one account. Random, and worthless without its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BrowserId([u8; ID]);

impl BrowserId {
    pub fn generate() -> Self {
        Self(random())
    }

    /// How long a cookie with it is accepted.
    pub const LIFETIME_SECONDS: i64 = LIFETIME_SECONDS;
}

/// The signing key is derived from the master key, which every node of an installation has.
impl MasterKey {
    /// The cookie's value for a browser that has just signed in to `account`.
    pub fn sign_browser(&self, account: &str, browser: BrowserId, now: Timestamp) -> String {
        let issued = now.as_millis().to_be_bytes();
        let mac = self.browser_mac(account, &browser.0, &issued);
        URL_SAFE_NO_PAD.encode([&browser.0[..], &issued, &mac].concat())
    }

    /// The browser that carries this cookie, if the cookie was signed here, for this account, within the last year.
    pub fn recognise_browser(&self, cookie: &str, account: &str, now: Timestamp) -> Option<BrowserId> {
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (id, rest) = bytes.split_first_chunk::<ID>()?;
        let (issued, mac) = rest.split_first_chunk::<ISSUED>()?;
        if !same(mac, &self.browser_mac(account, id, issued)) {
            return None;
        }
        let age = now.millis_since(Timestamp::from_millis(i64::from_be_bytes(*issued)));
        (0..LIFETIME_SECONDS * 1000)
            .contains(&age)
            .then_some(BrowserId(*id))
    }

    /// Id and time have a fixed length, so that no two accounts can produce the same bytes.
    fn browser_mac(&self, account: &str, id: &[u8; ID], issued: &[u8; ISSUED]) -> [u8; MAC] {
        let mut mac = hmac(&derive(&self.bytes, b"gatehouse known browser v1"));
        mac.update(id);
        mac.update(issued);
        mac.update(account.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_767_614_400_000);

    #[test]
    fn a_browser_is_known_only_at_the_account_it_signed_in_to() {
        let (key, browser) = (MasterKey::generate(), BrowserId::generate());
        let cookie = key.sign_browser("ana@example.com", browser, NOW);
        let known = |key: &MasterKey, cookie: &str, account, now| key.recognise_browser(cookie, account, now);
        assert_eq!(known(&key, &cookie, "ana@example.com", NOW), Some(browser));
        assert_eq!(known(&key, &cookie, "bo@example.com", NOW), None);
        assert_eq!(
            known(&MasterKey::generate(), &cookie, "ana@example.com", NOW),
            None
        );
        let a_year_on = NOW.plus_seconds(LIFETIME_SECONDS);
        assert_eq!(known(&key, &cookie, "ana@example.com", a_year_on), None);
        assert_eq!(
            known(&key, &cookie, "ana@example.com", NOW.minus_seconds(1)),
            None,
            "not yet issued"
        );
    }

    #[test]
    fn a_changed_or_forged_cookie_is_not_accepted() {
        let key = MasterKey::generate();
        let cookie = key.sign_browser("ana@example.com", BrowserId::generate(), NOW);
        for at in 0..cookie.len() {
            let mut changed = cookie.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            let found = key.recognise_browser(&changed, "ana@example.com", NOW);
            assert_eq!(found, None, "{changed}");
        }
        for made_up in ["", "x", &cookie[..40], &format!("{cookie}AAAA")] {
            assert_eq!(
                key.recognise_browser(made_up, "ana@example.com", NOW),
                None,
                "{made_up}"
            );
        }
    }
}
