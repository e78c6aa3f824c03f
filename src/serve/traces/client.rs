//! The HTTP of traces: one request a batch, on a thread of its own, with the client that storage uses.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::redirect::Policy;
use tokio::runtime::{Builder, Runtime};

use super::settings::Collector;

/// Most bytes of an answer that are read. It has a few words at most.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Why the last request had no answer, for the line in the log.
#[derive(Clone, Debug, Default)]
pub struct LastFault(Arc<Mutex<Option<String>>>);

impl LastFault {
    fn set(&self, fault: Option<String>) {
        *self.0.lock().unwrap_or_else(|e| e.into_inner()) = fault;
    }

    /// Takes it.
    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(|e| e.into_inner()).take()
    }
}

/// A client. Whoever sends waits: the queue of spans has a thread for that.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    runtime: Runtime,
    fault: LastFault,
}

impl Client {
    /// A client of a collector that notes in `fault` why it had no answer.
    ///
    /// # Errors
    /// The system gives no threads, or no certificates.
    pub fn new(to: &Collector, fault: LastFault) -> Result<Self, String> {
        // Of two providers that are linked, or of none, rustls chooses none. A program that has chosen one keeps it.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .timeout(to.timeout)
            // Headers may hold a password, which is for this address alone.
            .redirect(Policy::none())
            // The next batch is sent seconds later, and nobody looks after connections until then.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("origami/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| cause(&e.without_url()))?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        Ok(Self { http, runtime, fault })
    }

    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let sent = self.http.request(head.method, head.uri.to_string()).headers(head.headers).body(body);
        let mut answer = sent.send().await.map_err(reqwest::Error::without_url)?;
        let mut body = Vec::new();
        while body.len() < MAX_ANSWER_BYTES
            && let Some(part) = answer.chunk().await.map_err(reqwest::Error::without_url)?
        {
            body.extend_from_slice(&part);
        }
        let mut response = Response::builder().status(answer.status());
        if let Some(headers) = response.headers_mut() {
            headers.extend(answer.headers().clone());
        }
        Ok(response.body(body.into())?)
    }
}

impl HttpClient for Client {
    // As `async_trait` writes it, in which the trait is declared.
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let answer = self.runtime.block_on(self.exchange(request));
        self.fault.set(answer.as_ref().err().map(|e| cause(e.as_ref())));
        Box::pin(std::future::ready(answer))
    }
}

/// The innermost cause: the others say that a request failed.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Duration;

    use reqwest::Url;

    use super::*;

    #[test]
    fn where_nobody_answers_the_cause_is_known_and_says_no_password() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let address = Url::parse(&format!("http://me:secret@{free}/v1/traces")).unwrap();
        let to = Collector { address, timeout: Duration::from_secs(60), is_named: false };
        let fault = LastFault::default();
        let client = Client::new(&to, fault.clone()).unwrap();
        let request = Request::post(to.address.as_str()).body(Bytes::from_static(b"spans")).unwrap();
        let answer = pollster::block_on(client.send_bytes(request)).unwrap_err();
        let said = fault.take().unwrap();
        assert!(said.starts_with("Connection refused"), "{said}");
        assert!(!format!("{answer:?} {said}").contains("secret"), "{answer:?}");
        assert_eq!(fault.take(), None);
    }
}
