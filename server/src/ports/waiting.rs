//! Ports whose service is not wired yet.

use app::AppError;
use app::ports::SeeWebhooks;
use async_trait::async_trait;
use bytes::Bytes;
use gateway::{Caller, LocalApi};
use model::{
    Delivery, DeliveryId, DeliveryRow, InvalidWebhook, RequestId, WebhookDetail, WebhookDraft, WebhookId, WebhookRow,
};

pub(super) struct Waiting;

fn later<T>() -> Result<T, AppError> {
    Err(AppError::Unavailable("This part of the server is not running.".to_owned()))
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

pub(crate) struct NoPublicApi;

#[async_trait]
impl LocalApi for NoPublicApi {
    fn takes(&self, _: &str) -> bool {
        false
    }
    async fn answer(&self, _: Caller, _: http::Request<Bytes>) -> http::Response<Bytes> {
        gateway::errors::not_found()
    }
}
