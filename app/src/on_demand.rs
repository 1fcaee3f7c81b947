//! Parts of the WASM that are loaded when they are used. `chunks.rs` names them; what uses one is given its loader.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use leptos::prelude::AnyView;

/// Something from such a part, once the part is loaded.
pub(crate) type Coming<T> = Pin<Box<dyn Future<Output = Result<T, NotLoaded>>>>;

/// A part of a page.
#[derive(Clone, Copy)]
pub(crate) struct Part<T> {
    pub(crate) load: fn() -> Coming<()>,
    /// Its view, at once if it is loaded.
    pub(crate) view: fn(T) -> Coming<AnyView>,
}

// Not derived: a derive would ask for `T: Debug`.
impl<T> fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").finish_non_exhaustive()
    }
}

/// What is there already; otherwise the future, to be awaited.
pub(crate) fn now<T>(mut coming: Coming<T>) -> Result<Result<T, NotLoaded>, Coming<T>> {
    match coming.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Ok(outcome),
        Poll::Pending => Err(coming),
    }
}

/// It could not be loaded: the connection failed, or the server has another build by now. The browser's console says which.
#[derive(Clone, Copy, Debug)]
pub struct NotLoaded;

#[cfg(feature = "split")]
impl From<leptos::wasm_split::SplitLoaderError> for NotLoaded {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}
