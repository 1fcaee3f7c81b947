//! The flags of `gatehouse admin deliveries`.

use clap::{Args, Subcommand};

/// `gatehouse admin deliveries …`.
#[derive(Clone, Debug, Subcommand)]
pub enum DeliveriesAction {
    /// Hold deliveries: they stay as they are, and nothing of them is sent until they are resumed
    ///
    /// An attempt that is under way runs to its end; if it fails, the next one waits. Deliveries of events that are
    /// published after the command began are not held: to stop those too, pause the webhook. Without --yes, the command
    /// only says how many it would hold.
    Hold(DeliverySelection),
    /// Resume deliveries that were held: each is sent when it was due, or now if that time has passed
    ///
    /// Without --yes, the command only says how many it would resume.
    Resume(DeliverySelection),
    /// Cancel deliveries that wait, held or not: they end, and only a replay of each sends it
    ///
    /// An attempt that is under way runs to its end, and may still deliver. A cancelled delivery stays in the
    /// history, as cancelled. Without --yes, the command only says how many it would cancel.
    Cancel(DeliverySelection),
}

/// Which deliveries. Several flags together select what fits all of them.
#[derive(Clone, Debug, Args)]
pub struct DeliverySelection {
    /// Those of this company. Its brands are companies of their own
    #[arg(long)]
    pub client_id: Option<String>,
    /// Those of this webhook, by its id
    #[arg(long, value_name = "ID")]
    pub webhook: Option<String>,
    /// Those of events of this type
    #[arg(long, value_name = "TYPE")]
    pub event_type: Option<String>,
    /// Those of events that were accepted at this time or later, such as 2027-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Those of events that were accepted at this time or earlier
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// All deliveries of the installation
    #[arg(long, conflicts_with_all = ["client_id", "webhook", "event_type", "from", "until"])]
    pub all: bool,
    /// Do it
    #[arg(long)]
    pub yes: bool,
}
