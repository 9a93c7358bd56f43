//! The layer that makes every failure of a surface come out in the surface's dialect.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use keyward_core::error::{Code, Error};
use pin_project_lite::pin_project;
use tokio::time::Sleep;
use tower::{Layer, Service};

use crate::http::failure::{Carried, Failure, HttpFailure, Render};
use crate::http::request::{current_request_id, with_current_route};

/// How long a handler may take before the answer is 503.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes every failure of these routes come out in one dialect: what handlers and extractors return, unknown
/// paths, wrong methods, handlers that take longer than 30 seconds (503) and handlers that panic (500; the
/// server lives).
///
/// Only one router of those that are merged may answer unknown paths; the others give that up with
/// `Router::reset_fallback`. A router that is nested under a prefix answers those under its prefix.
pub fn speaking(router: Router, render: Render) -> Router {
    speaking_within(router, render, HANDLER_TIMEOUT)
}

/// [`speaking`], with another bound on the time that a handler may take.
pub fn speaking_within(router: Router, render: Render, timeout: Duration) -> Router {
    router
        .fallback(|| async { Failure::Http(HttpFailure::UnknownRoute) })
        .method_not_allowed_fallback(|| async { Failure::Http(HttpFailure::WrongMethod) })
        .layer(Dialect { render, timeout })
}

#[derive(Clone, Copy)]
struct Dialect {
    render: Render,
    timeout: Duration,
}

impl<S> Layer<S> for Dialect {
    type Service = Speaking<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Speaking { inner, dialect: *self }
    }
}

#[derive(Clone)]
struct Speaking<S> {
    inner: S,
    dialect: Dialect,
}

impl<S> Service<Request> for Speaking<S>
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
        Answering { inner: self.inner.call(request), deadline: None, dialect: self.dialect }
    }
}

// Written out rather than put together from tower-http's layers, so that a request pays for no box, and for no
// timer unless its handler waits.
pin_project! {
    struct Answering<F> {
        #[pin]
        inner: F,
        #[pin]
        deadline: Option<Sleep>,
        dialect: Dialect,
    }
}

impl<F> Future for Answering<F>
where
    F: Future<Output = Result<Response, Infallible>>,
{
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let inner = this.inner.as_mut();
        match catch_unwind(AssertUnwindSafe(|| inner.poll(context))) {
            Ok(Poll::Ready(Ok(response))) => Poll::Ready(Ok(this.dialect.answer(response))),
            Ok(Poll::Pending) => {
                if this.deadline.is_none() {
                    this.deadline.set(Some(tokio::time::sleep(this.dialect.timeout)));
                }
                if let Some(deadline) = this.deadline.as_pin_mut() {
                    ready!(deadline.poll(context));
                }
                let late = Error::new(Code::Unavailable, "The answer took too long; try again.");
                let late = late.because(anyhow::anyhow!("the handler took over {:?}", this.dialect.timeout));
                Poll::Ready(Ok(this.dialect.render(&Failure::Core(late))))
            }
            Err(panic) => Poll::Ready(Ok(this.dialect.render(&Failure::Core(panicked(&*panic))))),
        }
    }
}

impl Dialect {
    fn answer(self, mut response: Response) -> Response {
        match response.extensions_mut().remove::<Carried>() {
            None => response,
            Some(Carried(failure)) => self.render(&failure),
        }
    }

    /// The answer, and the one log line about the failure.
    fn render(self, failure: &Failure) -> Response {
        let response = (self.render)(failure, &current_request_id());
        log(failure, response.status().as_u16());
        response
    }
}

/// The message for clients is left out of the log: it may name a person. The causes never do.
fn log(failure: &Failure, status: u16) {
    if failure.is_ours() {
        with_current_route(|method, route| {
            let (code, cause) = describe(failure);
            tracing::warn!(method, route, status, code, cause, "a request failed");
        });
    } else if tracing::enabled!(tracing::Level::DEBUG) {
        with_current_route(|method, route| {
            let (code, cause) = describe(failure);
            tracing::debug!(method, route, status, code, cause, "a request was refused");
        });
    }
}

fn describe(failure: &Failure) -> (String, Option<String>) {
    match failure {
        Failure::Core(Error { code, cause, .. }) => {
            (format!("{code:?}"), cause.as_ref().map(|cause| format!("{cause:#}")))
        }
        Failure::Http(failure) => (format!("{failure:?}"), None),
    }
}

/// What a panic said may hold what the handler was working on (slicing a string prints the string), so only
/// where it happened is logged, by the hook that [`crate::log`] sets.
fn panicked(_: &(dyn Any + Send)) -> Error {
    Error::internal(anyhow::anyhow!("the handler panicked; the line before this one tells where"))
}
