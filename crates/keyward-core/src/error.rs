//! The one error of Keyward: a code from a closed list, a sentence for the reader, a cause for the log.

use std::borrow::Cow;
use std::fmt;

/// What every fallible operation of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation was not carried out.
///
/// `message` is one sentence, safe for any client, that says what the reader can do. `cause` is for the log
/// alone; the surface that answers writes it once, with its chain, and never shows it.
#[derive(Debug)]
pub struct Error {
    /// Which of the known failures this is; every surface decides for each code how it looks.
    pub code: Code,
    /// One sentence, safe for the client.
    pub message: Cow<'static, str>,
    /// What went wrong underneath, for the log.
    pub cause: Option<anyhow::Error>,
}

/// The closed list of failures. A new one breaks every surface's `match` until somebody decides how it looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A value that the caller sent is wrong; the field's name as the core knows it (`expires_at`).
    InvalidInput(Cow<'static, str>),
    /// We don't know who asks, or the credential is not (or no longer) good.
    Unauthenticated,
    /// We know who asks, and they may not; the permission that is missing.
    Forbidden(String),
    /// The thing isn't there.
    NotFound(Thing),
    /// A thing of that name is there already.
    AlreadyExists(Thing),
    /// The state of things doesn't allow it now (the last admin, a request that is still running).
    Conflict,
    /// The thing was changed since the version that the caller named (`If-Match`).
    PreconditionFailed,
    /// The password doesn't meet the pool's policy.
    PasswordRejected,
    /// The password was one of the user's before, and the pool remembers it.
    PasswordReused,
    /// The user must set a new password through an administrator before signing in.
    PasswordResetRequired,
    /// The user has signed up, and has yet to prove the address.
    UserNotConfirmed,
    /// A one-time code that isn't right.
    CodeMismatch,
    /// A one-time code that was right, but is used up or too old.
    CodeExpired,
    /// A passkey can't be registered.
    Passkey(PasskeyFault),
    /// Too much of it; seconds until it is worth another try.
    TooManyRequests(u64),
    /// Tried too often with this one; seconds until it is worth another try.
    LimitExceeded(u64),
    /// What has to be sent can't be sent from here.
    DeliveryFailed,
    /// Not offered by this directory or this deployment.
    Unsupported,
    /// Can't be answered now (the database can't be reached); never an excuse to let somebody in.
    Unavailable,
    /// A defect of ours.
    Internal,
}

/// Why a passkey can't be registered, as the Cognito protocol tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyFault {
    /// Nobody signs in to the pool with a passkey.
    NotEnabled,
    /// It isn't said for which domain the pool's passkeys are.
    ConfigurationMissing,
    /// The registration was never begun, has been used up or has taken too long.
    ChallengeNotFound,
    /// It was begun through another app client.
    ClientMismatch,
    /// It comes from a page outside of the domain.
    OriginNotAllowed,
    /// It is for another domain.
    RelyingPartyMismatch,
    /// The device, or what it has made, won't do.
    NotSupported,
}

/// What can be missing or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name says it")]
pub enum Thing {
    User,
    Role,
    Assignment,
    ApiKey,
    AccessKey,
    UserPool,
    AppClient,
    ClientSecret,
    ResourceServer,
    SoftwareToken,
    Passkey,
    SecondFactor,
    Session,
    /// An address that stands for a user's name.
    Alias,
}

/// What is said of a change that met another version than the one that was read.
const CHANGED_MEANWHILE: &str =
    "It was changed or deleted at the same moment; read it again and repeat the change.";

/// What is said of a change that would lock everybody out.
const NO_ADMIN_LEFT: &str =
    "This would leave no admin who can sign in; make another one first, with a role that has `*`.";

impl Error {
    /// An error of this code, with its sentence for the reader.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), cause: None }
    }

    /// The caller sent a wrong value in `field`; the sentence says what a right one looks like.
    pub fn invalid(field: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidInput(field.into()), message)
    }

    /// `thing` isn't there.
    pub fn not_found(thing: Thing, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::NotFound(thing), message)
    }

    /// A `thing` of that name is there already.
    pub fn already_exists(thing: Thing, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::AlreadyExists(thing), message)
    }

    /// The state of things doesn't allow it.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// Somebody else was faster.
    pub(crate) fn changed_meanwhile() -> Self {
        Self::conflict(CHANGED_MEANWHILE)
    }

    /// Whether the same change may well succeed when it is asked for once more.
    pub fn is_changed_meanwhile(&self) -> bool {
        self.code == Code::Conflict && self.message == CHANGED_MEANWHILE
    }

    /// Nobody would be left who can sign in and do everything.
    pub(crate) fn no_admin_left() -> Self {
        Self::conflict(NO_ADMIN_LEFT)
    }

    /// Whether nobody would be left who can sign in and do everything.
    pub fn is_no_admin_left(&self) -> bool {
        self.code == Code::Conflict && self.message == NO_ADMIN_LEFT
    }

    /// The caller lacks `permission`.
    pub fn forbidden(permission: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Forbidden(permission.into()), message)
    }

    /// Who asks is unknown, or their credential isn't good.
    pub fn unauthenticated(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unauthenticated, message)
    }

    /// A defect of ours, with its cause for the log.
    pub fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(
            Code::Internal,
            "Something went wrong in Keyward; the log has the details under this request's id.",
        )
        .because(cause)
    }

    /// The same error, with what went wrong underneath.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::User => "user",
            Self::Role => "role",
            Self::Assignment => "assignment",
            Self::ApiKey => "API key",
            Self::AccessKey => "access key",
            Self::UserPool => "user pool",
            Self::AppClient => "app client",
            Self::ClientSecret => "client secret",
            Self::ResourceServer => "resource server",
            Self::SoftwareToken => "software token",
            Self::SecondFactor => "second factor",
            Self::Session => "session",
            Self::Alias => "alias",
            Self::Passkey => "passkey",
        })
    }
}
