//! The catalogue: which event types an installation has, in groups, each with what it means and an example. The server
//! reads it and sends pages the part that they show.

use serde::{Deserialize, Serialize};

use crate::EventType;

/// One event type of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventEntry {
    pub event_type: EventType,
    /// The heading that it is listed under.
    pub group: String,
    /// When it is sent, in one sentence.
    pub description: String,
    /// The payload of a test event, a JSON object. Empty where a page does not show it.
    pub sample: String,
    /// What payloads should look like, a JSON Schema. None where there is none, or a page does not show it.
    pub schema: Option<String>,
    /// The members of the sample, in its order.
    pub fields: Vec<String>,
    /// The operator has removed it: webhooks that subscribe to it keep it, and nothing new can use it.
    pub removed: bool,
}

/// The event types of an installation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue(Vec<EventEntry>);

impl Catalogue {
    /// Brings types of the same group together. Groups are in the order of their first types.
    pub fn new(entries: Vec<EventEntry>) -> Self {
        let mut groups: Vec<Vec<EventEntry>> = Vec::new();
        for entry in entries {
            match groups.iter_mut().find(|group| group[0].group == entry.group) {
                Some(group) => group.push(entry),
                None => groups.push(vec![entry]),
            }
        }
        Self(groups.into_iter().flatten().collect())
    }

    /// All types, removed ones too, in the order of their groups.
    pub fn entries(&self) -> &[EventEntry] {
        &self.0
    }

    /// A type, which may have been removed.
    pub fn get(&self, event_type: &EventType) -> Option<&EventEntry> {
        self.0.iter().find(|entry| entry.event_type == *event_type)
    }

    /// The types that something new can use.
    pub fn offered(&self) -> impl Iterator<Item = &EventEntry> {
        self.0.iter().filter(|entry| !entry.removed)
    }

    /// The types that something new can use and those of `kept`, as groups with their headings.
    pub fn groups(&self, kept: &[EventType]) -> Vec<(&str, Vec<&EventEntry>)> {
        let shown = |entry: &&EventEntry| !entry.removed || kept.contains(&entry.event_type);
        let by_group = self.0.chunk_by(|one, next| one.group == next.group);
        by_group
            .filter_map(|entries| {
                let group = entries.first()?.group.as_str();
                let entries: Vec<_> = entries.iter().filter(shown).collect();
                (!entries.is_empty()).then_some((group, entries))
            })
            .collect()
    }

    /// Without samples and schemas, which only the help page shows.
    #[must_use]
    pub fn brief(&self) -> Self {
        let brief = |entry: &EventEntry| EventEntry {
            event_type: entry.event_type.clone(),
            group: entry.group.clone(),
            description: entry.description.clone(),
            sample: String::new(),
            schema: None,
            fields: Vec::new(),
            removed: entry.removed,
        };
        Self(self.0.iter().map(brief).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(event_type: &str, group: &str, removed: bool) -> EventEntry {
        EventEntry {
            event_type: event_type.parse().expect("an event type"),
            group: group.to_owned(),
            description: String::new(),
            sample: "{}".to_owned(),
            schema: None,
            fields: Vec::new(),
            removed,
        }
    }

    #[test]
    fn types_of_a_group_come_together_and_removed_ones_are_shown_where_they_are_kept() {
        let catalogue = Catalogue::new(vec![
            entry("b", "Orders", false),
            entry("z", "Links", true),
            entry("a", "Orders", true),
            entry("c", "Orders", false),
        ]);
        let shown = |kept: &[EventType]| {
            let groups = catalogue.groups(kept).into_iter();
            groups
                .map(|(group, entries)| {
                    let names: Vec<_> = entries.iter().map(|entry| entry.event_type.as_str()).collect();
                    format!("{group}: {}", names.join(" "))
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(&[]), ["Orders: b c"]);
        let kept = ["z", "a"].map(|text| text.parse().expect("an event type"));
        assert_eq!(shown(&kept), ["Orders: b a c", "Links: z"]);
        let offered: Vec<_> = catalogue
            .offered()
            .map(|entry| entry.event_type.as_str())
            .collect();
        assert_eq!(offered, ["b", "c"]);
        assert!(catalogue.get(&kept[0]).is_some_and(|entry| entry.removed));
    }
}
