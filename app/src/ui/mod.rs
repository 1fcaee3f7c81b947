//! The primitives every page is built from: one component per file, its style in `style/components/`, each of them in
//! every state on `/design`. Pages use these and write no class of their own except the layout classes listed in
//! `style/layout.css`.
//!
//! No primitive touches the browser itself; that is the job of [`crate::browser`].

pub mod badge;
pub mod button;
pub mod card;
pub mod code;
pub mod copy_button;
pub mod dialog;
pub mod empty_state;
pub mod field;
pub mod icon;
pub mod key_value;
pub mod nav_tabs;
pub mod next_steps;
pub mod notice;
pub mod number;
pub mod page;
pub mod pagination;
pub mod secret;
pub mod select;
pub mod snippets;
pub mod table;
pub mod theme_switch;
pub mod time;
pub mod title;
pub mod toast;
pub mod will_appear;

pub use badge::{
    Badge, EnvironmentBadge, RowStatus, State, StateBadge, StatusBadge, Tone, status_number, status_word,
};
pub use button::{Button, ButtonKind, ButtonLink, ButtonSize};
pub use card::{Card, Section};
pub use code::Code;
pub use copy_button::{CopyButton, CopyFetchedButton, CopyLook, CopyRefused};
pub use dialog::{Dialog, DialogActions, DialogKind};
pub use empty_state::EmptyState;
pub use field::{Checkbox, Field, FieldKind};
pub use icon::{Icon, IconName, SPRITE};
pub use key_value::{KeyValue, KeyValueList};
pub use nav_tabs::{NavTab, NavTabs};
pub use next_steps::{NextStep, NextSteps};
pub use notice::Notice;
pub use number::grouped;
pub use page::{BackLink, PageHeader, SkipLink};
pub use pagination::Pagination;
pub use secret::{RevealSlot, Secret};
pub use select::{Select, SelectOption};
pub use snippets::{Snippet, SnippetTabs};
pub use table::{Cell, Column, Narrow, RowLink, Table, TableGroup};
pub use theme_switch::ThemeSwitch;
pub use time::{
    Countdown, Time, TimeStyle, ZoneNote, both_text, duration_text, milliseconds_text, relative_text,
    without_year,
};
#[cfg(feature = "ssr")]
pub use time::{full_time, row_time};
pub use title::Title;
pub use toast::{ToastRegion, Toasts};
pub use will_appear::WillAppear;
