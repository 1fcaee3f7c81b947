//! Writes to the clipboard. Either the whole text gets there, or the clipboard keeps what it had and the caller gets a
//! sentence that says why.

use std::{future::Future, pin::Pin};

/// Why nothing was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyRefused {
    /// Shown beside the button, in words.
    Say(String),
    /// The page already shows why, for instance by asking for the password.
    Handled,
}

/// A text that is being fetched.
pub type Fetched = Pin<Box<dyn Future<Output = Result<String, CopyRefused>>>>;

/// Writes `text`, then calls `done`.
pub fn write(text: String, done: impl FnOnce(Result<(), CopyRefused>) + 'static) {
    #[cfg(feature = "hydrate")]
    leptos::task::spawn_local(async move { done(page::write_text(&text).await) });
    #[cfg(not(feature = "hydrate"))]
    let _ = (text, done);
}

/// Writes what `fetched` resolves to, then calls `done`. Must be called inside the click: the clipboard gets a promise
/// immediately, because some browsers allow the write only there.
pub fn write_fetched(fetched: Fetched, done: impl FnOnce(Result<(), CopyRefused>) + 'static) {
    #[cfg(feature = "hydrate")]
    page::write_promised(fetched, done);
    #[cfg(not(feature = "hydrate"))]
    let _ = (fetched, done);
}

#[cfg(feature = "hydrate")]
mod page {
    use std::{cell::RefCell, rc::Rc};

    use js_sys::{Array, Object, Reflect};
    use leptos::prelude::window;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::{JsFuture, future_to_promise};
    use web_sys::{Blob, BlobPropertyBag, Clipboard, ClipboardItem};

    use super::{CopyRefused, Fetched};

    const PLAIN: &str = "text/plain";

    fn unsupported() -> CopyRefused {
        CopyRefused::Say(
            "Nothing was copied: this browser allows copying only over https or on localhost.".to_owned(),
        )
    }

    fn not_allowed() -> CopyRefused {
        CopyRefused::Say("Nothing was copied: the browser blocked it. Press Copy again.".to_owned())
    }

    /// Outside a secure context `navigator.clipboard` is undefined, whatever its type says.
    fn clipboard() -> Result<Clipboard, CopyRefused> {
        Reflect::get(&window().navigator(), &"clipboard".into())
            .ok()
            .filter(|clipboard| !clipboard.is_undefined())
            .map(JsCast::unchecked_into)
            .ok_or_else(unsupported)
    }

    fn has_clipboard_item() -> bool {
        Reflect::has(&window(), &"ClipboardItem".into()).unwrap_or(false)
    }

    pub(super) async fn write_text(text: &str) -> Result<(), CopyRefused> {
        JsFuture::from(clipboard()?.write_text(text))
            .await
            .map(drop)
            .map_err(|_| not_allowed())
    }

    pub(super) fn write_promised(fetched: Fetched, done: impl FnOnce(Result<(), CopyRefused>) + 'static) {
        let clipboard = match clipboard() {
            Ok(clipboard) => clipboard,
            Err(refused) => return done(Err(refused)),
        };
        if !has_clipboard_item() {
            leptos::task::spawn_local(async move {
                done(match fetched.await {
                    Ok(text) => write_text(&text).await,
                    Err(refused) => Err(refused),
                });
            });
            return;
        }
        // The promise given to the clipboard can only be rejected with a value; the reason waits here for `done`.
        let refused = Rc::new(RefCell::new(None));
        let blob = {
            let refused = Rc::clone(&refused);
            future_to_promise(async move {
                match fetched.await {
                    Ok(text) => as_blob(&text),
                    Err(reason) => {
                        *refused.borrow_mut() = Some(reason);
                        Err(JsValue::NULL)
                    }
                }
            })
        };
        let items = Object::new();
        let item = Reflect::set(&items, &PLAIN.into(), &blob)
            .and_then(|_| ClipboardItem::new_with_record_from_str_to_blob_promise(&items));
        let Ok(item) = item else {
            return done(Err(not_allowed()));
        };
        let written = clipboard.write(&Array::of1(&item));
        leptos::task::spawn_local(async move {
            let outcome = JsFuture::from(written).await;
            // A browser may give up before the text arrives; the fetch's own error is still the better reason.
            let _ = JsFuture::from(blob).await;
            done(match (refused.take(), outcome) {
                (Some(reason), _) => Err(reason),
                (None, Ok(_)) => Ok(()),
                (None, Err(_)) => Err(not_allowed()),
            });
        });
    }

    fn as_blob(text: &str) -> Result<JsValue, JsValue> {
        let options = BlobPropertyBag::new();
        options.set_type(PLAIN);
        Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &options).map(JsValue::from)
    }
}
