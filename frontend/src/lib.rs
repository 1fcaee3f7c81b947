//! The WASM entry: loads what the first page needs, hydrates it, then says so on `<html>` for whoever waits for it
//! (styles, end-to-end tests).

use wasm_bindgen::prelude::wasm_bindgen;

/// Called once by the script that the server put into the page.
#[wasm_bindgen]
pub fn hydrate() {
    // Without this a panic reaches the console as "unreachable" and nothing else.
    std::panic::set_hook(Box::new(|panic| leptos::logging::error!("{panic}")));
    wasm_bindgen_futures::spawn_local(async {
        // Where it does not come the page stays as the server made it: its links and forms work.
        if app::chunks::load_first(&app::browser::path()).await.is_ok() {
            leptos::mount::hydrate_body(app::App);
            app::browser::mark_hydrated();
        }
    });
}
