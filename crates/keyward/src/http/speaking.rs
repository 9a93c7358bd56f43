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
use crate::http::request::{current_request_id, current_route};

/// Under what failures are logged.
const LOG: &str = "keyward::http";
/// How long a handler may take before the answer is 503.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes every failure of these routes come out in one dialect: what handlers and extractors return, unknown
/// paths, wrong methods, handlers that take longer than 30 seconds (503) and handlers that panic (500; the
/// server lives).
///
/// Only one router of those that are merged may answer unknown paths; the others give that up with
/// `Router::reset_fallback`.
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
    let is_ours = failure.is_ours();
    if !is_ours && !tracing::enabled!(target: LOG, tracing::Level::DEBUG) {
        return;
    }
    let (method, route) = current_route();
    let (method, route) = (method.as_str(), route.as_str());
    let (code, cause) = describe(failure);
    if is_ours {
        tracing::warn!(target: LOG, method, route, status, code, cause, "a request failed");
    } else {
        tracing::debug!(target: LOG, method, route, status, code, cause, "a request was refused");
    }
}

fn describe(failure: &Failure) -> (String, Option<String>) {
    match failure {
        // The field may be a name of the client's making, and so anything.
        Failure::Core(Error { code: Code::InvalidInput(_), .. }) => ("InvalidInput".to_owned(), None),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::http::{StatusCode, header};
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use keyward_core::random::Random;
    use tower::ServiceExt as _;

    use super::*;
    use crate::http::request::RequestLayer;
    use crate::http::{Body, plain};
    use crate::log::captured;

    async fn panic_with_a_secret() {
        panic!("the password is hunter2")
    }

    fn router() -> Router {
        let unavailable = || async {
            let cause = anyhow::anyhow!("connection refused").context("reading the role");
            let error = Error::new(Code::Unavailable, "The store of ada@example.com doesn't answer.");
            Err::<(), _>(Failure::from(error.because(cause)))
        };
        let router = Router::new()
            .route("/panics", get(panic_with_a_secret))
            .route("/hangs", get(std::future::pending::<()>))
            .route("/users/{user}", get(unavailable))
            .route("/logs", get(|| async { tracing::info!(count = 2, "a line\nof two") }))
            .route("/cached", get(|| async { [(header::CACHE_CONTROL, "max-age=60")] }))
            .route("/body", get(|_: Body<bool>| async {}));
        speaking_within(router, plain, Duration::from_millis(20))
            .layer(RequestLayer::new(Arc::default(), Random::seeded(1)))
    }

    async fn answer(path: &str, request_id: &str) -> (Response, String) {
        let request = Request::get(path).header("x-request-id", request_id);
        let mut response = router().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
        let body = std::mem::take(response.body_mut()).collect().await.unwrap().to_bytes();
        (response, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_answered_500_without_what_it_said() {
        let (response, body) = answer("/panics", "one").await;

        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        insta::assert_snapshot!(body, @r#"{"message":"Something went wrong in Keyward; the log has the details under this request's id.","request_id":"one"}"#);
    }

    #[tokio::test]
    async fn a_handler_that_takes_too_long_is_answered_503() {
        let (response, body) = answer("/hangs", "one").await;

        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        insta::assert_snapshot!(body, @r#"{"message":"The answer took too long; try again.","request_id":"one"}"#);
    }

    #[tokio::test]
    async fn every_answer_has_the_id_and_may_not_be_stored() {
        for path in ["/logs", "/users/ada", "/panics", "/nowhere", "/body"] {
            let (response, _) = answer(path, "good_ID-7").await;

            assert_eq!(response.headers()["x-request-id"], "good_ID-7", "{path}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store", "{path}");
        }
        assert_eq!(answer("/cached", "a").await.0.headers()[header::CACHE_CONTROL], "max-age=60");
    }

    #[tokio::test]
    async fn an_id_that_might_be_anything_is_replaced() {
        for bad in ["", "with blank", "semi;colon", &"x".repeat(65)] {
            let (response, _) = answer("/logs", bad).await;

            let id = response.headers()["x-request-id"].to_str().unwrap();
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        }
        assert_eq!(answer("/logs", &"x".repeat(64)).await.0.headers()["x-request-id"], "x".repeat(64));
    }

    #[tokio::test]
    async fn the_log_tells_failures_with_their_cause_and_nobody_by_name() {
        captured::start();

        answer("/users/ada@example.com?key=vams_secret", "one").await;
        answer("/hangs", "two").await;
        answer("/body", "three").await;
        answer("/logs", "four").await;
        answer("/vams_secret", "five").await;

        insta::assert_snapshot!(captured::take(), @r#"
        WARN keyward::http: a request failed cause="reading the role: connection refused" code=Unavailable method=GET request_id=one route=/users/{user} status=503
        DEBUG keyward::access: answered method=GET request_id=one route=/users/{user} status=503
        WARN keyward::http: a request failed cause="the handler took over 20ms" code=Unavailable method=GET request_id=two route=/hangs status=503
        DEBUG keyward::access: answered method=GET request_id=two route=/hangs status=503
        DEBUG keyward::http: a request was refused code=BodyMissing method=GET request_id=three route=/body status=400
        DEBUG keyward::access: answered method=GET request_id=three route=/body status=400
        INFO keyward::http::speaking::tests: a line\nof two count=2 request_id=four
        DEBUG keyward::access: answered method=GET request_id=four route=/logs status=200
        DEBUG keyward::http: a request was refused code=UnknownRoute method=GET request_id=five route=- status=404
        DEBUG keyward::access: answered method=GET request_id=five route=- status=404
        "#);
    }
}
