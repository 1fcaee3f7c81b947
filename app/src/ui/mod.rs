//! The primitives every page is built from: one component per file, its style in `style/components/`, each of them in
//! every state on `/design`. Pages use these and write no class of their own except the layout classes listed in
//! `style/layout.css`.
//!
//! No primitive touches the browser itself; what needs it stands in [`crate::browser`].

mod badge;
mod button;
mod card;
mod code;
mod copy_button;
mod dialog;
mod empty_state;
mod field;
mod icon;
mod key_value;
mod nav_tabs;
mod next_steps;
mod notice;
mod page;
mod pagination;
mod secret;
mod select;
mod snippets;
mod table;
mod theme_switch;
mod time;
mod toast;

pub use badge::{Badge, EnvironmentBadge, State, StateBadge, StatusBadge, Tone};
pub use button::{Button, ButtonKind, ButtonLink, ButtonSize};
pub use card::{Card, Section};
pub use code::Code;
pub use copy_button::{CopyButton, CopyFetchedButton, CopyLook, CopyRefused};
pub use dialog::{Dialog, DialogActions, DialogKind};
pub use empty_state::EmptyState;
pub use field::{Checkbox, Field, FieldKind};
pub use icon::{Icon, IconName};
pub use key_value::{KeyValue, KeyValueList};
pub use nav_tabs::{NavTab, NavTabs};
pub use next_steps::{NextStep, NextSteps};
pub use notice::Notice;
pub use page::{PageHeader, SkipLink};
pub use pagination::Pagination;
pub use secret::{RevealSlot, Secret};
pub use select::{Select, SelectOption};
pub use snippets::{Snippet, SnippetTabs};
pub use table::{Cell, Column, Narrow, RowLink, Table, TableGroup};
pub use theme_switch::ThemeSwitch;
pub use time::{Countdown, Time, TimeStyle, duration_text, relative_text};
pub use toast::{ToastRegion, Toasts};
