//! Addresses of the list of a webhook's deliveries and of one delivery, with the filter in them.

use model::{DeliveryId, DeliveryView, WebhookId};

use crate::pages::company::CompanyScope;

/// `/c/…/webhooks/…/deliveries?state=failing`.
pub(super) fn of_list(scope: CompanyScope, webhook: WebhookId, view: &DeliveryView) -> String {
    with_query(scope.path(&format!("webhooks/{webhook}/deliveries")), view)
}

/// A delivery's own page. The filter of the list that it was opened from is in its address, so that the links to its neighbours and
/// back to the list keep it.
pub(super) fn of_delivery(
    scope: CompanyScope,
    webhook: WebhookId,
    delivery: DeliveryId,
    view: &DeliveryView,
) -> String {
    let own = scope.path(&format!("webhooks/{webhook}/deliveries/{delivery}"));
    with_query(own, &view.first_page())
}

pub(super) fn with_query(path: String, view: &DeliveryView) -> String {
    let query = view.to_string();
    if query.is_empty() {
        path
    } else {
        format!("{path}?{query}")
    }
}
