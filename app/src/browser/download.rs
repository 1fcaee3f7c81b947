//! Sends a form and receives a file, with the page knowing how far it is. What has arrived is handed to the browser in
//! blobs, which it may keep on the disk, so a large file is never in the page's memory as a whole.

#[cfg(feature = "hydrate")]
use leptos::prelude::{LocalStorage, StoredValue, WithValue};

/// Ends a download.
#[derive(Clone, Copy, Debug)]
pub struct Abort {
    #[cfg(feature = "hydrate")]
    controller: StoredValue<Option<web_sys::AbortController>, LocalStorage>,
}

impl Abort {
    /// Must be called inside a component or its owner.
    #[expect(
        clippy::new_without_default,
        reason = "it belongs to the reactive owner it is made in"
    )]
    pub fn new() -> Self {
        Self {
            #[cfg(feature = "hydrate")]
            controller: StoredValue::new_local(web_sys::AbortController::new().ok()),
        }
    }

    /// The server learns of it, too. Does nothing if the download has ended.
    pub fn now(self) {
        #[cfg(feature = "hydrate")]
        self.controller.try_with_value(|controller| {
            if let Some(controller) = controller {
                controller.abort();
            }
        });
    }
}

/// Why there is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failed {
    /// The server's sentence.
    Refused(String),
    /// It was aborted, or the connection was lost.
    BrokenOff,
}

/// A file that has arrived.
#[derive(Clone, Debug)]
pub struct Received {
    #[cfg(feature = "hydrate")]
    file: web_sys::Blob,
    name: String,
}

impl Received {
    /// Puts it among the reader's downloads, and returns its name.
    pub fn save(self) -> String {
        #[cfg(feature = "hydrate")]
        page::save(&self.file, &self.name);
        self.name
    }
}

/// Posts the fields and receives the response. `see` gets each piece as it arrives.
pub async fn receive(
    action: &str,
    fields: &[(String, String)],
    abort: Abort,
    see: impl FnMut(&[u8]),
) -> Result<Received, Failed> {
    #[cfg(feature = "hydrate")]
    {
        page::receive(action, fields, abort, see).await
    }
    #[cfg(not(feature = "hydrate"))]
    {
        let _ = (action, fields, abort, see);
        Err(Failed::BrokenOff)
    }
}

#[cfg(feature = "hydrate")]
mod page {
    use std::time::Duration;

    use js_sys::{Array, Reflect, Uint8Array};
    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, JsValue};
    use wasm_bindgen_futures::JsFuture;
    use web_sys::{
        Blob, HtmlAnchorElement, ReadableStreamDefaultReader, RequestInit, Response, Url, UrlSearchParams,
    };

    use super::{Abort, Failed, Received};
    use crate::browser::timers;

    /// How long the browser has to begin with a file before it is let go of.
    const LET_GO: Duration = Duration::from_secs(60);
    /// Bytes in memory before they become a blob.
    const PIECE: usize = 4 * 1024 * 1024;

    impl From<JsValue> for Failed {
        fn from(_: JsValue) -> Self {
            Self::BrokenOff
        }
    }

    pub(super) async fn receive(
        action: &str,
        fields: &[(String, String)],
        abort: Abort,
        mut see: impl FnMut(&[u8]),
    ) -> Result<Received, Failed> {
        let response = ask(action, fields, abort).await?;
        if !response.ok() {
            return Err(refusal(&response).await);
        }
        let reader: ReadableStreamDefaultReader = match response.body() {
            Some(body) => body.get_reader().unchecked_into(),
            None => return Err(Failed::BrokenOff),
        };
        let (blobs, mut piece) = (Array::new(), Vec::with_capacity(PIECE));
        loop {
            let read = JsFuture::from(reader.read()).await?;
            let value = Reflect::get(&read, &"value".into())?;
            let Ok(bytes) = value.dyn_into::<Uint8Array>() else {
                break;
            };
            let begin = piece.len();
            piece.resize(begin + bytes.length() as usize, 0);
            bytes.copy_to(&mut piece[begin..]);
            see(&piece[begin..]);
            if piece.len() >= PIECE {
                blobs.push(&blob_of(&piece)?);
                piece.clear();
            }
        }
        blobs.push(&blob_of(&piece)?);
        Ok(Received {
            file: Blob::new_with_blob_sequence(&blobs)?,
            name: file_name(&response),
        })
    }

    fn blob_of(bytes: &[u8]) -> Result<JsValue, JsValue> {
        let parts = Array::of1(&Uint8Array::from(bytes));
        Blob::new_with_u8_array_sequence(&parts).map(JsValue::from)
    }

    async fn ask(action: &str, fields: &[(String, String)], abort: Abort) -> Result<Response, Failed> {
        let form = UrlSearchParams::new()?;
        for (name, value) in fields {
            form.append(name, value);
        }
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(&form);
        abort.controller.try_with_value(|controller| {
            let signal = controller.as_ref().map(web_sys::AbortController::signal);
            init.set_signal(signal.as_ref());
        });
        let response = JsFuture::from(window().fetch_with_str_and_init(action, &init)).await?;
        Ok(response.unchecked_into())
    }

    /// Text is a sentence for the page. Anything else is a page of its own, for those who follow a link.
    async fn refusal(response: &Response) -> Failed {
        let is_text = response
            .headers()
            .get("content-type")
            .is_ok_and(|kind| kind.is_some_and(|kind| kind.starts_with("text/plain")));
        let text = match response.text() {
            Ok(text) if is_text => JsFuture::from(text).await.ok().and_then(|text| text.as_string()),
            _ => None,
        };
        let sentence = text
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty());
        Failed::Refused(
            sentence.unwrap_or_else(|| "This is not allowed any more. Reload the page.".to_owned()),
        )
    }

    /// Ours are quoted and have no quotes in them.
    fn file_name(response: &Response) -> String {
        let disposition = response.headers().get("content-disposition").ok().flatten();
        let name = disposition
            .as_deref()
            .and_then(|text| text.split('"').nth(1))
            .unwrap_or("export");
        name.to_owned()
    }

    pub(super) fn save(file: &Blob, name: &str) {
        let Ok(url) = Url::create_object_url_with_blob(file) else {
            return;
        };
        if let Ok(link) = document().create_element("a") {
            let link: HtmlAnchorElement = link.unchecked_into();
            link.set_href(&url);
            link.set_download(name);
            link.click();
        }
        timers::later(LET_GO, move || {
            // Fails only for a text that is no URL.
            let _ = Url::revoke_object_url(&url);
        });
    }
}
