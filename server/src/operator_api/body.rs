//! The body of an operator's request: one JSON object. Members are read one by one, so one response can list every
//! error.

use std::collections::HashMap;
use std::error::Error;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use http_body_util::LengthLimitError;
use model::InvalidWebhook;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use webhooks::{MAX_PAYLOAD_BYTES, fault};

use crate::api_error::ApiError;

/// The largest request body: an event's payload plus room for the other members.
pub const LARGEST_BODY: usize = MAX_PAYLOAD_BYTES + 16 * 1024;

/// A body that arrived whole and whose content type, if it has one, is JSON.
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
                "The request body arrived incomplete.",
            )),
        }
    }
}

impl JsonBody {
    #[cfg(test)]
    pub(super) fn of(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }

    pub(super) fn text(&self) -> Result<&str, ApiError> {
        std::str::from_utf8(&self.0).map_err(|_| ApiError::invalid("body", "The body is not UTF-8."))
    }

    /// The members of the object. The error for anything else says to send `wanted`.
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

/// The bounds of a body that is an array.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub elements: usize,
    pub bytes: usize,
    /// What the elements are, in the plural.
    pub what: &'static str,
}

/// Reads a body that is a JSON array, with `read` for each element.
pub async fn elements<T: Send + 'static>(
    request: Request,
    bounds: Bounds,
    read: fn(&str) -> T,
) -> Result<Vec<T>, ApiError> {
    ApiError::unless_json(request.headers())?;
    let body = to_bytes(request.into_body(), bounds.bytes)
        .await
        .map_err(|error| {
            if error
                .source()
                .is_some_and(|source| source.is::<LengthLimitError>())
            {
                ApiError::TooLarge(bounds.bytes)
            } else {
                let message = "The request body arrived incomplete.";
                ApiError::other(StatusCode::BAD_REQUEST, "incorrect_request", message)
            }
        })?;
    // Several MiB of JSON keep a thread busy for a while.
    tokio::task::spawn_blocking(move || read_elements(&body, bounds, read))
        .await
        .map_err(|error| ApiError::failed("an array could not be read", &error))?
}

fn read_elements<T>(body: &Bytes, bounds: Bounds, read: fn(&str) -> T) -> Result<Vec<T>, ApiError> {
    let Bounds { elements, what, .. } = bounds;
    let Ok(found) = serde_json::from_slice::<Vec<&RawValue>>(body) else {
        return Err(ApiError::invalid("body", format!("Send a JSON array of {what}.")));
    };
    if found.len() > elements {
        let message = format!(
            "Send {elements} {what} at most with one call; these are {}.",
            found.len()
        );
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        return Err(ApiError::other(status, "request_too_large", message));
    }
    Ok(found.into_iter().map(|element| read(element.get())).collect())
}

/// Names the members of an element by their place in the array.
pub fn in_place(index: usize, mut faults: Vec<InvalidWebhook>) -> Vec<InvalidWebhook> {
    for fault in &mut faults {
        fault.field = match fault.field.as_str() {
            "" => format!("[{index}]"),
            field => format!("[{index}].{field}"),
        };
    }
    faults
}

/// Of members that are not known, this many are named, each with this many characters: an answer must not be much larger than
/// what was sent.
const MOST_UNKNOWN: usize = 5;
const LONGEST_NAME: usize = 64;

/// The members as sent, and the errors in those read so far.
#[derive(Debug)]
pub struct Members<'a> {
    members: HashMap<String, &'a RawValue>,
    faults: Vec<InvalidWebhook>,
}

impl<'a> Members<'a> {
    /// The members of an object within a body. `None` if it is no object.
    pub fn of(text: &'a str) -> Option<Self> {
        let members = serde_json::from_str(text).ok()?;
        Some(Self {
            members,
            faults: Vec::new(),
        })
    }

    /// The member's JSON text as sent.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.members.get(name).map(|raw| raw.get())
    }

    pub fn wrong(&mut self, name: &str, message: &str) {
        self.faults.push(fault(name, message));
    }

    /// The member's value. If it is missing or invalid, records an error and returns `None`.
    pub fn required<T: DeserializeOwned>(&mut self, name: &str, otherwise: &str) -> Option<T> {
        let read = self.raw(name).and_then(|text| serde_json::from_str(text).ok());
        if read.is_none() {
            self.wrong(name, otherwise);
        }
        read
    }

    /// Like [`Members::required`], but a member that is missing or null is not an error.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str, otherwise: &str) -> Option<T> {
        match self.raw(name) {
            None | Some("null") => None,
            Some(_) => self.required(name, otherwise),
        }
    }

    /// Records an error for each member that is not one of these: where a member restricts something, a typing error must
    /// not pass unnoticed.
    pub fn only(&mut self, known: &[&str]) {
        let mut strange: Vec<String> = self.members.keys().cloned().collect();
        strange.retain(|name| !known.contains(&name.as_str()));
        strange.sort();
        let more = strange.len().saturating_sub(MOST_UNKNOWN);
        let wanted = format!("Unknown. Use {}.", known.join(", "));
        for (index, name) in strange.iter().take(MOST_UNKNOWN).enumerate() {
            let shown: String = name.chars().take(LONGEST_NAME).collect();
            self.wrong(&shown, if index == 0 { &wanted } else { "Unknown." });
        }
        if more > 0 {
            self.wrong("", &format!("{more} more members are unknown."));
        }
    }

    /// Returns what was read, or all errors.
    pub fn all<T>(self, read: Option<T>) -> Result<T, ApiError> {
        self.read(read).map_err(ApiError::Incorrect)
    }

    /// Like [`Members::all`], for a response that is not an error as a whole.
    pub fn read<T>(self, read: Option<T>) -> Result<T, Vec<InvalidWebhook>> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            _ => Err(self.faults),
        }
    }
}
