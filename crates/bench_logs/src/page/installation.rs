//! An installation whose log has many rows: a company with brands and keys that the page knows by name, a member to sign in,
//! and the rows of a benchmark that are theirs.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clock::Clock;
use logs::{KeyTrace, Place};
use model::{ClientId, CompanyId, Environment};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::say;
use crate::fill::{self, Pace};
use crate::rows::CHUNK;
use crate::server::{Installation, text};
use crate::subject::Opened;
use crate::world::{Variant, World};

/// What was prepared, in the folder of the installation.
const NOTE: &str = "bench-page.json";

/// After this the newest requests are too old for the shorter ranges.
const STALE: i64 = 12 * 3_600_000;

/// The keys of one company: two for Production, as many as it may have, and one each for the others.
const KEYS: [Environment; 4] = [
    Environment::Prod,
    Environment::Prod,
    Environment::Dev,
    Environment::Sandbox,
];

/// What the script in the browser needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Prepared {
    pub(super) client_id: String,
    pub(super) email: String,
    pub(super) password: String,
    common_brand: String,
    rare_brand: String,
    common_key: String,
    rare_key: String,
    variant: String,
    rows: u64,
    /// When the newest row arrived, in milliseconds since 1970.
    end: i64,
}

/// Uses what is there, if it is what is wanted, and otherwise makes it.
pub(super) async fn prepare(installation: &Installation, variant: Variant, rows: u64) -> Result<Prepared> {
    let folder = &installation.folder;
    let now = Clock::machine().now();
    let note = folder.join(NOTE);
    if let Ok(prepared) = fs::read(&note) {
        let prepared: Prepared = serde_json::from_slice(&prepared)?;
        let is_recent = now.as_millis() - prepared.end < STALE;
        if prepared.rows == rows && prepared.variant == variant.name() && is_recent {
            return Ok(prepared);
        }
        fs::remove_dir_all(folder)?;
    }
    let is_empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    ensure!(is_empty, "{} has something else in it", folder.display());
    let prepared = make(installation, World::new(variant, rows, now)).await?;
    fs::write(&note, serde_json::to_vec_pretty(&prepared)?)?;
    Ok(prepared)
}

async fn make(installation: &Installation, mut world: World) -> Result<Prepared> {
    let root = Made::company(installation, "Northwind", None)?;
    let mut family = vec![root.place(None, root.company)];
    let mut brands = Vec::new();
    for number in 1..world.family.len() {
        let name = format!("Brand {number:02}");
        let brand = Made::company(installation, &name, Some(root.client_id))?;
        family.push(brand.place(Some(name), root.company));
        brands.push(brand.client_id);
    }
    world.deleted_key = Some(deleted_key(installation, root.client_id)?);
    let owners = [root.client_id].into_iter().chain(brands.iter().copied());
    let wanted = owners.flat_map(|owner| KEYS.map(|environment| (owner, environment)));
    let keys = wanted
        .take(world.keys.len())
        .map(|(owner, environment)| Ok((key(installation, owner, environment)?, environment)));
    world.keys = keys.collect::<Result<_>>()?;
    world.family = family;
    let email = "owner@example.com".to_owned();
    let member = installation.admin(&[
        "create-member",
        "--client-id",
        &root.client_id.to_string(),
        "--email",
        &email,
        "--role",
        "owner",
        "--generate-password",
    ])?;
    fill(&installation.folder, &world).await?;
    let brand = |place: Option<&ClientId>| place.context("a brand").map(ClientId::to_string);
    let key = |key: Option<&(KeyTrace, Environment)>| key.context("a key").map(|(key, _)| key.id.to_string());
    Ok(Prepared {
        client_id: root.client_id.to_string(),
        email,
        password: text(&member, "password")?,
        common_brand: brand(brands.first())?,
        rare_brand: brand(brands.last())?,
        common_key: key(world.keys.first())?,
        rare_key: key(world.keys.last())?,
        variant: world.variant.name().to_owned(),
        rows: world.rows,
        end: world.end.as_millis(),
    })
}

async fn fill(folder: &Path, world: &World) -> Result<()> {
    let begun = Instant::now();
    let store = Opened::of_installation(folder).await?;
    let pace = Pace {
        batch: CHUNK as usize,
        burst: 8,
    };
    let filled = fill::fill(&store, world, pace).await?;
    store.close().await;
    say(&format!(
        "{} rows made and stored in {:.0} s, {:.0} stored a second",
        world.rows,
        begun.elapsed().as_secs_f64(),
        filled.rows_per_second()
    ))
}

/// A company that was created.
struct Made {
    company: CompanyId,
    client_id: ClientId,
}

impl Made {
    fn company(installation: &Installation, name: &str, parent: Option<ClientId>) -> Result<Self> {
        let parent = parent.map(|parent| parent.to_string());
        let mut arguments = vec!["create-company", "--name", name];
        if let Some(parent) = &parent {
            arguments.extend(["--parent", parent]);
        }
        let made = installation.admin(&arguments)?;
        Ok(Self {
            company: id(&made, "company_id")?,
            client_id: id(&made, "client_id")?,
        })
    }

    const fn place(&self, brand: Option<String>, root: CompanyId) -> Place {
        Place {
            root,
            company: self.company,
            client_id: self.client_id,
            brand,
        }
    }
}

fn key(installation: &Installation, owner: ClientId, environment: Environment) -> Result<KeyTrace> {
    let made = installation.admin(&[
        "create-key",
        "--client-id",
        &owner.to_string(),
        "--environment",
        environment.as_str(),
    ])?;
    let secret = text(&made, "secret")?;
    let begin = secret.len().checked_sub(4).context("a secret")?;
    Ok(KeyTrace {
        id: id(&made, "key_id")?,
        last_four: secret[begin..].to_owned(),
    })
}

/// A key that was deleted before the first of its requests that the log has.
fn deleted_key(installation: &Installation, owner: ClientId) -> Result<KeyTrace> {
    let key = key(installation, owner, Environment::Sandbox)?;
    installation.admin(&["delete-key", "--key-id", &key.id.to_string()])?;
    Ok(key)
}

fn id<T: std::str::FromStr>(object: &Value, name: &str) -> Result<T> {
    let text = text(object, name)?;
    let id = text.parse().ok();
    id.with_context(|| format!("{name} is {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_told_the_names_that_it_reads() {
        let prepared = Prepared {
            client_id: "a".to_owned(),
            email: "b".to_owned(),
            password: "c".to_owned(),
            common_brand: "d".to_owned(),
            rare_brand: "e".to_owned(),
            common_key: "f".to_owned(),
            rare_key: "g".to_owned(),
            variant: "plain".to_owned(),
            rows: 1,
            end: 0,
        };
        let told = serde_json::to_value(prepared).unwrap();
        let script = include_str!("../../../../end2end/bench-logs-page.mjs");
        for name in [
            "client_id",
            "email",
            "password",
            "common_brand",
            "rare_brand",
            "common_key",
            "rare_key",
        ] {
            assert!(
                told.get(name).is_some() && script.contains(&format!("world.{name}")),
                "{name}"
            );
        }
    }
}
