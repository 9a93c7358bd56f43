//! Why the program stops: one sentence, and a hint what to do about it.

use std::borrow::Cow;
use std::fmt;

/// One sentence that says what is wrong, and a hint that says what to do about it.
///
/// The command line prints it as `error: ...` and `hint: ...` and ends with `exit_code`. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// One sentence.
    pub sentence: Cow<'static, str>,
    /// What the reader can do, where that isn't evident.
    pub hint: Option<Cow<'static, str>>,
    /// 2 for wrong usage and wrong settings, 1 for everything else.
    pub exit_code: u8,
}

impl Complaint {
    /// Something failed: exit code 1.
    pub fn new(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { sentence: sentence.into(), hint: None, exit_code: 1 }
    }

    /// The program was told something wrong: exit code 2, as clap gives it for a wrong option.
    pub fn usage(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { exit_code: 2, ..Self::new(sentence) }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.sentence)
    }
}

impl std::error::Error for Complaint {}

/// An error of the core on the way to the terminal: its sentence; the cause goes in brackets, since at the
/// machine the reader is the one who must repair it.
impl From<keyward_core::error::Error> for Complaint {
    fn from(error: keyward_core::error::Error) -> Self {
        match error.cause {
            Some(cause) => Self::new(format!("{} ({cause:#})", error.message)),
            None => Self::new(error.message),
        }
    }
}
