//! A typed client of `/api/v1`, of what a client needs before it knows who it is, and of signing in.
//!
//! It prints nothing and reads no environment: what is worth telling goes to the `observer` of its owner.

mod access_keys;
mod api_keys;
mod audit;
mod bootstrap;
mod caller;
mod error;
mod outbox;
mod roles;
mod runtime_config;
mod sign_in;
mod test_users;
mod user_import;
mod user_pools;
mod users;

use std::cell::RefCell;
use std::time::Duration;

use keyward_core::clock::Clock;
use keyward_core::random::Random;
use keyward_core::secret::Secret;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) use access_keys::AccessKey;
pub(crate) use api_keys::{ApiKey, ImportedKey, KeyChange, NewApiKey, Use};
pub(crate) use audit::{Event as AuditEvent, Filter as AuditFilter, Party};
pub(crate) use bootstrap::AmplifyConfig;
pub(crate) use caller::{Caller, Explanation, Grant, PermissionDecision, Question};
pub(crate) use error::{Error, Problem, Result};
pub(crate) use outbox::Message;
pub(crate) use roles::{Assignment, NewRole, Role, RoleChange};
pub(crate) use sign_in::{Challenge, SignIn, Tokens};
pub(crate) use test_users::{MadeTestUser, PowerfulRole, RiskyKey, Secured, SecuredAdmin, TestUser};
pub(crate) use user_import::{PortableUser, UserImportResult};
pub(crate) use user_pools::{AppClient, AppClientChange, ClientSecret, NewAppClient, NewUserPool, UserPool};
pub(crate) use users::{NewUser, User, UserChange};

/// How often a request that is safe to repeat is sent again after its connection broke.
const REPEATS_AFTER_A_CUT: u32 = 2;
/// How long to wait before that, times the number of the attempt.
const PAUSE_AFTER_A_CUT: Duration = Duration::from_millis(100);

/// How patient the client is.
#[derive(Debug, Clone)]
pub(crate) struct Patience {
    /// The longest that one request may take, from connecting to the last byte.
    pub timeout: Duration,
    /// How often a 429 is answered by waiting and asking again, at most.
    pub retries: u32,
    /// The first wait after a 429 that names none, in seconds.
    pub first_delay: f64,
    /// The longest wait after a 429, in seconds; a longer `Retry-After` is cut to it.
    pub longest_delay: f64,
    /// What each further wait is multiplied by.
    pub backoff: f64,
    /// By what share of it a wait is lengthened or shortened at random, so that clients don't come in step.
    pub jitter: f64,
}

/// What the client sends in `Authorization`, and how it gets a new one.
pub(crate) struct Credential {
    pub bearer: Secret,
    pub renewal: Option<Renewal>,
}

/// How to get a new access token once the old one is refused.
pub(crate) struct Renewal {
    pub client_id: String,
    pub refresh_token: Secret,
    /// Keeps the new tokens; told of them once they are there.
    pub keep: Box<dyn Fn(&Tokens)>,
}

/// What the owner of a client may want to tell.
pub(crate) enum Notice<'a> {
    /// A request was answered.
    Answered { method: &'a str, url: &'a Url, status: u16, millis: i64, request_id: Option<&'a str> },
    /// The server asks for patience; the client waits `seconds`, before `attempt` of `of`.
    Waiting { seconds: f64, attempt: u32, of: u32 },
    /// The connection broke and the request is sent again.
    Repeating { method: &'a str, url: &'a Url },
    /// The access token was refused and is being renewed.
    Renewing,
}

/// A client of one server.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
    /// Where people sign in, when that isn't the server itself.
    cognito: RefCell<Option<(Url, reqwest::Client)>>,
    patience: Patience,
    credential: RefCell<Option<Credential>>,
    observer: Box<dyn Fn(Notice<'_>)>,
    clock: Clock,
    random: Random,
}

/// A page of a list, and where the next begins.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Which page of a list is asked for; `limit` is at most 1000.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slice {
    pub limit: Option<u32>,
    pub cursor: Option<String>,
}

impl Slice {
    fn query(self) -> Vec<(&'static str, String)> {
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        limit.into_iter().chain(self.cursor.map(|cursor| ("cursor", cursor))).collect()
    }
}

/// A request, before it knows its server.
struct Call<'a> {
    method: Method,
    path: &'a [&'a str],
    query: Vec<(&'static str, String)>,
    body: Option<serde_json::Value>,
    /// Makes a `POST` safe to repeat: the server answers the same key with the first answer.
    idempotency_key: Option<String>,
    /// Changes nothing, whatever its method.
    only_asks: bool,
    /// The operation of the Cognito protocol, which goes without `Authorization`.
    operation: Option<&'static str>,
}

impl<'a> Call<'a> {
    fn new(method: Method, path: &'a [&'a str]) -> Self {
        let only_asks = method == Method::GET;
        Self {
            method,
            path,
            query: Vec::new(),
            body: None,
            idempotency_key: None,
            only_asks,
            operation: None,
        }
    }

    fn get(path: &'a [&'a str]) -> Self {
        Self::new(Method::GET, path)
    }

    fn query(mut self, query: Vec<(&'static str, String)>) -> Self {
        self.query.extend(query);
        self
    }

    fn body(mut self, body: serde_json::Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Whether sending it again after `error` does no harm.
    fn may_be_repeated(&self, error: &Error) -> bool {
        match error {
            Error::Unreachable { .. } => true,
            Error::Cut { .. } => {
                self.only_asks || self.method != Method::POST || self.idempotency_key.is_some()
            }
            _ => false,
        }
    }
}

/// What becomes of a value that may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Change<T> {
    /// Left as it is, and left out of the request.
    #[default]
    Keep,
    Clear,
    To(T),
}

impl<T> Change<T> {
    fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }
}

impl Change<String> {
    /// What an option means: not given, given as `""`, or given.
    pub(crate) fn of_option(option: Option<String>) -> Self {
        match option {
            None => Self::Keep,
            Some(text) if text.is_empty() => Self::Clear,
            Some(text) => Self::To(text),
        }
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep | Self::Clear => serializer.serialize_none(),
            Self::To(value) => value.serialize(serializer),
        }
    }
}

/// `content` as a body; every type that is sent can be.
fn body(content: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(content).unwrap_or_default()
}

/// An answer that came whole.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Reads `text` as the address of a server: http or https, a host, no credentials in it.
pub(crate) fn server_address(text: &str) -> Option<Url> {
    let mut url = Url::parse(text.trim()).ok()?;
    let speaks_http = matches!(url.scheme(), "http" | "https");
    let carries_credentials = !url.username().is_empty() || url.password().is_some();
    if !speaks_http || !url.has_host() || carries_credentials {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Some(url)
}

/// Whether what is sent to `url` stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn http_client(base: &Url, patience: &Patience) -> Result<reqwest::Client> {
    // A redirect is reported instead of followed: the credential is meant for this server alone.
    let mut builder = reqwest::Client::builder()
        .timeout(patience.timeout)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("keyward/", env!("CARGO_PKG_VERSION")));
    if base.scheme() == "http" {
        // Without TLS there is no need for the system's certificates, nor to fail when it has none.
        builder = builder.tls_certs_only([]);
    }
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| Error::Unusable(error::chain(&error)))
}

impl Client {
    /// A client of the server at `base`, that acts as nobody until it is given a credential.
    pub(crate) fn new(
        base: Url,
        patience: Patience,
        clock: Clock,
        random: Random,
        observer: Box<dyn Fn(Notice<'_>)>,
    ) -> Result<Self> {
        let http = http_client(&base, &patience)?;
        let (cognito, credential) = (RefCell::new(None), RefCell::new(None));
        Ok(Self { http, base, cognito, patience, credential, observer, clock, random })
    }

    /// From now on, what is said in the Cognito protocol goes to `endpoint`, as the server has told.
    pub(crate) fn sign_in_at(&self, endpoint: Option<&str>) -> Result<()> {
        let Some(endpoint) = endpoint else { return Ok(()) };
        let url = server_address(endpoint).ok_or_else(|| Error::Unaddressable(endpoint.to_owned()))?;
        // Passwords go there.
        if url.scheme() != "https" && self.base.scheme() == "https" && !is_loopback(&url) {
            return Err(Error::Unaddressable(endpoint.to_owned()));
        }
        let http = http_client(&url, &self.patience)?;
        self.cognito.replace(Some((url, http)));
        Ok(())
    }

    /// Where people sign in, when that isn't the server itself.
    pub(crate) fn cognito_endpoint(&self) -> Option<String> {
        self.cognito.borrow().as_ref().map(|(url, _)| url.to_string())
    }

    /// The same client, acting by `credential`.
    pub(crate) fn acting_by(self, credential: Credential) -> Self {
        self.credential.replace(Some(credential));
        self
    }

    /// The server's address.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    async fn json<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T> {
        let answer = self.perform(&call).await?;
        let body = if answer.body.is_empty() { b"null".as_slice() } else { &answer.body };
        serde_json::from_slice(body).map_err(|error| Error::Unexpected {
            status: answer.status.as_u16(),
            what: format!("an answer that couldn't be read ({error})"),
        })
    }

    async fn nothing(&self, call: Call<'_>) -> Result<()> {
        self.perform(&call).await.map(|_| ())
    }

    /// Sends `call`, as often as patience and safety allow, until there is an answer to give.
    async fn perform(&self, call: &Call<'_>) -> Result<Answer> {
        let mut cuts = 0;
        let mut waits = 0;
        let mut renewed = false;
        loop {
            let answer = match self.attempt(call).await {
                Ok(answer) => answer,
                Err(error) if cuts < REPEATS_AFTER_A_CUT && call.may_be_repeated(&error) => {
                    cuts += 1;
                    (self.observer)(Notice::Repeating { method: call.method.as_str(), url: &self.base });
                    tokio::time::sleep(PAUSE_AFTER_A_CUT * cuts).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if answer.status.is_success() {
                return Ok(answer);
            }
            let gone_by_an_earlier_attempt = call.method == Method::DELETE && cuts > 0;
            if answer.status == StatusCode::NOT_FOUND && gone_by_an_earlier_attempt {
                return Ok(answer);
            }
            if answer.status == StatusCode::TOO_MANY_REQUESTS && waits < self.patience.retries {
                let seconds = self.wait_before(waits, answer.headers.get(RETRY_AFTER));
                waits += 1;
                (self.observer)(Notice::Waiting { seconds, attempt: waits, of: self.patience.retries + 1 });
                tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
                continue;
            }
            // 403 means that we are known and may not: another token of ours wouldn't change it.
            if answer.status == StatusCode::UNAUTHORIZED && !renewed && self.renew().await? {
                renewed = true;
                continue;
            }
            return Err(Self::refusal(&answer, waits));
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Answer> {
        let elsewhere = self.cognito.borrow().clone().filter(|_| call.operation.is_some());
        let (base, http) = elsewhere.unwrap_or_else(|| (self.base.clone(), self.http.clone()));
        let url = Self::url(&base, call)?;
        let started_ms = self.clock.now_ms();
        let mut request = http.request(call.method.clone(), url.clone());
        if let Some(operation) = call.operation {
            request = request
                .header("X-Amz-Target", format!("AWSCognitoIdentityProviderService.{operation}"))
                .header("Content-Type", "application/x-amz-json-1.1");
        } else {
            if let Some(credential) = self.authorization()? {
                request = request.header(AUTHORIZATION, credential);
            }
            if call.body.is_some() {
                request = request.header("Content-Type", "application/json");
            }
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        if let Some(body) = &call.body {
            request = request.body(body.to_string());
        }
        let response = request.send().await.map_err(|error| self.failed(call, &base, &error))?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(|error| self.failed(call, &base, &error))?.to_vec();
        (self.observer)(Notice::Answered {
            method: call.method.as_str(),
            url: &url,
            status: status.as_u16(),
            millis: self.clock.now_ms() - started_ms,
            request_id: headers.get("x-request-id").and_then(|id| id.to_str().ok()),
        });
        Ok(Answer { status, headers, body })
    }

    fn url(base: &Url, call: &Call<'_>) -> Result<Url> {
        // A URL knows no such names: they would address the thing above, all roles instead of one.
        if let Some(name) = call.path.iter().find(|name| matches!(**name, "." | "..")) {
            return Err(Error::Unaddressable((*name).to_owned()));
        }
        if call.operation.is_none() && call.path.contains(&"") {
            return Err(Error::Unaddressable(String::new()));
        }
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        Ok(url)
    }

    fn authorization(&self) -> Result<Option<HeaderValue>> {
        let credential = self.credential.borrow();
        let Some(credential) = credential.as_ref() else { return Ok(None) };
        let mut value = HeaderValue::try_from(format!("Bearer {}", credential.bearer.expose()))
            .map_err(|_| Error::Unsendable)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// How long to wait after the `waits`-th 429: what the server says, else longer each time.
    fn wait_before(&self, waits: u32, retry_after: Option<&HeaderValue>) -> f64 {
        let asked = retry_after.and_then(|value| value.to_str().ok()?.trim().parse::<u32>().ok());
        let Patience { first_delay, longest_delay, backoff, jitter, .. } = self.patience;
        let seconds = asked.map_or_else(|| first_delay * backoff.powf(f64::from(waits)), f64::from);
        let share = (f64::from(self.random.below(201)) / 100.0 - 1.0) * jitter;
        // What the server asked for is never cut short by chance.
        let share = if asked.is_some() { 0.0 } else { share };
        (seconds * (1.0 + share)).clamp(0.0, longest_delay)
    }

    /// Gets a new access token by the refresh token; `false` when there is none to do it with.
    async fn renew(&self) -> Result<bool> {
        let (client_id, refresh_token) =
            match self.credential.borrow().as_ref().and_then(|it| it.renewal.as_ref()) {
                Some(renewal) => (renewal.client_id.clone(), renewal.refresh_token.clone()),
                None => return Ok(false),
            };
        (self.observer)(Notice::Renewing);
        // Boxed, because renewing sends a request of its own.
        let tokens = match Box::pin(self.refresh(&client_id, &refresh_token)).await {
            Ok(tokens) => tokens,
            Err(Error::SignIn { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        if let Some(credential) = self.credential.borrow_mut().as_mut() {
            credential.bearer = tokens.access_token.clone();
            if let Some(renewal) = &credential.renewal {
                (renewal.keep)(&tokens);
            }
        }
        Ok(true)
    }

    fn failed(&self, call: &Call<'_>, base: &Url, error: &reqwest::Error) -> Error {
        let maybe_done = !call.only_asks && call.operation.is_none();
        let server = base.to_string().trim_end_matches('/').to_owned();
        if error.is_timeout() {
            Error::TimedOut { server, seconds: self.patience.timeout.as_secs_f64(), maybe_done }
        } else if error.is_connect() {
            Error::Unreachable { server, why: error::root(error) }
        } else {
            Error::Cut { server, why: error::root(error), maybe_done }
        }
    }

    fn refusal(answer: &Answer, waits: u32) -> Error {
        let status = answer.status.as_u16();
        if let Some(refused) = sign_in::refusal(&answer.body) {
            return refused;
        }
        if let Some(mut problem) = Problem::parse(status, &answer.body) {
            if answer.status == StatusCode::TOO_MANY_REQUESTS && waits > 0 {
                problem.detail = format!("{} Asked {} times in all.", problem.detail, waits + 1);
            }
            return Error::Refused(problem);
        }
        let location = answer.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let what = match (answer.status, location) {
            (StatusCode::NOT_FOUND, _) => "nothing at that address (404)".to_owned(),
            (status, Some(location)) if status.is_redirection() => format!("a redirection to {location}"),
            (status, _) => format!("status {status} without a reason"),
        };
        Error::Unexpected { status, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(base: &str) -> Client {
        let patience = Patience {
            timeout: Duration::from_secs(1),
            retries: 5,
            first_delay: 1.0,
            longest_delay: 60.0,
            backoff: 2.0,
            jitter: 0.1,
        };
        let base = server_address(base).unwrap();
        Client::new(base, patience, Clock::fixed(0), Random::seeded(1), Box::new(|_| ())).unwrap()
    }

    #[test]
    fn a_server_address_is_http_or_https_without_credentials() {
        for right in ["http://localhost:8480", "https://keyward.example.com/stage/", " https://a.b "] {
            assert!(server_address(right).is_some(), "{right}");
        }
        for wrong in ["", "localhost:8480", "ftp://a.b", "http://", "https://user:word@a.b", "file:///etc"] {
            assert!(server_address(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_parts_of_a_path_are_encoded_each_for_itself() {
        let client = client("https://example.com/stage/");

        let path = ["api", "v1", "users", "a/../b?c@example.com"];
        let url =
            Client::url(&client.base, &Call::get(&path).query(vec![("cursor", "a&b".to_owned())])).unwrap();

        assert_eq!(
            url.as_str(),
            "https://example.com/stage/api/v1/users/a%2F..%2Fb%3Fc@example.com?cursor=a%26b"
        );
    }

    #[test]
    fn a_name_that_would_address_something_else_is_refused() {
        let client = client("https://example.com");

        for name in ["", ".", ".."] {
            let path = ["api", "v1", "users", "u", "roles", name];
            assert!(
                matches!(Client::url(&client.base, &Call::get(&path)), Err(Error::Unaddressable(_))),
                "{name:?}"
            );
        }
    }

    #[test]
    fn the_wait_follows_the_server_and_else_grows_within_its_bound() {
        let client = client("http://localhost");

        assert!((client.wait_before(0, Some(&HeaderValue::from_static("7"))) - 7.0).abs() < 1e-9);
        assert!((client.wait_before(0, Some(&HeaderValue::from_static("9999"))) - 60.0).abs() < 1e-9);
        for _ in 0..100 {
            let third = client.wait_before(2, None);
            assert!((3.6..=4.4).contains(&third), "{third}");
            let late = client.wait_before(30, None);
            assert!(late <= 60.0, "{late}");
        }
    }

    #[test]
    fn only_what_stays_on_the_machine_is_loopback() {
        for near in ["http://localhost:1", "http://127.0.0.1", "http://[::1]:8480", "http://a.localhost"] {
            assert!(is_loopback(&server_address(near).unwrap()), "{near}");
        }
        for far in ["http://10.0.0.1", "http://localhost.example.com", "https://example.com"] {
            assert!(!is_loopback(&server_address(far).unwrap()), "{far}");
        }
    }
}
