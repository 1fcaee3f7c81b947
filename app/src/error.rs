//! The one error that server functions return. It never contains another layer's text.

use std::fmt;

use leptos_router::location::Url;
use model::{InvalidFilter, Permission, Role};
use serde::{Deserialize, Serialize};
use server_fn::codec::JsonEncoding;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

/// What went wrong, in words for the person at the page; each variant has one HTTP status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Wire", from = "Wire")]
pub enum AppError {
    /// 401: there is no session, or it has ended.
    SignedOut,
    /// 403: signed in, but this role lacks the permission.
    Forbidden { role: Role, permission: Permission },
    /// 404: it does not exist, or it belongs to another company.
    NotFound,
    /// 409: the state does not allow it; the sentence says what to do first.
    Conflict(String),
    /// 400: a field is wrong. `field` is the form's name of it.
    Invalid { field: String, message: String },
    /// 429: too often; try again after this many seconds.
    TooOften { retry_after_seconds: u32 },
    /// 503: something it depends on is not available.
    Unavailable(String),
    /// 500: our fault; the server's log has the cause under this id.
    Internal { incident: String },
    /// 404: the server does not have this function, because its build is not the page's.
    Outdated,
    /// The request never reached the server, or its response could not be read. Created in the browser only.
    Unreachable,
}

/// An error as it travels: `{"error":"too_often","retry_after_seconds":7}`. Flat, because what serde derives for an enum
/// with contents is the largest single piece of code a browser would load.
#[derive(Serialize, Deserialize)]
struct Wire {
    error: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u32>,
}

impl From<AppError> for Wire {
    fn from(error: AppError) -> Self {
        let (name, detail, field, retry_after_seconds) = match error {
            AppError::SignedOut => ("signed_out", None, None, None),
            AppError::Forbidden { role, permission } => {
                let permission = permission.as_str().to_owned();
                (
                    "forbidden",
                    Some(role.as_str().to_owned()),
                    Some(permission),
                    None,
                )
            }
            AppError::NotFound => ("not_found", None, None, None),
            AppError::Conflict(text) => ("conflict", Some(text), None, None),
            AppError::Invalid { field, message } => ("invalid", Some(message), Some(field), None),
            AppError::TooOften { retry_after_seconds } => {
                ("too_often", None, None, Some(retry_after_seconds))
            }
            AppError::Unavailable(text) => ("unavailable", Some(text), None, None),
            AppError::Internal { incident } => ("internal", Some(incident), None, None),
            AppError::Outdated => ("outdated", None, None, None),
            AppError::Unreachable => ("unreachable", None, None, None),
        };
        Self {
            error: name.to_owned(),
            detail,
            field,
            retry_after_seconds,
        }
    }
}

impl From<Wire> for AppError {
    /// A response with an unknown name cannot be read.
    fn from(wire: Wire) -> Self {
        let detail = wire.detail.unwrap_or_default();
        match wire.error.as_str() {
            "signed_out" => Self::SignedOut,
            "forbidden" => match (detail.parse(), wire.field.unwrap_or_default().parse()) {
                (Ok(role), Ok(permission)) => Self::Forbidden { role, permission },
                _ => Self::Unreachable,
            },
            "not_found" => Self::NotFound,
            "conflict" => Self::Conflict(detail),
            "invalid" => Self::Invalid {
                field: wire.field.unwrap_or_default(),
                message: detail,
            },
            "too_often" => Self::TooOften {
                retry_after_seconds: wire.retry_after_seconds.unwrap_or_default(),
            },
            "unavailable" => Self::Unavailable(detail),
            "internal" => Self::Internal { incident: detail },
            "outdated" => Self::Outdated,
            _ => Self::Unreachable,
        }
    }
}

impl AppError {
    pub const fn status(&self) -> u16 {
        match self {
            Self::SignedOut => 401,
            Self::Forbidden { .. } => 403,
            Self::NotFound | Self::Outdated => 404,
            Self::Conflict(_) => 409,
            Self::Invalid { .. } => 400,
            Self::TooOften { .. } => 429,
            Self::Unavailable(_) => 503,
            Self::Internal { .. } | Self::Unreachable => 500,
        }
    }

    /// A retry may succeed without anyone changing anything.
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Internal { .. } | Self::Unreachable
        )
    }

    /// The refusal of a role that lacks this permission.
    pub fn unless_may(role: Role, permission: Permission) -> Result<(), Self> {
        if role.may(permission) {
            Ok(())
        } else {
            Err(Self::Forbidden { role, permission })
        }
    }

    fn unreadable() -> Self {
        Self::invalid(
            "",
            "The server could not read this request. Reload the page and try again.",
        )
    }

    /// A filter that would have to be kept or carried out whole has a part that cannot be read.
    pub fn invalid_filter(fault: &InvalidFilter) -> Self {
        Self::invalid("filter", format!("{} must be {}.", fault.name, fault.wants))
    }

    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.to_owned(),
            message: message.into(),
        }
    }
}

/// The sign-in page, which says that the session has ended and leads back to `address`.
pub fn sign_in_from(address: &str) -> String {
    format!("/sign-in?error=session&next={}", Url::escape(address))
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedOut => f.write_str("Your session has ended. Sign in again to continue."),
            Self::Forbidden { role, permission } => f.write_str(&permission.refusal(*role)),
            Self::NotFound => f.write_str("Not found. It may have been deleted."),
            Self::Conflict(text) | Self::Unavailable(text) | Self::Invalid { message: text, .. } => {
                f.write_str(text)
            }
            Self::TooOften { retry_after_seconds } => {
                write!(f, "Too many attempts. Try again in {retry_after_seconds} s.")
            }
            Self::Internal { incident } => {
                write!(
                    f,
                    "Something failed on our side. Nothing was changed. Send incident ID {incident} to support."
                )
            }
            Self::Outdated => {
                f.write_str("Gatehouse has been updated since you opened this page. Reload it to continue.")
            }
            Self::Unreachable => {
                f.write_str("The server could not be reached. Check your connection, then try again.")
            }
        }
    }
}

impl std::error::Error for AppError {}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    /// Failures of the transport itself. Their texts are for developers and are not shown: in the browser the request did
    /// not get through, on the server the arguments could not be read.
    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        // The same fault means something different on each side: the server could not read the request, the browser the response.
        let could_not_read = matches!(error, ServerFnErrorErr::Deserialization(_)) && cfg!(feature = "ssr");
        match error {
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => Self::unreadable(),
            _ if could_not_read => Self::unreadable(),
            _ => Self::Unreachable,
        }
    }

    fn status_code(&self) -> http::StatusCode {
        http::StatusCode::from_u16(self.status()).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_arrives_as_it_was_sent() {
        for error in [
            AppError::SignedOut,
            AppError::Forbidden {
                role: Role::Viewer,
                permission: Permission::ReplayDeliveries,
            },
            AppError::NotFound,
            AppError::Conflict("Two keys are active.".to_owned()),
            AppError::invalid("name", "It is too long."),
            AppError::TooOften {
                retry_after_seconds: 7,
            },
            AppError::Unavailable("Not now.".to_owned()),
            AppError::Internal {
                incident: "00".to_owned(),
            },
            AppError::Outdated,
            AppError::Unreachable,
        ] {
            let wire = Wire::from(error.clone());
            assert_eq!(AppError::from(wire), error);
        }
    }
}
