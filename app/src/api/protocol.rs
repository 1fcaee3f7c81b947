//! How a call of a server function travels.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use http::Method;
use serde::de::DeserializeOwned;
use server_fn::client::Client;
use server_fn::codec::{IntoReq, Json};
use server_fn::redirect::call_redirect_hook;
use server_fn::response::ClientRes;
use server_fn::server::Server;
use server_fn::{Http, Protocol};

use crate::AppError;

const JSON: &str = "application/json";

/// On the wire and on the server this is `Http<Input, Json>`. In the browser, everything that is the same for all server
/// functions is compiled once instead of once for each. Responses are decoded from text, as the data in the page is,
/// because a type's decoder is compiled again for each kind of source.
#[derive(Debug)]
pub struct Rpc<Input>(PhantomData<Input>);

impl<Input, Call, Output, Browser, OnServer> Protocol<Call, Output, Browser, OnServer, AppError>
    for Rpc<Input>
where
    Http<Input, Json>: Protocol<Call, Output, Browser, OnServer, AppError>,
    Call: IntoReq<Input, Browser::Request, AppError> + Send,
    Output: DeserializeOwned + Send,
    Browser: Client<AppError>,
    OnServer: Server<AppError>,
{
    const METHOD: Method = <Http<Input, Json> as Protocol<Call, Output, Browser, OnServer, AppError>>::METHOD;

    fn run_server<F, Fut>(
        request: OnServer::Request,
        server_fn: F,
    ) -> impl Future<Output = Result<OnServer::Response, AppError>> + Send
    where
        F: Fn(Call) -> Fut + Send,
        Fut: Future<Output = Result<Output, AppError>> + Send,
    {
        Http::<Input, Json>::run_server(request, server_fn)
    }

    async fn run_client(path: &str, call: Call) -> Result<Output, AppError> {
        let request = call.into_req(path, JSON)?;
        let response = response_to::<Browser>(request).await?;
        decoded(&response)
    }
}

/// The text of a response that is not an error. Boxed, so that the functions that wait for it stay small.
fn response_to<Browser: Client<AppError>>(
    request: Browser::Request,
) -> Pin<Box<dyn Future<Output = Result<String, AppError>> + Send>> {
    Box::pin(async move {
        let response = Browser::send(request).await?;
        let (status, location) = (response.status(), response.location());
        let redirected = (300..=399).contains(&status) || response.has_redirect();
        let text = response.try_into_string().await?;
        if redirected {
            call_redirect_hook(&location);
        }
        if (400..=599).contains(&status) {
            return Err(decoded(&text).unwrap_or_else(|unreadable| unreadable));
        }
        Ok(text)
    })
}

fn decoded<T: DeserializeOwned>(text: &str) -> Result<T, AppError> {
    serde_json::from_str(text).map_err(|_| AppError::Unreachable)
}
