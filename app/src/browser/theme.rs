//! Light or dark. The choice is a cookie that the server reads into `<html data-theme>`, so nothing flashes.

/// The cookie's name; its value is [`Theme::as_str`].
pub const COOKIE: &str = "gatehouse-theme";

/// What the person chose; `System` follows the system and is the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    /// The value of the cookie and of `data-theme`; empty for the system's choice.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// From the cookie's value; anything unknown is the system's choice.
    pub fn from_cookie(value: &str) -> Self {
        match value {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// The look the page has right now, the system's choice resolved.
pub fn in_use() -> Theme {
    #[cfg(feature = "hydrate")]
    {
        use leptos::prelude::{document, window};
        let chosen = document()
            .document_element()
            .and_then(|root| root.get_attribute("data-theme"));
        match Theme::from_cookie(&chosen.unwrap_or_default()) {
            Theme::System => {
                let dark = window()
                    .match_media("(prefers-color-scheme: dark)")
                    .ok()
                    .flatten();
                if dark.is_some_and(|query| query.matches()) {
                    Theme::Dark
                } else {
                    Theme::Light
                }
            }
            chosen => chosen,
        }
    }
    #[cfg(not(feature = "hydrate"))]
    Theme::System
}

/// Changes the look at once and remembers it for a year.
pub fn choose(theme: Theme) {
    #[cfg(feature = "hydrate")]
    {
        use leptos::prelude::document;
        use wasm_bindgen::JsCast;
        if let Some(root) = document().document_element() {
            // Neither an attribute with a fixed name nor a cookie can fail to be set here.
            let _ = root.set_attribute("data-theme", theme.as_str());
        }
        let document: web_sys::HtmlDocument = document().unchecked_into();
        let _ = document.set_cookie(&format!(
            "{COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax",
            theme.as_str()
        ));
    }
    #[cfg(not(feature = "hydrate"))]
    let _ = theme;
}
