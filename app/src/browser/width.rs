//! Whether the window has room for two things beside each other.

/// From this width on a request opens beside the list. `style/pages/logs-drawer.css` has the same.
#[cfg(feature = "hydrate")]
const BESIDE: &str = "(width >= 68.75rem)";

pub fn is_room_beside() -> bool {
    #[cfg(feature = "hydrate")]
    {
        let query = leptos::prelude::window().match_media(BESIDE).ok().flatten();
        query.is_some_and(|query| query.matches())
    }
    #[cfg(not(feature = "hydrate"))]
    false
}
