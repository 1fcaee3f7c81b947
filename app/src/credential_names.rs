//! The header names and key prefixes of this installation. The server writes them into `<html data-credential-names>` where they
//! are not the documented ones, and a component of any page finds them there.

use model::CredentialNames;

/// The names to use in a page's text and samples.
pub fn credential_names() -> CredentialNames {
    #[cfg(feature = "hydrate")]
    let names = leptos::prelude::document()
        .document_element()
        .and_then(|root| root.get_attribute("data-credential-names"))
        .and_then(|names| names.parse().ok());
    #[cfg(not(feature = "hydrate"))]
    let names = leptos::prelude::use_context::<CredentialNames>();
    names.unwrap_or_default()
}
