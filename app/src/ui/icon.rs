//! Pictures from the sprite `public/icons.svg`. They accompany words and never replace them, so they are hidden from
//! assistive technology.

use leptos::prelude::*;

/// One symbol of the sprite; its id there is [`IconName::as_str`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IconName {
    Alert,
    ArrowLeft,
    ArrowRight,
    Ban,
    Book,
    Building,
    Check,
    ChevronDown,
    ChevronRight,
    Clock,
    Copy,
    Cross,
    Eye,
    EyeOff,
    Flask,
    Gate,
    Hold,
    Inbox,
    Info,
    Key,
    List,
    Lock,
    Moon,
    Pause,
    Plus,
    Pulse,
    Redirect,
    Retry,
    Search,
    Send,
    Shield,
    SignOut,
    Skip,
    Sun,
    Terminal,
    Trash,
    User,
    Webhook,
}

impl IconName {
    pub const ALL: [Self; 38] = [
        Self::Alert,
        Self::ArrowLeft,
        Self::ArrowRight,
        Self::Ban,
        Self::Book,
        Self::Building,
        Self::Check,
        Self::ChevronDown,
        Self::ChevronRight,
        Self::Clock,
        Self::Copy,
        Self::Cross,
        Self::Eye,
        Self::EyeOff,
        Self::Flask,
        Self::Gate,
        Self::Hold,
        Self::Inbox,
        Self::Info,
        Self::Key,
        Self::List,
        Self::Lock,
        Self::Moon,
        Self::Pause,
        Self::Plus,
        Self::Pulse,
        Self::Redirect,
        Self::Retry,
        Self::Search,
        Self::Send,
        Self::Shield,
        Self::SignOut,
        Self::Skip,
        Self::Sun,
        Self::Terminal,
        Self::Trash,
        Self::User,
        Self::Webhook,
    ];

    /// The symbol's id in the sprite.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::ArrowLeft => "arrow-left",
            Self::ArrowRight => "arrow-right",
            Self::Ban => "ban",
            Self::Book => "book",
            Self::Building => "building",
            Self::Check => "check",
            Self::ChevronDown => "chevron-down",
            Self::ChevronRight => "chevron-right",
            Self::Clock => "clock",
            Self::Copy => "copy",
            Self::Cross => "cross",
            Self::Eye => "eye",
            Self::EyeOff => "eye-off",
            Self::Flask => "flask",
            Self::Gate => "gate",
            Self::Hold => "hold",
            Self::Inbox => "inbox",
            Self::Info => "info",
            Self::Key => "key",
            Self::List => "list",
            Self::Lock => "lock",
            Self::Moon => "moon",
            Self::Pause => "pause",
            Self::Plus => "plus",
            Self::Pulse => "pulse",
            Self::Redirect => "redirect",
            Self::Retry => "retry",
            Self::Search => "search",
            Self::Send => "send",
            Self::Shield => "shield",
            Self::SignOut => "sign-out",
            Self::Skip => "skip",
            Self::Sun => "sun",
            Self::Terminal => "terminal",
            Self::Trash => "trash",
            Self::User => "user",
            Self::Webhook => "webhook",
        }
    }
}

/// The sprite's address. It carries a hash of the sprite, so that a browser asks for it once and keeps it: under a name
/// that stays, each page asked for it again.
pub const SPRITE: &str = match std::str::from_utf8(&SPRITE_BYTES) {
    Ok(address) => address,
    Err(_) => "/icons.svg",
};

const SPRITE_BYTES: [u8; 27] = sprite_address(fnv_1a(include_bytes!("../../../public/icons.svg")));

const fn sprite_address(hash: u64) -> [u8; 27] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut address = *b"/icons-0000000000000000.svg";
    let mut at = 0;
    while at < 16 {
        address[7 + at] = HEX[(hash >> (60 - 4 * at)) as usize & 15];
        at += 1;
    }
    address
}

/// Fowler, Noll and Vo: names a content and protects nothing.
const fn fnv_1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}

/// `<svg class="icon" width="16" height="16" aria-hidden="true"><use href="/icons-….svg#lock"></use></svg>`
#[component]
pub fn Icon(name: IconName) -> impl IntoView {
    let href = format!("{SPRITE}#{}", name.as_str());
    view! {
        <svg class="icon" width="16" height="16" aria-hidden="true" focusable="false">
            <use href=href></use>
        </svg>
    }
}
