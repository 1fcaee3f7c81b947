//! Changing a key's terms: what may be set, and what the audit trail says about it.

use std::net::IpAddr;

use ipnet::IpNet;
use model::{
    KeyTerms, LONGEST_KEY_NAME, LONGEST_KEY_NOTE, MOST_KEY_NETWORKS, MOST_KEY_REQUESTS_A_MINUTE, Timestamp,
};
use serde::{Deserialize, Serialize};

/// What becomes of a term that a key need not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setting<T> {
    #[default]
    Keep,
    Clear,
    To(T),
}

/// What is to be changed. What is not named stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChange {
    pub name: Option<String>,
    pub note: Option<String>,
    pub expires_at: Setting<Timestamp>,
    pub delete_at: Setting<Timestamp>,
    pub read_only: Option<bool>,
    /// CIDR, or single addresses. Empty: any address.
    pub networks: Option<Vec<String>>,
    pub requests_a_minute: Setting<u32>,
}

/// A term that a key cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsFault {
    pub field: &'static str,
    /// One sentence.
    pub message: String,
}

impl<T: Copy> Setting<T> {
    /// The value that is to be set.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::To(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *to = None,
            Self::To(value) => *to = Some(value),
        }
    }
}

impl KeyChange {
    /// A name as it is kept, for a key that is about to be generated.
    pub fn named(name: &str) -> Result<String, Vec<TermsFault>> {
        let change = Self {
            name: Some(name.to_owned()),
            ..Self::default()
        };
        let checked = change.checked(Timestamp::default())?;
        Ok(checked.name.unwrap_or_default())
    }

    /// The same change with tidy texts and networks, or everything that is wrong with it. Dates must be later than `now`.
    pub fn checked(mut self, now: Timestamp) -> Result<Self, Vec<TermsFault>> {
        let mut faults = Vec::new();
        let mut wrong = |field, message: String| faults.push(TermsFault { field, message });
        if let Some(name) = &mut self.name {
            *name = name.trim().to_owned();
            if name.chars().count() > LONGEST_KEY_NAME || name.chars().any(char::is_control) {
                wrong(
                    "name",
                    format!("A name has at most {LONGEST_KEY_NAME} letters, in one line."),
                );
            }
        }
        if let Some(note) = &mut self.note {
            *note = note.trim().to_owned();
            let is_bad = |letter: char| letter.is_control() && letter != '\n';
            if note.chars().count() > LONGEST_KEY_NOTE || note.chars().any(is_bad) {
                wrong(
                    "note",
                    format!(
                        "A note has at most {LONGEST_KEY_NOTE} letters, and no control characters but line breaks."
                    ),
                );
            }
        }
        for (field, date) in [("expires_at", &self.expires_at), ("delete_at", &self.delete_at)] {
            if date.value().is_some_and(|at| *at <= now) {
                wrong(field, "This moment has passed. Name a later one.".to_owned());
            }
        }
        if let Some(networks) = &mut self.networks {
            match tidy(networks) {
                Ok(tidy) => *networks = tidy,
                Err(message) => wrong("networks", message),
            }
        }
        if let Some(requests) = self.requests_a_minute.value()
            && !(1..=MOST_KEY_REQUESTS_A_MINUTE).contains(requests)
        {
            wrong(
                "requests_a_minute",
                format!("Use a number from 1 to {MOST_KEY_REQUESTS_A_MINUTE}."),
            );
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    /// The terms after the change.
    pub fn apply(&self, mut terms: KeyTerms) -> KeyTerms {
        let Self {
            name,
            note,
            expires_at,
            delete_at,
            read_only,
            networks,
            requests_a_minute,
        } = self.clone();
        terms.name = name.unwrap_or(terms.name);
        terms.note = note.unwrap_or(terms.note);
        expires_at.apply(&mut terms.expires_at);
        delete_at.apply(&mut terms.delete_at);
        terms.read_only = read_only.unwrap_or(terms.read_only);
        terms.networks = networks.unwrap_or(terms.networks);
        requests_a_minute.apply(&mut terms.requests_a_minute);
        terms
    }

    /// What was changed, for the audit trail. Without the texts that people wrote.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        let mut put = |name: &str, value: String| words.push(format!("{name} {value}"));
        if self.name.is_some() {
            put("name", "set".to_owned());
        }
        if self.note.is_some() {
            put("note", "set".to_owned());
        }
        for (name, date) in [("expires", self.expires_at), ("to be deleted", self.delete_at)] {
            match date {
                Setting::Keep => {}
                Setting::Clear => put(name, "never".to_owned()),
                Setting::To(at) => put(name, at.to_rfc3339()),
            }
        }
        if let Some(read_only) = self.read_only {
            put("read-only", if read_only { "on" } else { "off" }.to_owned());
        }
        if let Some(networks) = &self.networks {
            let any = || "any".to_owned();
            put(
                "networks",
                if networks.is_empty() {
                    any()
                } else {
                    networks.join(" ")
                },
            );
        }
        match self.requests_a_minute {
            Setting::Keep => {}
            Setting::Clear => put("requests a minute", "default".to_owned()),
            Setting::To(requests) => put("requests a minute", requests.to_string()),
        }
        if words.is_empty() {
            return "nothing changed".to_owned();
        }
        words.join(", ")
    }
}

/// Networks as they are kept: each once, in order, with every bit after the prefix zero.
fn tidy(networks: &[String]) -> Result<Vec<String>, String> {
    if networks.len() > MOST_KEY_NETWORKS {
        return Err(format!("A key has at most {MOST_KEY_NETWORKS} networks."));
    }
    let mut read = Vec::new();
    for text in networks {
        let text = text.trim();
        let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
        let network: IpNet = text
            .parse()
            .ok()
            .or_else(single)
            .ok_or("A network is written as 192.0.2.0/24 or 2001:db8::/32.")?;
        if network.addr() != network.network() {
            return Err(format!(
                "{network} has bits after its prefix. Use {} for the network, or leave the prefix out for the address.",
                network.trunc()
            ));
        }
        if is_mapped(&network) {
            return Err(format!("Write {network} as an IPv4 network."));
        }
        read.push(network);
    }
    read.sort_unstable();
    read.dedup();
    Ok(read.iter().map(IpNet::to_string).collect())
}

/// Addresses are compared as IPv4 where they are, so a network within the mapped range would never match.
fn is_mapped(network: &IpNet) -> bool {
    matches!(network, IpNet::V6(v6) if v6.prefix_len() >= 96 && v6.addr().to_ipv4_mapped().is_some())
}
