//! Which addresses webhooks of this installation may have, as its pages say it. `webhooks::Policy` decides it.

use std::fmt;

/// The networks that the operator allows beside public addresses over https; none in most installations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReach(Vec<String>);

impl DeliveryReach {
    /// Networks as the operator writes them: `10.1.0.0/16`, `10.1.0.0/16:443`.
    pub fn new(networks: impl IntoIterator<Item = String>) -> Self {
        Self(networks.into_iter().collect())
    }

    pub fn is_public_only(&self) -> bool {
        self.0.is_empty()
    }

    /// From what it displays as.
    pub fn from_text(text: &str) -> Self {
        Self::new(text.split_whitespace().map(str::to_owned))
    }

    /// What a webhook's URL must be, in a sentence or two.
    pub fn rule(&self) -> String {
        let public = "Must start with https:// and lead to a public address.";
        if self.is_public_only() {
            return public.to_owned();
        }
        let mut places = Vec::new();
        for network in &self.0 {
            let place = match network.as_str() {
                "127.0.0.0/8" | "::1/128" => "on this machine".to_owned(),
                network => format!("in {network}"),
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        format!(
            "{public} Addresses {} are also allowed, with http:// or https://.",
            places.join(" or ")
        )
    }
}

/// The networks with a space between two; none contains one.
impl fmt::Display for DeliveryReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_names_every_network_that_is_allowed_once() {
        assert_eq!(
            DeliveryReach::default().rule(),
            "Must start with https:// and lead to a public address."
        );
        let reach = DeliveryReach::from_text("10.0.0.0/8:443 127.0.0.0/8 ::1/128");
        assert_eq!(
            reach.rule(),
            "Must start with https:// and lead to a public address. Addresses in 10.0.0.0/8:443 or on this machine are \
             also allowed, with http:// or https://."
        );
        assert_eq!(DeliveryReach::from_text(&reach.to_string()), reach);
    }
}
