//! `keys/deletion_facts`.

use leptos::server;
use model::{ClientId, DeletionFacts, KeyId};
use server_fn::codec::GetUrl;

use crate::AppError;
use crate::api::protocol::Rpc;

/// What the delete dialog shows before it asks for confirmation.
#[server(name = DeletionFactsCall, prefix = "/rpc", endpoint = "keys/deletion_facts", protocol = Rpc<GetUrl>)]
pub async fn deletion_facts(company: ClientId, key: KeyId) -> Result<DeletionFacts, AppError> {
    crate::ports::enter(company)
        .await?
        .keys?
        .deletion_facts(key)
        .await
}
