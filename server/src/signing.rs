//! Provides the access secrets that sign deliveries: the `webhooks` crate asks for them, and the `keys` crate has them.

use async_trait::async_trait;
use keys::Keys;
use model::{CompanyId, Environment};
use webhooks::{SigningSecret, SigningSecrets, StorageFailure};

/// The keys that sign deliveries, for the webhook worker.
pub(crate) struct KeysThatSign(pub(crate) Keys);

#[async_trait]
impl SigningSecrets for KeysThatSign {
    async fn signing_secrets(
        &self,
        company: CompanyId,
        environment: Environment,
    ) -> Result<Vec<SigningSecret>, StorageFailure> {
        let secrets = self.0.signing_secrets(company, environment).await?;
        let for_webhooks = |one: keys::SigningSecret| SigningSecret {
            key_id: one.key_id,
            last_four: one.last_four,
            secret: one.secret,
        };
        Ok(secrets.into_iter().map(for_webhooks).collect())
    }
}
