//! `keys/change`.

use leptos::server;
use model::{ClientId, KeyId};
use server_fn::codec::Json;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::key::{KeyFields, KeySaved};

/// Saves one form of a key's page, or says what is wrong with it. Every node judges by it once this returns.
#[server(name = ChangeKeyCall, prefix = "/rpc", endpoint = "keys/change", protocol = Rpc<Json>)]
pub async fn change_key(company: ClientId, key: KeyId, fields: KeyFields) -> Result<KeySaved, AppError> {
    crate::ports::enter(company)
        .await?
        .key_manager?
        .change(key, fields)
        .await
}
