//! Ports whose service is not wired yet.

use app::AppError;
use app::ports::{SeeKeys, SeeLogs, SeeWebhooks};
use async_trait::async_trait;
use model::{
    DeletionFacts, Delivery, DeliveryId, DeliveryRow, InvalidWebhook, KeyGroup, KeyId, LogEntry, LogFilter, LogPage,
    RequestId, WebhookDetail, WebhookDraft, WebhookId, WebhookRow,
};

pub(super) struct Waiting;

fn later<T>() -> Result<T, AppError> {
    Err(AppError::Unavailable("This part of the server is not running.".to_owned()))
}

#[async_trait]
impl SeeKeys for Waiting {
    async fn list(&self) -> Result<Vec<KeyGroup>, AppError> {
        later()
    }
    async fn deletion_facts(&self, _: KeyId) -> Result<DeletionFacts, AppError> {
        later()
    }
}

#[async_trait]
impl SeeLogs for Waiting {
    async fn page(&self, _: &LogFilter) -> Result<LogPage, AppError> {
        later()
    }
    async fn entry(&self, _: RequestId) -> Result<LogEntry, AppError> {
        later()
    }
}

#[async_trait]
impl SeeWebhooks for Waiting {
    async fn list(&self) -> Result<Vec<WebhookRow>, AppError> {
        later()
    }
    async fn detail(&self, _: WebhookId) -> Result<WebhookDetail, AppError> {
        later()
    }
    async fn delivery(&self, _: DeliveryId) -> Result<Delivery, AppError> {
        later()
    }
    async fn deliveries_of_request(&self, _: RequestId) -> Result<Vec<DeliveryRow>, AppError> {
        later()
    }
    async fn check(&self, _: &WebhookDraft) -> Result<Vec<InvalidWebhook>, AppError> {
        later()
    }
}
