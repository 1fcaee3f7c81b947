//! The platform's modal dialog: focus stays inside, Esc closes, focus returns to what opened it.

use leptos::{html, prelude::*, text_prop::TextProp};

use super::{Icon, IconName};
use crate::browser::dialog;

/// `Alert` interrupts: it confirms something that cannot be undone, and is an `alertdialog`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DialogKind {
    #[default]
    Plain,
    Alert,
}

/// Closed in the server's HTML; `open` shows and closes it, and becomes false when the person closes it.
///
/// ```html
/// <dialog class="dialog" id="delete" role="alertdialog" aria-labelledby="delete-title" aria-describedby="delete-about">
///   <header class="dialog__head"><h2 id="delete-title">Delete this key?</h2><button … aria-label="Close">…</button></header>
///   <p class="dialog__about" id="delete-about">…</p>
///   <div class="dialog__body">…</div>        <!-- children; end them with DialogActions -->
/// </dialog>
/// ```
///
/// Focus starts on the control with `focus_first`: the least destructive one (Cancel). Should what opened the dialog be
/// gone when it closes (the row of a deleted key), focus goes to `return_focus_to`, the id of a heading.
#[component]
pub fn Dialog(
    #[prop(into)] id: String,
    open: RwSignal<bool>,
    #[prop(into)] title: TextProp,
    #[prop(optional, into)] about: Option<TextProp>,
    #[prop(optional)] kind: DialogKind,
    #[prop(optional, into)] return_focus_to: Option<String>,
    /// Runs whenever it is closed, however that happens. Use it to forget what it showed.
    #[prop(optional, into)]
    on_close: Option<Callback<()>>,
    children: Children,
) -> impl IntoView {
    let node = NodeRef::<html::Dialog>::new();
    dialog::follow(move || node.get(), open, return_focus_to);
    let closed = move |_| {
        open.set(false);
        if let Some(on_close) = on_close {
            on_close.run(());
        }
    };
    let (title_id, about_id) = (format!("{id}-title"), format!("{id}-about"));
    let labelled_by = title_id.clone();
    let described_by = about.is_some().then(|| about_id.clone());
    view! {
        <dialog
            class="dialog"
            id=id
            role=(kind == DialogKind::Alert).then_some("alertdialog")
            aria-labelledby=labelled_by
            aria-describedby=described_by
            node_ref=node
            on:close=closed
        >
            <header class="dialog__head">
                <h2 id=title_id>{move || title.get().into_owned()}</h2>
                <button
                    type="button"
                    class="button"
                    data-kind="quiet"
                    data-size="small"
                    aria-label="Close"
                    on:click=move |_| open.set(false)
                >
                    <Icon name=IconName::Cross />
                </button>
            </header>
            {about
                .map(|about| view! { <p class="dialog__about" id=about_id>{move || about.get().into_owned()}</p> })}
            <div class="dialog__body">{children()}</div>
        </dialog>
    }
}

/// The buttons at a dialog's end, the decisive one last.
///
/// `<footer class="dialog__actions">…</footer>`
#[component]
pub fn DialogActions(children: Children) -> impl IntoView {
    view! { <footer class="dialog__actions">{children()}</footer> }
}
