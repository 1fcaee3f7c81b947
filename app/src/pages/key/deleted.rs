//! The deleted keys below the list, in a part of the WASM that is loaded when they are shown.

use leptos::prelude::*;

use crate::api;
use crate::browser::html::{Markup, ShowMarkup};
use crate::pages::company::CompanyScope;
use crate::pages::loaded::Loaded;

pub(crate) fn deleted_keys_part((): ()) -> impl IntoView {
    let scope = CompanyScope::here();
    let drawn = Resource::new(move || scope.client_id(), api::keys::deleted_keys);
    view! {
        <Loaded
            resource=drawn
            render=move |markup: Markup| view! { <ShowMarkup markup=Signal::stored(markup) class="key-deleted" /> }.into_any()
        />
    }
}
