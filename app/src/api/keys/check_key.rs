//! `keys/check`.

use leptos::server;
use model::{ClientId, KeyId};
use server_fn::codec::Json;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::key::{KeyFields, KeySaved};

/// What [`super::change_key`] would say, without changing anything.
#[server(name = CheckKeyCall, prefix = "/rpc", endpoint = "keys/check", protocol = Rpc<Json>)]
pub async fn check_key(company: ClientId, key: KeyId, fields: KeyFields) -> Result<KeySaved, AppError> {
    crate::ports::enter(company)
        .await?
        .key_manager?
        .check(key, fields)
        .await
}
