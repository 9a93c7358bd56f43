//! Why a request has no answer to give.

use std::error::Error as _;

use serde::Deserialize;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request failed. None of it holds a secret.
#[derive(Debug)]
pub(crate) enum Error {
    /// The client itself couldn't be made (no usable certificates, say).
    Unusable(String),
    /// The credential has characters that no header can carry.
    Unsendable,
    /// A name that can't stand in a path: it would mean something else there.
    Unaddressable(String),
    /// Nobody answers at that address.
    Unreachable { server: String, why: String },
    /// The connection broke before the answer was whole; `maybe_done` when it could have changed something.
    Cut { server: String, why: String, maybe_done: bool },
    /// The server took longer than it was given.
    TimedOut { server: String, seconds: f64, maybe_done: bool },
    /// The server says no, and why.
    Refused(Problem),
    /// The sign-in protocol says no: the name of the error, and its message.
    SignIn { kind: String, message: String },
    /// An answer that isn't of this API.
    Unexpected { status: u16, what: String },
}

/// An RFC 9457 problem.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    pub status: u16,
    #[serde(default)]
    pub code: String,
    #[serde(default)]
    pub detail: String,
    #[serde(default)]
    pub request_id: Option<String>,
}

impl Problem {
    /// The problem in `body`; also the `{"message": ...}` that a gateway before the server answers with.
    pub(crate) fn parse(status: u16, body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Message {
            message: String,
        }
        if let Ok(problem) = serde_json::from_slice::<Self>(body)
            && !problem.detail.is_empty()
        {
            return Some(Self { status, ..problem });
        }
        let Message { message } = serde_json::from_slice(body).ok()?;
        let code = match status {
            401 => "unauthenticated",
            403 => "forbidden",
            404 => "not-found",
            429 => "too-many-requests",
            503 => "unavailable",
            500.. => "internal",
            _ => "invalid-input",
        };
        Some(Self { status, code: code.to_owned(), detail: message, ..Self::default() })
    }
}

impl Error {
    /// The problem's code, when the server refused.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            _ => None,
        }
    }
}

/// What lies at the bottom of `error`, without its address: `Connection refused`.
pub(crate) fn root(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    let text = deepest.to_string();
    // "Connection refused (os error 111)": the number helps nobody.
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// `error` and what caused it, in one line.
pub(crate) fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
