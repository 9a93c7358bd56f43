//! Who is asking, and what they may do.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::permission::{Permission, PermissionSet};
use crate::user::User;

/// Where a request comes from, as far as the surface knows.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The client's address, by the rule about trusted proxies.
    pub address: Option<IpAddr>,
    /// At most 256 characters, without control characters.
    pub user_agent: Option<String>,
    /// The id that the answer and the log lines carry.
    pub request_id: String,
    /// The `Idempotency-Key` header, where there is one.
    pub idempotency_key: Option<String>,
    /// The region that a signed request is for.
    pub region: Option<String>,
}

/// Who is asking, with their rights of this moment.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who they are and what they may do: one for all requests with the same credential.
    pub standing: Arc<Standing>,
    /// Where the request comes from.
    pub origin: Origin,
}

/// What a credential is worth at this moment.
#[derive(Debug)]
pub struct Standing {
    /// Who it is, and by what.
    pub identity: Arc<Identity>,
    /// The names of the roles that count.
    pub roles: Arc<[String]>,
    /// What they may do.
    pub permissions: Arc<PermissionSet>,
    /// When the credential ends, in milliseconds since the epoch, UTC.
    pub expires_at_ms: Option<i64>,
    /// All this as it was told once, to be told again without writing it anew.
    pub told: OnceLock<Box<RawValue>>,
}

impl Standing {
    /// Somebody with these rights; by nothing that ends.
    pub fn new(
        identity: impl Into<Arc<Identity>>,
        roles: Arc<[String]>,
        permissions: Arc<PermissionSet>,
    ) -> Self {
        Self { identity: identity.into(), roles, permissions, expires_at_ms: None, told: OnceLock::new() }
    }
}

/// The ways to be somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// No credential was shown.
    Nobody,
    /// Whoever has the machine: a command that works on the data folder itself.
    Operator,
    /// A user who signed in.
    Person {
        /// The user's immutable id.
        user_id: String,
        /// The user's name.
        username: String,
        /// Whether a second factor was shown. What doesn't say so is without.
        mfa: bool,
        /// The sign-in's id (`origin_jti`).
        session_id: String,
    },
    /// A program with an API key, acting as a user. Never with MFA.
    ApiKey {
        /// The id of the user it acts as.
        user_id: String,
        /// That user's name.
        username: String,
        /// The key's id (a UUID).
        key_id: String,
        /// The key's name.
        key_name: String,
        /// The 12 characters of the key that are safe to show.
        public_id: String,
    },
    /// A program that signs with an access key, acting as a user. Never with MFA.
    AccessKey {
        /// The id of the user it acts as.
        user_id: String,
        /// That user's name.
        username: String,
        /// The key's id, which is no secret.
        access_key_id: String,
    },
    /// Whoever reaches a server that asks for no signature (`keyward serve --dev`).
    Developer,
    /// Somebody with a token of another issuer, who has no account here.
    External {
        /// Who has signed the token.
        issuer: String,
        /// Who it is there.
        subject: String,
        /// What people call them there.
        username: String,
        /// Whether the token tells of a second factor.
        mfa: bool,
    },
}

impl Identity {
    /// The id of the user that it is or acts as, where there is one.
    pub fn user_id(&self) -> Option<&str> {
        match self {
            Self::Person { user_id, .. } | Self::ApiKey { user_id, .. } | Self::AccessKey { user_id, .. } => {
                Some(user_id)
            }
            Self::Nobody | Self::Operator | Self::Developer | Self::External { .. } => None,
        }
    }

    /// The name to show for it.
    pub fn name(&self) -> &str {
        match self {
            Self::Person { username, .. }
            | Self::ApiKey { username, .. }
            | Self::AccessKey { username, .. }
            | Self::External { username, .. } => username,
            Self::Nobody => "nobody",
            Self::Operator => "operator",
            Self::Developer => "developer",
        }
    }

    /// `person`, `api_key`, `access_key`, `external`, `operator`, `developer` or `nobody`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Operator => "operator",
            Self::Person { .. } => "person",
            Self::ApiKey { .. } => "api_key",
            Self::AccessKey { .. } => "access_key",
            Self::Developer => "developer",
            Self::External { .. } => "external",
        }
    }

    /// Whether a second factor was shown.
    pub fn has_mfa(&self) -> bool {
        matches!(self, Self::Person { mfa: true, .. } | Self::External { mfa: true, .. })
    }

    /// The same, as if no second factor had been shown.
    #[must_use]
    pub fn without_mfa(&self) -> Self {
        let mut identity = self.clone();
        if let Self::Person { mfa, .. } | Self::External { mfa, .. } = &mut identity {
            *mfa = false;
        }
        identity
    }
}

impl Caller {
    /// Somebody without any credential.
    pub fn nobody(origin: Origin) -> Self {
        Self::without_rights(Identity::Nobody, origin)
    }

    /// Whoever has the machine; may do everything.
    pub fn operator() -> Self {
        Self::almighty(Identity::Operator, Origin::default())
    }

    /// Whoever reaches a server that asks for no signature; may do everything.
    pub fn developer(origin: Origin) -> Self {
        Self::almighty(Identity::Developer, origin)
    }

    fn almighty(identity: Identity, origin: Origin) -> Self {
        let everything = Permission::parse("*").ok().into_iter().collect();
        let standing = Standing::new(identity, Arc::default(), Arc::new(everything));
        Self { standing: Arc::new(standing), origin }
    }

    /// A user who acts upon their own account, which takes no rights.
    pub(crate) fn person(origin: Origin, user: &User, session_id: &str, mfa: bool) -> Self {
        let identity = Identity::Person {
            user_id: user.id.clone(),
            username: user.username.clone(),
            mfa,
            session_id: session_id.to_owned(),
        };
        Self::without_rights(identity, origin)
    }

    /// A user whose account is gone, and whose token is known to have been good.
    pub(crate) fn departed(origin: Origin, user_id: String, session_id: String) -> Self {
        let username = user_id.clone();
        Self::without_rights(Identity::Person { user_id, username, mfa: false, session_id }, origin)
    }

    fn without_rights(identity: Identity, origin: Origin) -> Self {
        let standing = Standing::new(identity, Arc::default(), Arc::default());
        Self { standing: Arc::new(standing), origin }
    }

    /// Whether the caller holds `permission`.
    pub fn may(&self, permission: &str) -> bool {
        self.standing.permissions.allows_text(permission)
    }

    /// Lets the caller through only with `permission`.
    ///
    /// # Errors
    /// `Unauthenticated` without a credential, `Forbidden` without the permission.
    pub fn require(&self, permission: &str) -> Result<()> {
        self.require_any(&[permission])
    }

    /// Lets everybody through who is somebody.
    ///
    /// # Errors
    /// `Unauthenticated` without a credential.
    pub fn require_credential(&self) -> Result<()> {
        if *self.standing.identity == Identity::Nobody {
            return Err(Error::unauthenticated("Sign in, or send an API key in the Authorization header."));
        }
        Ok(())
    }

    /// Lets the caller through with any of `permissions`; the first is named in the refusal.
    ///
    /// # Errors
    /// `Unauthenticated` without a credential, `Forbidden` without any of the permissions.
    pub fn require_any(&self, permissions: &[&str]) -> Result<()> {
        self.require_credential()?;
        if permissions.iter().any(|permission| self.may(permission)) {
            return Ok(());
        }
        let missing = permissions.first().copied().unwrap_or_default();
        Err(Error::forbidden(
            missing,
            format!("This needs the permission {missing}; ask an administrator for a role that has it."),
        ))
    }

    /// Lets the caller through only when they hold all of `permissions`: nobody grants, or takes over, more
    /// than they have.
    ///
    /// # Errors
    /// `Forbidden` with the first permission that the caller lacks.
    pub fn require_all_of(&self, permissions: &PermissionSet) -> Result<()> {
        match permissions.iter().find(|permission| !self.standing.permissions.allows(permission)) {
            None => Ok(()),
            Some(missing) => Err(Error::forbidden(
                missing.as_str(),
                format!("This concerns rights above your own ({missing}); ask somebody who holds them."),
            )),
        }
    }

    /// The id of the user who asks or is acted for, where there is one.
    pub fn user_id(&self) -> Option<&str> {
        self.standing.identity.user_id()
    }

    /// The name to show for the caller.
    pub fn name(&self) -> &str {
        self.standing.identity.name()
    }

    /// `person`, `api_key`, `access_key`, `external`, `operator`, `developer` or `nobody`.
    pub fn kind(&self) -> &'static str {
        self.standing.identity.kind()
    }

    /// What was shown as proof: a session's id, a key's public id or an access key's id, all safe to keep.
    pub fn credential(&self) -> Option<&str> {
        match &*self.standing.identity {
            Identity::Person { session_id, .. } => Some(session_id),
            Identity::ApiKey { public_id, .. } => Some(public_id),
            Identity::AccessKey { access_key_id, .. } => Some(access_key_id),
            Identity::External { subject, .. } => Some(subject),
            Identity::Nobody | Identity::Operator | Identity::Developer => None,
        }
    }

    /// Whether a second factor was shown.
    pub fn has_mfa(&self) -> bool {
        self.standing.identity.has_mfa()
    }
}
