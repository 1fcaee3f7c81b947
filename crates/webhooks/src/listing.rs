//! The list of a webhook's deliveries, for the pages and the public API: a page of those that match a filter, what has become of the
//! rows that are shown, and the deliveries beside one of them.

use model::{
    CompanyId, DeliveryCursor, DeliveryFilter, DeliveryId, DeliveryListing, DeliveryNeighbours, DeliveryNews,
    DeliveryPage, DeliveryPlace, DeliveryRow, DeliveryStateFilter, DeliveryView, Environment, Loosened,
    WebhookId,
};

use crate::storage::DeliveryList;
use crate::{Webhooks, WebhooksError};

/// How many conditions of a filter are left out one by one to see what there is without them.
const MOST_LOOSENED: usize = 8;

impl Webhooks {
    /// A page of at most `size` deliveries that match. With an environment, only a webhook in it is found.
    pub async fn deliveries(
        &self,
        company: CompanyId,
        environment: Option<Environment>,
        webhook: WebhookId,
        filter: &DeliveryFilter,
        cursor: DeliveryCursor,
        size: u32,
    ) -> Result<DeliveryPage, WebhooksError> {
        self.webhook(company, environment, webhook).await?;
        let list = DeliveryList {
            company,
            webhook,
            filter,
        };
        // One more than the page holds: if it is there, there is another page.
        let rows = self
            .parts()
            .store
            .pages
            .deliveries(list, cursor, size.saturating_add(1))
            .await?;
        Ok(page(rows, cursor, size as usize))
    }

    /// The page of the dashboard that a view shows.
    pub async fn delivery_listing(
        &self,
        company: CompanyId,
        id: WebhookId,
        view: &DeliveryView,
    ) -> Result<DeliveryListing, WebhooksError> {
        let webhook = self.webhook(company, None, id).await?;
        let filter = view.filter_at(self.now());
        let page = self
            .deliveries(company, None, id, &filter, view.cursor, DeliveryPage::ROWS)
            .await?;
        let on_hold = DeliveryList {
            company,
            webhook: id,
            filter: &DeliveryFilter {
                states: vec![DeliveryStateFilter::OnHold],
                ..DeliveryFilter::default()
            },
        };
        let on_hold = self
            .parts()
            .store
            .pages
            .count_list(on_hold, None, u64::MAX)
            .await?;
        let loosened = match page.rows.is_empty() && view.narrows() {
            true => self.loosened(company, id, view).await?,
            false => Vec::new(),
        };
        Ok(DeliveryListing {
            webhook,
            on_hold,
            page,
            loosened,
        })
    }

    /// What these rows of a list are now, and how many deliveries newer than `newest` match. Without `newest`, the list was
    /// empty.
    pub async fn delivery_news(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        filter: &DeliveryFilter,
        newest: Option<DeliveryPlace>,
        known: &[DeliveryId],
    ) -> Result<DeliveryNews, WebhooksError> {
        self.webhook(company, None, webhook).await?;
        let store = &self.parts().store.pages;
        let list = DeliveryList {
            company,
            webhook,
            filter,
        };
        let newer = store.count_list(list, newest, DeliveryNews::COUNTED + 1).await?;
        let known = &known[..known.len().min(DeliveryNews::KNOWN)];
        let known = match known {
            [] => Vec::new(),
            ids => store.deliveries_now(company, webhook, ids).await?,
        };
        Ok(DeliveryNews {
            known,
            newer: newer.min(DeliveryNews::COUNTED),
            and_more: newer > DeliveryNews::COUNTED,
        })
    }

    /// The deliveries that are next to this one among those that match, whether or not it matches.
    pub async fn delivery_neighbours(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        filter: &DeliveryFilter,
        id: DeliveryId,
    ) -> Result<DeliveryNeighbours, WebhooksError> {
        let store = &self.parts().store.pages;
        let found = store.deliveries_now(company, webhook, &[id]).await?;
        let place = DeliveryPlace::of(found.first().ok_or(WebhooksError::NotFound)?);
        let list = DeliveryList {
            company,
            webhook,
            filter,
        };
        let newer = store.deliveries(list, DeliveryCursor::After(place), 1).await?;
        let older = store.deliveries(list, DeliveryCursor::Before(place), 1).await?;
        let id = |rows: Vec<DeliveryRow>| rows.first().map(|row| row.id);
        Ok(DeliveryNeighbours {
            newer: id(newer),
            older: id(older),
        })
    }

    /// For a list with nothing in it: which single conditions are why, and how many deliveries there are without each.
    async fn loosened(
        &self,
        company: CompanyId,
        webhook: WebhookId,
        view: &DeliveryView,
    ) -> Result<Vec<Loosened>, WebhooksError> {
        let (store, now) = (&self.parts().store.pages, self.now());
        let mut all = Vec::new();
        for view in view.looser().into_iter().take(MOST_LOOSENED) {
            let filter = view.filter_at(now);
            let list = DeliveryList {
                company,
                webhook,
                filter: &filter,
            };
            let deliveries = store.count_list(list, None, Loosened::COUNTED + 1).await?;
            if deliveries > 0 {
                all.push(Loosened { view, deliveries });
            }
        }
        Ok(all)
    }
}

/// The rows without the additional one, and where the pages beside them begin.
fn page(mut rows: Vec<DeliveryRow>, cursor: DeliveryCursor, size: usize) -> DeliveryPage {
    let more = rows.len() > size;
    match cursor {
        DeliveryCursor::After(_) if more => drop(rows.remove(0)),
        _ => rows.truncate(size),
    }
    let (has_older, has_newer) = match cursor {
        DeliveryCursor::Newest => (more, false),
        DeliveryCursor::Before(_) => (more, true),
        DeliveryCursor::After(_) => (true, more),
    };
    let (first, last) = (
        rows.first().map(DeliveryPlace::of),
        rows.last().map(DeliveryPlace::of),
    );
    DeliveryPage {
        older: last.filter(|_| has_older),
        newer: first.filter(|_| has_newer),
        rows,
    }
}
