//! The list of help pages: their addresses, titles and parts.

/// One page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Document {
    Authentication,
    WebhookEvents,
    ApiKeysRotation,
    Security,
    ForwardAuth,
}

impl Document {
    pub(super) const ALL: [Self; 5] = [
        Self::Authentication,
        Self::WebhookEvents,
        Self::ApiKeysRotation,
        Self::Security,
        Self::ForwardAuth,
    ];

    /// The last segment of its address.
    pub(super) const fn slug(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::WebhookEvents => "webhook-events",
            Self::ApiKeysRotation => "api-keys-rotation",
            Self::Security => "security",
            Self::ForwardAuth => "forward-auth",
        }
    }

    pub(super) fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|document| document.slug() == slug)
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Authentication => "Authentication",
            Self::WebhookEvents => "Webhook events",
            Self::ApiKeysRotation => "API key rotation",
            Self::Security => "Security",
            Self::ForwardAuth => "Your own proxy",
        }
    }

    pub(super) const fn lead(self) -> &'static str {
        match self {
            Self::Authentication => {
                "The headers of every request, the errors you may get, and the rate limit."
            }
            Self::WebhookEvents => {
                "What we send to your webhooks, how it is signed, and what happens when a delivery fails."
            }
            Self::ApiKeysRotation => "How to replace an access secret without downtime.",
            Self::Security => {
                "How to verify that a delivery is genuine, and how Gatehouse protects your secrets."
            }
            Self::ForwardAuth => {
                "How your own proxy checks each request with Gatehouse before it forwards it to your API."
            }
        }
    }

    /// The headings of the page in their order: id and words. The pages take theirs from here.
    pub(super) const fn parts(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Authentication => &[
                ("headers", "The two headers"),
                ("environments", "Environments"),
                ("brands", "Acting for a brand"),
                ("errors", "Errors"),
                ("rate-limit", "Rate limit"),
                ("request-id", "Request ID"),
            ],
            Self::WebhookEvents => &[
                ("delivery", "The delivery"),
                ("answer", "Your response"),
                ("retries", "Retries"),
                ("states", "When nothing can be sent"),
                ("idempotency", "Duplicates and order"),
                ("catalogue", "Event types"),
            ],
            Self::ApiKeysRotation => &[
                ("steps", "Four steps"),
                ("is-it-used", "Is the old key still used?"),
                ("signatures", "Which key signs during rotation"),
                ("undetected", "What cannot be detected"),
                ("leaked", "A secret has leaked"),
            ],
            Self::Security => &[
                ("verify", "Verify a delivery"),
                ("example", "A worked example"),
                ("standard-webhooks", "Standard Webhooks headers"),
                ("addresses", "Where deliveries may go"),
                ("secrets", "How secrets are stored"),
                ("log", "What the log stores"),
            ],
            Self::ForwardAuth => &[
                ("address", "The address your proxy calls"),
                ("believed", "Which headers are trusted"),
                ("responses", "Responses"),
                ("configurations", "Configurations"),
            ],
        }
    }

    /// The text of one of its headings.
    pub(super) fn part(self, id: &str) -> &'static str {
        self.parts()
            .iter()
            .find(|(part, _)| *part == id)
            .map_or("", |(_, title)| *title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_found_by_its_address() {
        for document in Document::ALL {
            assert_eq!(Document::from_slug(document.slug()), Some(document));
        }
        assert_eq!(Document::from_slug("billing"), None);
    }
}
