//! The WASM entry point. It loads what the first page needs, hydrates the page, then marks `<html>`, which styles and
//! the end-to-end tests look for.

use wasm_bindgen::prelude::wasm_bindgen;

/// Called once by the script that the server put into the page.
#[wasm_bindgen]
pub fn hydrate() {
    // Without this, the console would show only "unreachable" after a panic.
    std::panic::set_hook(Box::new(|panic| leptos::logging::error!("{panic}")));
    wasm_bindgen_futures::spawn_local(async {
        // If loading fails, the page stays as the server rendered it, with working links and forms.
        if app::chunks::load_first(&app::browser::address()).await.is_ok() {
            leptos::mount::hydrate_body(app::App);
            app::browser::mark_hydrated();
        }
    });
}
