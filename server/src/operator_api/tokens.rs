//! `/operator/v1/tokens`: lists and revokes the bearer tokens of this API; a token may revoke itself. Only the command
//! line creates tokens. Otherwise a token could grant itself more scopes, or create a successor that outlives its own
//! revocation.

use axum::extract::{Extension, Path, State};
use axum::response::Response;
use model::OperatorTokenId;

use super::{Operator, listed, not_found, refused_by_accounts};
use crate::admin::{Answer, Object, listing};
use crate::services::Services;

pub async fn list_tokens(State(services): State<Services>) -> Response {
    match services.core.accounts.operator_tokens().await {
        Ok(tokens) => listed(&listing::tokens(&tokens)),
        Err(error) => refused_by_accounts(&error),
    }
}

pub async fn revoke_token(
    State(services): State<Services>,
    Extension(operator): Extension<Operator>,
    Path(token): Path<String>,
) -> Response {
    let Ok(token) = token.parse::<OperatorTokenId>() else {
        return not_found();
    };
    match services
        .core
        .accounts
        .revoke_operator_token(token, &operator.actor)
        .await
    {
        Ok(token) => {
            let object = Object::new().with("token_id", token.id).with("name", token.name);
            listed(&Answer::One(object))
        }
        Err(error) => refused_by_accounts(&error),
    }
}
