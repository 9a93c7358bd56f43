//! Why a command didn't do what it was told, and what to type instead.

use std::borrow::Cow;
use std::io;

use serde_json::{Map, Value};

use crate::client;
use crate::complaint::Complaint;

pub(crate) type Result<T, E = Failure> = std::result::Result<T, E>;

/// A command that failed: exit code 1, or 2 when it was typed wrongly.
#[derive(Debug)]
pub(crate) struct Failure {
    /// One sentence.
    pub message: String,
    /// What helps; commands in it are in backticks and begin with `keyward`.
    pub hint: Option<String>,
    /// A word for programs: the server's `code`, or one of ours.
    pub code: Cow<'static, str>,
    pub exit: u8,
    /// Further members of the JSON form.
    pub members: Map<String, Value>,
    /// The answer was given already: there is nothing to say, only an exit code.
    pub silent: bool,
}

impl Failure {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: code.into(),
            exit: 1,
            members: Map::new(),
            silent: false,
        }
    }

    /// An exit code after an answer that says it all.
    pub(crate) fn answered(exit: u8) -> Self {
        Self { exit, silent: true, ..Self::new("answered", "") }
    }

    /// The command was typed wrongly: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: 2, ..Self::new("usage", message) }
    }

    /// Nobody is signed in here.
    pub(crate) fn not_signed_in(message: impl Into<String>) -> Self {
        Self::new("unauthenticated", message)
    }

    /// The question wasn't answered: a closed stdin, or Ctrl-D.
    pub(crate) fn aborted() -> Self {
        Self::new("aborted", "Aborted!")
    }

    /// A file or folder of ours that can't be used; `what` begins a sentence: "The profile couldn't be
    /// saved".
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &io::Error) -> Self {
        Self::new("file", format!("{what} ({}): {error}.", path.display()))
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a hint where there is none yet.
    pub(crate) fn or_hint(self, hint: impl FnOnce() -> String) -> Self {
        if self.hint.is_some() { self } else { self.hint(hint()) }
    }

    pub(crate) fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }
}

impl From<Complaint> for Failure {
    fn from(complaint: Complaint) -> Self {
        let code = if complaint.exit_code == 2 { "usage" } else { "failed" };
        let exit = complaint.exit_code;
        let hint = complaint.hint.map(Cow::into_owned);
        Self { hint, exit, ..Self::new(code, complaint.sentence) }
    }
}

impl From<client::Error> for Failure {
    fn from(error: client::Error) -> Self {
        use client::Error;
        match error {
            Error::Unusable(why) => {
                Self::new("unusable", format!("The HTTP client couldn't be started: {why}."))
                    .hint("https needs the system's certificates; SSL_CERT_FILE names a file of them")
            }
            Error::Unsendable => {
                Self::new("unauthenticated", "The credential has characters that no credential can have.")
            }
            Error::Unaddressable(name) => {
                Self::new("invalid-input", format!("`{name}` can't be the name of anything."))
            }
            Error::Unreachable { server, why } => {
                Self::new("unreachable", format!("No answer from {server}: {why}."))
                    .hint("start the server with `keyward serve`, or name another with KEYWARD_URL")
            }
            Error::Cut { server, why, maybe_done } => {
                let failure =
                    Self::new("connection-lost", format!("The connection to {server} broke: {why}."));
                if maybe_done {
                    failure.hint("it may have been done all the same: look before you repeat it")
                } else {
                    failure
                }
            }
            Error::TimedOut { server, seconds, maybe_done } => {
                let rest = if maybe_done { "; it may have been done all the same" } else { "" };
                Self::new("timed-out", format!("{server} gave no answer within {seconds} s."))
                    .hint(format!("KEYWARD_TIMEOUT sets how many seconds to wait{rest}"))
            }
            Error::Unexpected { status, what } => {
                let failure = Self::new("unexpected-answer", format!("The server sent {what}."));
                if status == 404 || (300..400).contains(&status) {
                    failure.hint("is this a Keyward server? `keyward setup URL` or KEYWARD_URL names another")
                } else {
                    failure
                }
            }
            Error::SignIn { kind, message } => sign_in(&kind, &message),
            Error::Refused(problem) => refused(problem),
        }
    }
}

fn refused(problem: client::Problem) -> Failure {
    let hint = match problem.code.as_str() {
        "unauthenticated" => Some("`keyward auth login -u NAME` signs in anew".to_owned()),
        "forbidden" => Some("`keyward whoami` shows what you may do".to_owned()),
        "precondition-failed" => {
            Some("somebody else changed it meanwhile: look again, then repeat".to_owned())
        }
        "internal" | "unavailable" => {
            problem.request_id.as_ref().map(|id| format!("the server's log has it under request {id}"))
        }
        _ => None,
    };
    let code = if problem.code.is_empty() { "refused".into() } else { Cow::Owned(problem.code) };
    let mut failure = Failure::new(code, problem.detail).member("status", problem.status);
    failure.hint = hint;
    failure
}

/// The words of the sign-in's errors, as scripts of the real client know them.
fn sign_in(kind: &str, message: &str) -> Failure {
    let words = match kind {
        "NotAuthorizedException" if is_wrong_password(message) => "Invalid username or password".to_owned(),
        "UserNotFoundException" => "User not found".to_owned(),
        "UserNotConfirmedException" => "User account is not confirmed".to_owned(),
        "PasswordResetRequiredException" => "Password reset is required".to_owned(),
        _ if message.is_empty() => format!("Authentication failed: {kind}"),
        _ => format!("Authentication failed: {message}"),
    };
    let hint = match kind {
        "PasswordResetRequiredException" => {
            Some("an administrator gives a new password with `keyward user reset-password -u NAME --confirm`")
        }
        "NotAuthorizedException" if message.contains("emporary password has expired") => {
            Some("an administrator gives a new one with `keyward user reset-password -u NAME --confirm`")
        }
        "ResourceNotFoundException" => {
            Some("the server's pool changed: `keyward setup URL --force` asks anew")
        }
        _ => None,
    };
    let failure = Failure::new("sign-in-failed", words).member("type", kind);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// An unknown name and a wrong password are told apart by nobody; other refusals say what they are.
fn is_wrong_password(message: &str) -> bool {
    message.is_empty() || message.starts_with("Incorrect username or password")
}
