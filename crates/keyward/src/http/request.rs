//! What is known of a request before anybody reads it: its id, the client's address, the route; and the access
//! log.
//!
//! It travels beside the request's task rather than in its extensions or in a tracing span: both would cost
//! every request several allocations, and so would the log lines that nobody asked for. [`crate::log`] puts the
//! id into each line that is written while the request runs.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request};
use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use ipnet::IpNet;
use keyward_core::random::Random;
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tower::{Layer, Service};

use crate::http::origin::client_address;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Under what the access log is written, one line for each request at the level `debug`.
const ACCESS: &str = "keyward::access";
/// The longest id that is taken over from a client, characters.
const REQUEST_ID_LENGTH: usize = 64;

tokio::task_local! {
    static CURRENT: Facts;
}

/// What is known of the request that this task answers.
struct Facts {
    request_id: RequestId,
    address: Option<IpAddr>,
    method: Method,
    route: Option<MatchedPath>,
}

/// The id of a request: in the answer's `X-Request-Id` and in every log line about it.
///
/// The client's own, if it is 1 to 64 of `A-Z`, `a-z`, `0-9`, `-` and `_`, else 32 random hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(X_REQUEST_ID)?;
        let is_good = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let bytes = value.as_bytes();
        ((1..=REQUEST_ID_LENGTH).contains(&bytes.len()) && bytes.iter().all(is_good))
            .then(|| Self(value.clone()))
    }

    fn generate(random: &Random) -> Self {
        let digits = format!("{:032x}", u128::from_be_bytes(random.bytes()));
        Self(HeaderValue::try_from(digits).unwrap_or(HeaderValue::from_static("-")))
    }
}

/// The id of the request that this task answers; `-` outside of any.
pub fn current_request_id() -> RequestId {
    let id = CURRENT.try_with(|facts| facts.request_id.clone());
    id.unwrap_or(RequestId(HeaderValue::from_static("-")))
}

/// Lets `use_it` have the text of the id of the request that this task answers, if it answers one.
pub(crate) fn with_current_request_id(use_it: impl FnOnce(&str)) {
    // Outside of a request there is nothing to tell, which is no mistake.
    let _ = CURRENT.try_with(|facts| use_it(facts.request_id.as_str()));
}

/// The address of the client whose request this task answers.
pub(super) fn current_address() -> Option<IpAddr> {
    CURRENT.try_with(|facts| facts.address).ok().flatten()
}

/// The method and the route of the current request; never the path, which may name people.
pub(super) fn current_route() -> (Method, String) {
    let route = CURRENT.try_with(|facts| (facts.method.clone(), facts.route().to_owned()));
    route.unwrap_or((Method::GET, "-".to_owned()))
}

impl Facts {
    fn route(&self) -> &str {
        self.route.as_ref().map_or("-", MatchedPath::as_str)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(current_request_id())
    }
}

/// The layer around all routes.
#[derive(Clone)]
pub(super) struct RequestLayer {
    trusted_proxies: Arc<[IpNet]>,
    random: Random,
}

impl RequestLayer {
    pub(super) fn new(trusted_proxies: Arc<[IpNet]>, random: Random) -> Self {
        Self { trusted_proxies, random }
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestService { inner, layer: self.clone() }
    }
}

#[derive(Clone)]
pub(super) struct RequestService<S> {
    inner: S,
    layer: RequestLayer,
}

impl<S> Service<Request> for RequestService<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let headers = request.headers();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let facts = Facts {
            request_id: RequestId::from_headers(headers)
                .unwrap_or_else(|| RequestId::generate(&self.layer.random)),
            address: peer.and_then(|peer| client_address(peer.0, headers, &self.layer.trusted_proxies)),
            method: request.method().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
        };
        let started = tracing::enabled!(target: ACCESS, tracing::Level::DEBUG).then(Instant::now);
        Answering { inner: CURRENT.scope(facts, self.inner.call(request)), started }
    }
}

pin_project! {
    pub(super) struct Answering<F> {
        #[pin]
        inner: TaskLocalFuture<Facts, F>,
        started: Option<Instant>,
    }
}

impl<F> Future for Answering<F>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Ok(mut response) = ready!(this.inner.as_mut().poll(context));
        let Some(facts) = this.inner.take_value() else { return Poll::Ready(Ok(response)) };
        if let Some(started) = this.started {
            let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
            tracing::debug!(
                target: ACCESS,
                request_id = facts.request_id.as_str(),
                method = facts.method.as_str(),
                route = facts.route(),
                status = response.status().as_u16(),
                milliseconds,
                "answered"
            );
        }
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, facts.request_id.0);
        headers.entry(CACHE_CONTROL).or_insert(const { HeaderValue::from_static("no-store") });
        Poll::Ready(Ok(response))
    }
}
