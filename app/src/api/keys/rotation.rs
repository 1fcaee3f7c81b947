//! `keys/rotation`.

use leptos::server;
use model::{ClientId, KeyId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;
use crate::pages::rotate::DrawnRotation;

/// The rotation of a key, or how to begin one.
#[server(name = RotationCall, prefix = "/rpc", endpoint = "keys/rotation", protocol = Rpc<GetUrl>)]
pub async fn rotation(company: ClientId, key: KeyId) -> Result<DrawnRotation, AppError> {
    let access = crate::ports::enter(company).await?;
    crate::pages::rotate::rotation(access, key).await
}
