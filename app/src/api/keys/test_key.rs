//! `keys/test_key`.

use leptos::server;
use model::{ClientId, KeyId, KeyTest};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// One GET request with the key through the gateway. The secret does not leave the server. Not in Production.
#[server(name = TestKeyCall, prefix = "/rpc", endpoint = "keys/test_key", protocol = Rpc<PostUrl>)]
pub async fn test_key(company: ClientId, key: KeyId, path: String) -> Result<KeyTest, AppError> {
    crate::ports::enter(company)
        .await?
        .key_secrets?
        .test(key, &path)
        .await
}
