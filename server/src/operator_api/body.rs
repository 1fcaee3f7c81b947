//! What an operator's request carries: one JSON object, read member by member, so that every fault is named at once.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use model::InvalidWebhook;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use webhooks::{MAX_PAYLOAD_BYTES, fault};

use crate::api_error::ApiError;

/// Of a request's body: the payload of an event, and room for the rest.
pub const LARGEST_BODY: usize = MAX_PAYLOAD_BYTES + 16 * 1024;

/// A body that was read whole and does not say that it is anything else than JSON.
#[derive(Debug)]
pub struct JsonBody(Bytes);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        ApiError::unless_json(request.headers())?;
        match Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::TooLarge(LARGEST_BODY))
            }
            Err(_) => Err(ApiError::other(
                StatusCode::BAD_REQUEST,
                "incorrect_request",
                "The request body did not arrive whole.",
            )),
        }
    }
}

impl JsonBody {
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// The members of the object; `wanted` names them for a caller who sent something else.
    pub fn members(&self, wanted: &str) -> Result<Members<'_>, ApiError> {
        match serde_json::from_slice(&self.0) {
            Ok(members) => Ok(Members {
                members,
                faults: Vec::new(),
            }),
            Err(_) => Err(ApiError::invalid(
                "body",
                format!("Send a JSON object with {wanted}."),
            )),
        }
    }
}

/// The members as they were sent, and what was wrong with those read so far.
#[derive(Debug)]
pub struct Members<'a> {
    members: HashMap<String, &'a RawValue>,
    faults: Vec<InvalidWebhook>,
}

impl<'a> Members<'a> {
    /// The member as it was sent.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.members.get(name).map(|raw| raw.get())
    }

    pub fn wrong(&mut self, name: &str, message: &str) {
        self.faults.push(fault(name, message));
    }

    /// What the member means; none with a fault where it is missing or means nothing.
    pub fn required<T: DeserializeOwned>(&mut self, name: &str, otherwise: &str) -> Option<T> {
        let read = self.raw(name).and_then(|text| serde_json::from_str(text).ok());
        if read.is_none() {
            self.wrong(name, otherwise);
        }
        read
    }

    /// As [`Members::required`], and none without a fault where it is missing or null.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str, otherwise: &str) -> Option<T> {
        match self.raw(name) {
            None | Some("null") => None,
            Some(_) => self.required(name, otherwise),
        }
    }

    /// Everything that was read, or every fault.
    pub fn all<T>(self, read: Option<T>) -> Result<T, ApiError> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(ApiError::Incorrect(self.faults)),
        }
    }
}
