//! `keys/generate_key`.

use leptos::server;
use model::{ClientId, Environment, GeneratedKey};
use server_fn::codec::PostUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// Generates a key and returns its secret. `Conflict` if two are active. A Production key needs a name.
#[server(name = GenerateKeyCall, prefix = "/rpc", endpoint = "keys/generate_key", protocol = Rpc<PostUrl>)]
pub async fn generate_key(
    company: ClientId,
    environment: Environment,
    #[server(default)] name: String,
) -> Result<GeneratedKey, AppError> {
    crate::ports::enter(company)
        .await?
        .key_manager?
        .generate(environment, &name)
        .await
}
