//! Parts of the WASM that are loaded when they are used. `chunks.rs` names them; what uses one is given its loader.

use std::future::Future;
use std::pin::Pin;

/// Something from such a part, once the part is loaded.
pub(crate) type Coming<T> = Pin<Box<dyn Future<Output = Result<T, NotLoaded>>>>;

/// It could not be loaded: the connection failed, or the server has another build by now. The browser's console says which.
#[derive(Clone, Copy, Debug)]
pub struct NotLoaded;

#[cfg(feature = "split")]
impl From<leptos::wasm_split::SplitLoaderError> for NotLoaded {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}
