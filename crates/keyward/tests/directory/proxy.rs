//! What stands between Keyward and moto, and lets the n-th call fail.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::moto;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is refused as one too many.
    Throttled,
    /// It isn't passed on, and answered with an error of the service's own.
    Failed,
    /// It isn't passed on, and the connection ends.
    CutBefore,
    /// It is carried out, and the connection ends without an answer.
    CutAfter,
    /// It is carried out, and answered when nobody waits any more.
    Delayed,
    /// It is passed on or not, and nothing comes back for ever.
    Hung { is_carried_out: bool },
}

/// Which calls.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    /// The one of this number, from 1 on.
    Only(usize),
    /// It and all that follow.
    From(usize),
}

/// A proxy in front of moto.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    state: Arc<Shared>,
    _serving: Arc<Serving>,
}

struct Serving(JoinHandle<()>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Default)]
struct Shared {
    calls: AtomicUsize,
    operations: Mutex<Vec<String>>,
    fault: Mutex<Option<(Which, Fault)>>,
    failing_operation: Mutex<Option<(String, Fault)>>,
    /// Whether the first page of a list is empty, and leads to the others.
    has_empty_pages: Mutex<bool>,
    hit: Notify,
}

/// Where an empty page leads.
const BEHIND_THE_EMPTY_PAGE: &str = "BEHIND";

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Shared::default());
        let router = Router::new().fallback(pass_on).with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state, _serving: Arc::new(Serving(serving)) }
    }

    /// From now on, counting begins anew and these calls fail so.
    pub(crate) fn let_fail(&self, which: Which, fault: Fault) {
        self.count_anew();
        *self.state.fault.lock().unwrap() = Some((which, fault));
    }

    /// From now on, each call of this operation fails so.
    pub(crate) fn let_operation_fail(&self, operation: &str, fault: Fault) {
        *self.state.failing_operation.lock().unwrap() = Some((operation.to_owned(), fault));
    }

    /// From now on, all is well.
    pub(crate) fn heal(&self) {
        *self.state.failing_operation.lock().unwrap() = None;
        *self.state.fault.lock().unwrap() = None;
    }

    pub(crate) fn begin_lists_with_an_empty_page(&self) {
        *self.state.has_empty_pages.lock().unwrap() = true;
    }

    pub(crate) fn count_anew(&self) {
        self.state.calls.store(0, Ordering::SeqCst);
        self.state.operations.lock().unwrap().clear();
    }

    /// What was asked since counting began.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.state.operations.lock().unwrap().clone()
    }

    pub(crate) fn calls(&self) -> usize {
        self.state.calls.load(Ordering::SeqCst)
    }

    /// Waits until a call meets its fault.
    pub(crate) async fn hit(&self) {
        self.state.hit.notified().await;
    }
}

async fn pass_on(State(state): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let operation = parts.headers.get("x-amz-target").and_then(|name| name.to_str().ok());
    let operation = operation.and_then(|name| name.split('.').nth(1)).unwrap_or("keys").to_owned();
    let number = state.calls.fetch_add(1, Ordering::SeqCst) + 1;
    state.operations.lock().unwrap().push(operation.clone());
    let fault = *state.fault.lock().unwrap();
    let fault = fault.and_then(|(which, fault)| {
        let is_hit = match which {
            Which::Only(hit) => number == hit,
            Which::From(first) => number >= first,
        };
        is_hit.then_some(fault)
    });
    let failing = state.failing_operation.lock().unwrap().clone();
    let fault = fault.or(failing.filter(|(name, _)| *name == operation).map(|(_, fault)| fault));
    if fault.is_some() {
        state.hit.notify_one();
    }
    match fault {
        Some(Fault::Throttled) => return error(StatusCode::BAD_REQUEST, "TooManyRequestsException"),
        Some(Fault::Failed) => return error(StatusCode::INTERNAL_SERVER_ERROR, "InternalErrorException"),
        Some(Fault::CutBefore) => return cut(),
        Some(Fault::Hung { is_carried_out: false }) => std::future::pending().await,
        _ => {}
    }
    if *state.has_empty_pages.lock().unwrap() && operation.starts_with("ListUsers") {
        let member = if operation == "ListUsers" { "PaginationToken" } else { "NextToken" };
        let mut input: serde_json::Value = serde_json::from_slice(&body).unwrap();
        if input[member].is_null() {
            let empty = serde_json::json!({ "Users": [], member: BEHIND_THE_EMPTY_PAGE });
            return Response::new(Body::from(empty.to_string()));
        }
        if input[member] == BEHIND_THE_EMPTY_PAGE {
            input.as_object_mut().unwrap().remove(member);
            body = Bytes::from(input.to_string());
        }
    }
    let url = format!("{}{}", moto::url(), parts.uri);
    let mut passed = moto::http().request(parts.method, url).body(body);
    for name in ["x-amz-target", "content-type", "authorization", "x-amz-date"] {
        if let Some(value) = parts.headers.get(name) {
            passed = passed.header(name, value);
        }
    }
    let answer = passed.send().await.unwrap();
    match fault {
        Some(Fault::CutAfter) => return cut(),
        Some(Fault::Delayed) => tokio::time::sleep(Duration::from_secs(20)).await,
        Some(Fault::Hung { .. }) => std::future::pending().await,
        _ => {}
    }
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" && name != "content-length" && name != "connection" {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}

fn error(status: StatusCode, name: &str) -> Response {
    let body = serde_json::json!({ "__type": name, "message": "as the test wants it" });
    let response = Response::builder().status(status).header("x-amzn-errortype", name);
    response.body(Body::from(body.to_string())).unwrap()
}

/// An answer that ends before it is whole.
fn cut() -> Response {
    struct Broken;
    impl http_body::Body for Broken {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
            std::task::Poll::Ready(Some(Err(std::io::Error::other("cut"))))
        }
    }
    Response::builder().header("content-length", "100").body(Body::new(Broken)).unwrap()
}
