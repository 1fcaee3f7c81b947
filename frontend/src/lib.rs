//! The WASM entry: hydrates the page, then says so on `<html>` for whoever waits for it (styles, end-to-end tests).

use wasm_bindgen::prelude::wasm_bindgen;

/// Called once by the script that the server put into the page.
#[wasm_bindgen]
pub fn hydrate() {
    // Without this a panic reaches the console as "unreachable" and nothing else.
    std::panic::set_hook(Box::new(|panic| leptos::logging::error!("{panic}")));
    leptos::mount::hydrate_body(app::App);
    app::browser::mark_hydrated();
}
