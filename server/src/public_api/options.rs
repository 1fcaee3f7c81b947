//! `/v1/webhook-deliveries/webhooks/<id>/`: a webhook's own headers and its rate limit. The documented webhook object has neither,
//! so they have a path of their own. The member with the headers has a name whose value is redacted in every log, ours too.

use bytes::Bytes;
use gateway::Caller;
use http::{Request, StatusCode};
use model::{InvalidWebhook, SecretText, WebhookId, WebhookOptions};
use serde::Serialize;
use serde_json::{Map, Value};
use webhooks::{MOST_NAMED, OptionsPatch, fault};

use super::{Answer, PublicApi, actor, body, json, refused};
use crate::api_error::ApiError;

const HEADERS: &str = "secret_headers";

#[derive(Serialize)]
struct OptionsObject {
    id: WebhookId,
    /// Names. A value is never shown again.
    secret_headers: Vec<String>,
    rate_limit: Option<u32>,
}

impl PublicApi {
    pub(super) async fn options(&self, caller: &Caller, id: WebhookId) -> Answer {
        let options = self
            .webhooks
            .options(caller.company.id, Some(caller.environment), id)
            .await
            .map_err(refused)?;
        answer(id, options)
    }

    /// Responds 200 with the options after the change. Members that are missing change nothing.
    pub(super) async fn change_options(
        &self,
        caller: &Caller,
        id: WebhookId,
        request: &Request<Bytes>,
    ) -> Answer {
        ApiError::unless_json(request.headers())?;
        // Check first whether the webhook exists. An error about the body would tell a stranger that it does.
        self.webhooks
            .webhook(caller.company.id, Some(caller.environment), id)
            .await
            .map_err(refused)?;
        let patch = read(request.body()).map_err(ApiError::Incorrect)?;
        let options = self
            .webhooks
            .change_options(
                caller.company.id,
                Some(caller.environment),
                id,
                patch,
                &actor(caller),
            )
            .await
            .map_err(refused)?;
        answer(id, options)
    }
}

fn answer(id: WebhookId, options: WebhookOptions) -> Answer {
    let WebhookOptions { headers, rate_limit } = options;
    json(
        StatusCode::OK,
        &OptionsObject {
            id,
            secret_headers: headers,
            rate_limit,
        },
    )
}

/// Reads the patch, or every error in it. A member that is not known would be taken for done.
fn read(body: &Bytes) -> Result<OptionsPatch, Vec<InvalidWebhook>> {
    let members = body::object(body).map_err(|wrong| vec![wrong])?;
    let strange = members
        .keys()
        .filter(|name| !["id", HEADERS, "rate_limit"].contains(&name.as_str()));
    let unknown = |name: &String| fault(name, "Unknown. Use secret_headers and rate_limit.");
    let mut faults: Vec<InvalidWebhook> = strange.take(MOST_NAMED).map(unknown).collect();
    let patch = OptionsPatch {
        headers: headers(&members, &mut faults),
        rate_limit: rate_limit(&members, &mut faults),
    };
    if faults.is_empty() { Ok(patch) } else { Err(faults) }
}

fn headers(
    members: &Map<String, Value>,
    faults: &mut Vec<InvalidWebhook>,
) -> Vec<(String, Option<SecretText>)> {
    let values = match members.get(HEADERS) {
        None => return Vec::new(),
        Some(Value::Object(values)) => values,
        Some(_) => {
            faults.push(fault(
                HEADERS,
                "Expected an object of names with values; null removes a header.",
            ));
            return Vec::new();
        }
    };
    let mut headers = Vec::with_capacity(values.len());
    for (name, value) in values {
        match value {
            Value::String(text) => headers.push((name.clone(), Some(SecretText::new(text)))),
            Value::Null => headers.push((name.clone(), None)),
            _ => faults.push(fault(&format!("{HEADERS}.{name}"), "Not a valid string.")),
        }
    }
    headers
}

fn rate_limit(members: &Map<String, Value>, faults: &mut Vec<InvalidWebhook>) -> Option<Option<u32>> {
    let value = members.get("rate_limit")?;
    if value.is_null() {
        return Some(None);
    }
    let rate = value.as_u64().map(|rate| u32::try_from(rate).unwrap_or(u32::MAX));
    if rate.is_none() {
        faults.push(fault(
            "rate_limit",
            "A valid integer is required, or null for no limit.",
        ));
    }
    rate.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &'static str) -> Vec<String> {
        let faults = read(&Bytes::from_static(body.as_bytes()))
            .err()
            .unwrap_or_default();
        faults.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_patch_sets_removes_and_leaves() {
        let patch = read(&Bytes::from_static(
            br#"{"secret_headers":{"A":"b","C":null},"rate_limit":5,"id":"x"}"#,
        ))
        .expect("read");
        let names: Vec<_> = patch
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_ref().map(|value| value.expose())))
            .collect();
        assert_eq!(
            (names, patch.rate_limit),
            (vec![("A", Some("b")), ("C", None)], Some(Some(5)))
        );
        let nothing = read(&Bytes::from_static(b"{}")).expect("read");
        assert!(nothing.headers.is_empty() && nothing.rate_limit.is_none());
        let unlimited = read(&Bytes::from_static(br#"{"rate_limit":null}"#)).expect("read");
        assert_eq!(unlimited.rate_limit, Some(None));
    }

    #[test]
    fn every_fault_is_named() {
        assert_eq!(
            fields(r#"{"secret_headers":[],"rate_limit":"5"}"#),
            ["secret_headers", "rate_limit"]
        );
        assert_eq!(
            fields(r#"{"secret_headers":{"A":1},"rate_limit":1.5}"#),
            ["secret_headers.A", "rate_limit"]
        );
        assert_eq!(fields(r#"{"rate_limit":-1}"#), ["rate_limit"]);
        assert_eq!(fields("[]"), ["non_field_errors"]);
        assert_eq!(fields(r#"{"headers":{"A":"b"},"id":"x"}"#), ["headers"]);
    }
}
