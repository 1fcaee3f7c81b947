//! `gatehouse admin import-keys`: takes over the credentials of another system. One line of the file is one key, as a JSON object.
//! First it only says what would happen to each line.

use std::collections::HashMap;
use std::path::Path;

use keys::{ImportedSecret, Importing, KeysError};
use model::{Actor, CompanyId, Environment, MAX_ACTIVE_KEYS};
use serde::Deserialize;
use vault::{AccessSecret, IMPORTED_BYTES, Zeroizing};

use super::answer::{Answer, Object};
use super::carry_out::{refused, refused_by_keys};
use crate::core::Core;
use crate::error::{StartError, chain};

/// The longest Client ID of another system, in bytes.
const LONGEST_CLIENT_ID: usize = 256;

/// A line as it is written. The secret is wiped with the file's text.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    client_id: String,
    /// The name of the company, for the first line of a Client ID that is not known.
    company: Option<String>,
    #[serde(alias = "env_type")]
    environment: String,
    #[serde(borrow)]
    secret: Option<std::borrow::Cow<'a, str>>,
    sha256: Option<String>,
    last_four: Option<String>,
    #[serde(default)]
    name: String,
}

/// A line that can be read.
struct Line {
    number: usize,
    client_id: String,
    company_name: Option<String>,
    environment: Environment,
    secret: ImportedSecret,
    name: String,
}

/// A line, or what is wrong with it.
struct Judged {
    number: usize,
    client_id: String,
    environment: String,
    last_four: String,
    line: Result<Line, String>,
}

impl Line {
    fn last_four(&self) -> &str {
        match &self.secret {
            ImportedSecret::Whole(secret) => secret.last_four(),
            ImportedSecret::Digest { last_four, .. } => last_four,
        }
    }
}

pub(super) async fn import(
    core: &Core,
    file: &Path,
    apply: bool,
    actor: &Actor,
) -> Result<Answer, StartError> {
    let read = tokio::fs::read(file).await;
    let text =
        Zeroizing::new(read.map_err(|error| {
            StartError::Refused(format!("{} could not be read: {error}.", file.display()))
        })?);
    let mut judged: Vec<Judged> = text
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.trim_ascii().is_empty())
        .map(|(at, line)| judge(at + 1, line))
        .collect();
    core.keys.catch_up().await.map_err(refused_by_keys)?;
    leave_out_what_is_there(core, &mut judged).await?;
    leave_out_deleted_companies(core, &mut judged).await?;
    leave_out_more_than_two(core, &mut judged).await?;
    leave_out_companies_without_a_name(core, &mut judged);
    let mut listed = Vec::with_capacity(judged.len());
    for one in judged {
        listed.push(carry_out(core, one, apply, actor).await);
    }
    Ok(Answer::List(listed))
}

fn judge(number: usize, line: &[u8]) -> Judged {
    let written: Written<'_> = match serde_json::from_slice(line) {
        Ok(written) => written,
        // The error's own text may repeat a part of the line, which may be a secret.
        Err(error) => {
            return Judged {
                number,
                client_id: String::new(),
                environment: String::new(),
                last_four: String::new(),
                line: Err(format!(
                    "not a JSON object with client_id, environment and secret (or sha256 and last_four): column {}",
                    error.column()
                )),
            };
        }
    };
    let (client_id, environment) = (written.client_id.clone(), written.environment.clone());
    let line = understand(number, written);
    Judged {
        number,
        client_id,
        environment,
        last_four: line
            .as_ref()
            .map(|line| line.last_four().to_owned())
            .unwrap_or_default(),
        line,
    }
}

fn understand(number: usize, written: Written<'_>) -> Result<Line, String> {
    let client_id = written.client_id;
    let fits = (1..=LONGEST_CLIENT_ID).contains(&client_id.len());
    if !fits || client_id.trim() != client_id || client_id.chars().any(char::is_control) {
        return Err(format!(
            "a client_id is text of 1 to {LONGEST_CLIENT_ID} bytes in one line, without spaces at its ends"
        ));
    }
    let environment: Environment = written
        .environment
        .parse()
        .map_err(|_| "an environment is one of sandbox, dev, prod".to_owned())?;
    let secret = match (written.secret, written.sha256, written.last_four) {
        (Some(secret), None, None) => {
            let whole = AccessSecret::imported(&secret, environment).map_err(|_| {
                format!(
                    "a secret is text of {} to {} bytes in one line, without spaces at its ends",
                    IMPORTED_BYTES.start(),
                    IMPORTED_BYTES.end()
                )
            })?;
            ImportedSecret::Whole(whole)
        }
        (None, Some(sha256), Some(last_four)) => ImportedSecret::Digest {
            sha256: digest(&sha256).ok_or("sha256 is 64 hexadecimal digits")?,
            last_four: Some(last_four)
                .filter(|four| four.chars().count() == 4 && !four.chars().any(char::is_control))
                .ok_or("last_four is the last four characters of the secret")?,
        },
        _ => return Err("name either secret, or sha256 and last_four".to_owned()),
    };
    Ok(Line {
        number,
        client_id,
        company_name: written.company,
        environment,
        secret,
        name: written.name,
    })
}

fn digest(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let is_hex = hex.len() == 64 && hex.bytes().all(|digit| digit.is_ascii_hexdigit());
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2).filter(|_| is_hex)?, 16).ok()?;
    }
    Some(bytes)
}

fn company(core: &Core, client_id: &str) -> Option<CompanyId> {
    core.keys
        .snapshot()
        .company_named(client_id)
        .map(|company| company.id)
}

async fn leave_out_what_is_there(core: &Core, judged: &mut [Judged]) -> Result<(), StartError> {
    for one in judged {
        let Ok(line) = &one.line else { continue };
        let known = core.keys.is_known(&line.secret, line.environment).await;
        if known.map_err(refused_by_keys)? {
            one.line = Err(KeysError::AlreadyThere.to_string());
        }
    }
    Ok(())
}

async fn leave_out_deleted_companies(core: &Core, judged: &mut [Judged]) -> Result<(), StartError> {
    for one in judged {
        let Ok(line) = &one.line else { continue };
        let Ok(client_id) = line.client_id.parse() else {
            continue;
        };
        let is_there = company(core, &line.client_id).is_some();
        if !is_there && core.accounts.is_given_out(client_id).await.map_err(refused)? {
            one.line = Err("the company with this client_id was deleted, and no other gets it".to_owned());
        }
    }
    Ok(())
}

/// An environment that would have more than two keys gets none of them: which two its programs use is not known here.
async fn leave_out_more_than_two(core: &Core, judged: &mut [Judged]) -> Result<(), StartError> {
    let mut wanted: HashMap<(String, Environment), usize> = HashMap::new();
    for line in judged.iter().filter_map(|one| one.line.as_ref().ok()) {
        *wanted
            .entry((line.client_id.clone(), line.environment))
            .or_default() += 1;
    }
    for ((client_id, environment), wanted) in wanted {
        let there = match company(core, &client_id) {
            None => 0,
            Some(company) => {
                let groups = core.keys.list(company).await.map_err(refused_by_keys)?;
                let group = groups.iter().find(|group| group.environment == environment);
                group.map_or(0, |group| group.keys.len())
            }
        };
        if there + wanted <= MAX_ACTIVE_KEYS {
            continue;
        }
        let why = format!(
            "{} would have {} keys, and has room for {MAX_ACTIVE_KEYS}",
            environment.label(),
            there + wanted
        );
        let of_it = judged.iter_mut().filter(|one| {
            let line = one.line.as_ref();
            line.is_ok_and(|line| line.client_id == client_id && line.environment == environment)
        });
        of_it.for_each(|one| one.line = Err(why.clone()));
    }
    Ok(())
}

fn leave_out_companies_without_a_name(core: &Core, judged: &mut [Judged]) {
    let mut names: HashMap<String, String> = HashMap::new();
    for line in judged.iter().filter_map(|one| one.line.as_ref().ok()) {
        if let Some(name) = &line.company_name {
            names
                .entry(line.client_id.clone())
                .or_insert_with(|| name.clone());
        }
    }
    for one in judged {
        let Ok(line) = &mut one.line else { continue };
        if company(core, &line.client_id).is_some() {
            continue;
        }
        line.company_name = names.get(&line.client_id).cloned();
        if line.company_name.is_none() {
            one.line = Err("no company has this client_id; name the company to create it".to_owned());
        }
    }
}

async fn carry_out(core: &Core, one: Judged, apply: bool, actor: &Actor) -> Object {
    let listed = Object::new()
        .with("line", one.number)
        .with("client_id", one.client_id)
        .with("env_type", one.environment)
        .with("last_four", one.last_four);
    let line = match one.line {
        Ok(line) => line,
        Err(why) => return listed.with("result", "not imported").with("because", why),
    };
    let note = match &line.secret {
        ImportedSecret::Whole(_) => None,
        ImportedSecret::Digest { .. } => {
            Some("the secret cannot be shown, and signs no webhooks: they wait for a key that can")
        }
    };
    if !apply {
        return listed
            .with("result", "would be imported")
            .with_maybe("because", note);
    }
    match apply_line(core, line, actor).await {
        Ok(()) => listed.with("result", "imported").with_maybe("because", note),
        Err(error) => {
            tracing::error!(error = chain(&error), "a key could not be imported");
            listed
                .with("result", "not imported")
                .with("because", error.to_string())
        }
    }
}

async fn apply_line(core: &Core, line: Line, actor: &Actor) -> Result<(), StartError> {
    tracing::debug!(line = line.number, "importing a key");
    let company = match company(core, &line.client_id) {
        Some(company) => company,
        None => {
            let name = line.company_name.unwrap_or_default();
            let created = core.accounts.import_company(&name, &line.client_id, actor).await;
            let created = created.map_err(refused)?;
            core.keys.company_changed().await.map_err(refused_by_keys)?;
            created.id
        }
    };
    let importing = Importing {
        company,
        environment: line.environment,
        secret: line.secret,
        name: line.name,
    };
    core.keys
        .import(importing, actor)
        .await
        .map_err(refused_by_keys)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn because(line: &str) -> String {
        match judge(1, line.as_bytes()).line {
            Ok(line) => format!("{} …{}", line.environment, line.last_four()),
            Err(why) => why,
        }
    }

    #[test]
    fn a_line_is_a_secret_or_a_digest_and_says_what_is_wrong_with_it() {
        let sha = "0f".repeat(32);
        for (line, expected) in [
            (
                r#"{"client_id":"acct_1","environment":"prod","secret":"sk_live_0123456789"}"#.to_owned(),
                "prod …6789",
            ),
            (
                format!(r#"{{"client_id":"acct_1","env_type":"dev","sha256":"{sha}","last_four":"a\"b€"}}"#),
                "dev …a\"b€",
            ),
            (
                r#"{"client_id":"acct_1","environment":"prod","secret":"short"}"#.to_owned(),
                "a secret is text of 16 to 256 bytes in one line, without spaces at its ends",
            ),
            (
                r#"{"client_id":"acct_1","environment":"live","secret":"sk_live_0123456789"}"#.to_owned(),
                "an environment is one of sandbox, dev, prod",
            ),
            (
                r#"{"client_id":" acct_1","environment":"prod","secret":"sk_live_0123456789"}"#.to_owned(),
                "a client_id is text of 1 to 256 bytes in one line, without spaces at its ends",
            ),
            (
                format!(
                    r#"{{"client_id":"a","environment":"dev","sha256":"{}","last_four":"abcd"}}"#,
                    &sha[1..]
                ),
                "sha256 is 64 hexadecimal digits",
            ),
            (
                format!(r#"{{"client_id":"a","environment":"dev","sha256":"{sha}","last_four":"abc"}}"#),
                "last_four is the last four characters of the secret",
            ),
            (
                format!(r#"{{"client_id":"a","environment":"dev","sha256":"{sha}"}}"#),
                "name either secret, or sha256 and last_four",
            ),
        ] {
            assert_eq!(because(&line), expected, "{line}");
        }
        let unread = because(r#"{"client_id":"a","environment":"dev","secrte":"sk_live_0123456789"}"#);
        assert!(
            unread.starts_with("not a JSON object") && !unread.contains("sk_live"),
            "{unread}"
        );
    }
}
