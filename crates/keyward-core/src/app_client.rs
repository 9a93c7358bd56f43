//! App clients: an application's way into a pool of users.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::audit::{Target, changed_members};
use crate::caller::Caller;
use crate::error::{Error, Result, Thing};
use crate::keyward::Keyward;
use crate::local_pool::LocalPool;
use crate::page::{Cursor, Page};
use crate::permission::MANAGE_POOLS;
use crate::secret::Secret;
use crate::user::require_version;
use crate::user_pool::{UserPoolSettings, valid_name};

/// What a client's secret is sealed for.
const SEALED: &str = "app client secret";
/// Characters of `0-9a-z` in a secret: 268 bits.
const SECRET_LENGTH: usize = 52;
/// The most secrets of a client: one, and one to take its place.
const MAXIMUM_SECRETS: usize = 2;
/// The most app clients of a pool, as with Amazon
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html>).
const MAXIMUM_CLIENTS: i64 = 1000;

/// The flows that can be on; those without `ALLOW_` are what they were called once
/// (<https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html>).
const FLOWS: [&str; 11] = [
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_CUSTOM_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
    "ALLOW_TOKEN_EXCHANGE_DELEGATION",
    "ALLOW_TOKEN_EXCHANGE_IMPERSONATION",
    "ALLOW_USER_AUTH",
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ADMIN_NO_SRP_AUTH",
    "CUSTOM_AUTH_FLOW_ONLY",
    "USER_PASSWORD_AUTH",
];

/// An application's way into a pool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppClient {
    /// 26 characters of `0-9a-z`.
    pub id: String,
    /// The pool that it leads to.
    pub pool_id: String,
    /// What people call it.
    pub name: String,
    /// What can be set of it.
    pub settings: AppClientSettings,
    /// Its secrets, sealed; the older one first. Who comes through it must know one, where there are any.
    pub secrets: Vec<ClientSecret>,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// Milliseconds since the epoch, UTC.
    pub updated_at_ms: i64,
    /// Counts the changes.
    pub version: i64,
}

/// A secret of an app client, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClientSecret {
    /// The client's id, `--`, and when it was made; no secret itself.
    pub id: String,
    /// The secret, under the master key.
    pub sealed: String,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
}

/// What can be set of an app client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppClientSettings {
    /// The flows that are on, such as `ALLOW_USER_SRP_AUTH`.
    pub flows: Vec<String>,
    /// An unknown user and a wrong password look the same (`PreventUserExistenceErrors`: `ENABLED`).
    pub hides_unknown_users: bool,
    /// How long its access tokens live, in seconds.
    pub access_token_seconds: i64,
    /// How long its ID tokens live, in seconds.
    pub id_token_seconds: i64,
    /// How long its refresh tokens live, in seconds.
    pub refresh_token_seconds: i64,
    /// In which units these three were said, and are told.
    pub units: TokenUnits,
    /// How long there is for the answer to a challenge, in minutes, 3 to 15 (`AuthSessionValidity`).
    pub challenge_minutes: i64,
    /// Whether refresh tokens can be revoked (`EnableTokenRevocation`).
    pub revokes_tokens: bool,
    /// Each refresh token brings a new one, and is itself good for so many seconds more, 0 to 60; none where
    /// a refresh token is good until its end (`RefreshTokenRotation`).
    pub rotation_grace_seconds: Option<i64>,
    /// The attributes that it may read; all when not said.
    pub read_attributes: Option<Vec<String>>,
    /// The attributes that it may write; all when not said.
    pub write_attributes: Option<Vec<String>>,
    /// What was set beside, kept as it came and without effect here.
    pub kept: Map<String, Value>,
}

/// In which units the lifetimes of tokens are told: the first two in hours and the last in days when not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each name says it")]
pub struct TokenUnits {
    pub access: Option<TimeUnit>,
    pub id: Option<TimeUnit>,
    pub refresh: Option<TimeUnit>,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "each name says it")]
pub enum TimeUnit {
    Seconds,
    Minutes,
    Hours,
    Days,
}

impl TimeUnit {
    /// Its length.
    pub fn seconds(self) -> i64 {
        match self {
            Self::Seconds => 1,
            Self::Minutes => 60,
            Self::Hours => 3600,
            Self::Days => 24 * 3600,
        }
    }
}

impl Default for AppClientSettings {
    /// What Amazon's is when nothing is said, but for its flows.
    fn default() -> Self {
        Self {
            flows: Vec::new(),
            hides_unknown_users: false,
            access_token_seconds: 3600,
            id_token_seconds: 3600,
            refresh_token_seconds: 30 * 24 * 3600,
            units: TokenUnits::default(),
            challenge_minutes: 3,
            revokes_tokens: true,
            rotation_grace_seconds: None,
            read_attributes: None,
            write_attributes: None,
            kept: Map::new(),
        }
    }
}

/// An app client to be made.
#[derive(Debug, Clone, Serialize)]
pub struct NewAppClient {
    /// 1 to 128 characters.
    pub name: String,
    /// What can be set of it.
    pub settings: AppClientSettings,
    /// Whether it has a secret.
    pub secret: NewSecret,
}

/// The secret that a new app client has.
#[derive(Debug, Clone, Default, Serialize)]
pub enum NewSecret {
    /// None: whoever knows the client's id may come through it.
    #[default]
    None,
    /// One that is made for it.
    Generated,
    /// This one, of 24 to 64 letters, digits and characters of `_+`.
    Chosen(Secret),
}

/// An app client with its newest secret in clear, where it has one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct DescribedAppClient {
    pub client: AppClient,
    pub secret: Option<Secret>,
}

/// A new secret of an app client.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IssuedClientSecret {
    /// As it is stored.
    pub stored: ClientSecret,
    /// In clear.
    pub secret: Secret,
}

/// An app client with the pool that it leads to, as both are set at this moment.
#[derive(Debug)]
pub struct PoolClient {
    /// The pool.
    pub pool: Arc<LocalPool>,
    /// What is set of the pool.
    pub settings: UserPoolSettings,
    /// The client.
    pub client: AppClient,
    /// Its live secrets.
    secrets: Vec<Secret>,
}

impl AppClientSettings {
    /// What the home pool's first client begins with, through which Keyward's own command line signs in.
    pub fn of_home() -> Self {
        let flows = [
            "ALLOW_USER_PASSWORD_AUTH",
            "ALLOW_USER_SRP_AUTH",
            "ALLOW_ADMIN_USER_PASSWORD_AUTH",
            "ALLOW_REFRESH_TOKEN_AUTH",
        ];
        Self { flows: flows.map(str::to_owned).into(), hides_unknown_users: true, ..Self::default() }
    }

    /// The same of users who are kept in a file. A hash that stands there is good for no proof by SRP, and the
    /// tokens live as long as RawScribe's do.
    pub fn of_file() -> Self {
        let home = Self::of_home();
        let flows = home.flows.into_iter().filter(|flow| flow != "ALLOW_USER_SRP_AUTH").collect();
        Self { flows, id_token_seconds: 8 * 3600, ..home }
    }

    /// Whether Keyward's own command line can sign in and stay signed in: it shows the password, and its
    /// refresh token, which it doesn't expect to be replaced.
    pub(crate) fn lets_command_line_in(&self) -> bool {
        self.allows("USER_PASSWORD_AUTH") && self.allows("REFRESH_TOKEN_AUTH")
    }

    fn with_each_flow_once(mut self) -> Self {
        let mut seen = BTreeSet::new();
        self.flows.retain(|flow| seen.insert(flow.clone()));
        self
    }

    /// The same, with lifetimes told in seconds where their unit would cut something off them.
    #[must_use]
    pub fn in_fitting_units(mut self) -> Self {
        let fit = |unit: &mut Option<TimeUnit>, usual: TimeUnit, seconds: i64| {
            if seconds % unit.unwrap_or(usual).seconds() != 0 {
                *unit = Some(TimeUnit::Seconds);
            }
        };
        fit(&mut self.units.access, TimeUnit::Hours, self.access_token_seconds);
        fit(&mut self.units.id, TimeUnit::Hours, self.id_token_seconds);
        fit(&mut self.units.refresh, TimeUnit::Days, self.refresh_token_seconds);
        self
    }

    /// What a client has that nothing was said of
    /// (<https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPoolClient.html>).
    pub fn unsaid() -> Self {
        let flows = ["ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"];
        Self { flows: flows.map(str::to_owned).into(), ..Self::default() }
    }

    /// Whether this flow is on; `flow` is without `ALLOW_`. Clients that were made with the old names have SRP
    /// and refresh on as well.
    pub fn allows(&self, flow: &str) -> bool {
        let has = |name: &str| self.flows.iter().any(|flow| flow == name);
        let is_old = has("ADMIN_NO_SRP_AUTH") || has("CUSTOM_AUTH_FLOW_ONLY") || has("USER_PASSWORD_AUTH");
        match flow {
            _ if self.flows.iter().any(|name| name.strip_prefix("ALLOW_") == Some(flow)) => true,
            "USER_PASSWORD_AUTH" => has("USER_PASSWORD_AUTH"),
            "ADMIN_USER_PASSWORD_AUTH" => has("ADMIN_NO_SRP_AUTH"),
            "USER_SRP_AUTH" => is_old && !has("CUSTOM_AUTH_FLOW_ONLY"),
            "REFRESH_TOKEN_AUTH" => is_old,
            _ => false,
        }
    }

    /// Those of a user's attributes that the client may read. Who reads an address is told whether it is
    /// proven, for a token that says nothing of it would say that it isn't.
    pub(crate) fn readable(&self, mut attributes: BTreeMap<String, String>) -> BTreeMap<String, String> {
        if let Some(readable) = &self.read_attributes {
            let may_read = |name: &str| readable.iter().any(|readable| readable == name);
            attributes
                .retain(|name, _| may_read(name) || name.strip_suffix("_verified").is_some_and(may_read));
        }
        attributes
    }

    fn validate(&self, pool: &UserPoolSettings) -> Result<()> {
        let wrong = |field: &'static str, message: &'static str| Err(Error::invalid(field, message));
        if let Some(flow) = self.flows.iter().find(|flow| !FLOWS.contains(&flow.as_str())) {
            return Err(Error::invalid(
                "flows",
                format!("{flow} is no flow; they are {}.", FLOWS.join(", ")),
            ));
        }
        let (new, old): (Vec<&String>, _) = self.flows.iter().partition(|flow| flow.starts_with("ALLOW_"));
        if !new.is_empty() && !old.is_empty() {
            return wrong(
                "flows",
                "Only one of the flows with and without the prefix ALLOW_ can be set in an app client.",
            );
        }
        if self.rotation_grace_seconds.is_some() && self.allows("REFRESH_TOKEN_AUTH") {
            return wrong(
                "flows",
                "Refresh token rotation can't be enabled together with the flow REFRESH_TOKEN_AUTH.",
            );
        }
        if self.rotation_grace_seconds.is_some_and(|seconds| !(0..=60).contains(&seconds)) {
            return wrong("rotation_grace_seconds", "The grace of a rotated token must be 0 to 60 seconds.");
        }
        let day_seconds = 24 * 3600;
        if [self.access_token_seconds, self.id_token_seconds]
            .iter()
            .any(|seconds| !(300..=day_seconds).contains(seconds))
        {
            return wrong("token_validity", "Access and ID tokens must be good for 5 minutes to 1 day.");
        }
        if !(3600..=3650 * day_seconds).contains(&self.refresh_token_seconds) {
            return wrong("token_validity", "Refresh tokens must be good for 1 hour to 3650 days.");
        }
        if self.refresh_token_seconds < self.access_token_seconds.max(self.id_token_seconds) {
            return wrong(
                "token_validity",
                "Refresh tokens must be good for at least as long as access and ID tokens.",
            );
        }
        if !(3..=15).contains(&self.challenge_minutes) {
            return wrong(
                "challenge_minutes",
                "There must be 3 to 15 minutes for the answer to a challenge.",
            );
        }
        let known = pool.attributes();
        let is_known = |name: &String| known.iter().any(|attribute| attribute.name == *name);
        let is_written = |name: &&String| {
            is_known(name)
                && !name.starts_with("dev:")
                && !matches!(name.as_str(), "sub" | "email_verified" | "phone_number_verified" | "identities")
        };
        if !self.read_attributes.iter().flatten().all(is_known) {
            return wrong("read_attributes", "Invalid read attributes specified while creating a client");
        }
        if !self.write_attributes.iter().flatten().all(|name| is_written(&name)) {
            return wrong("write_attributes", "Invalid write attributes specified while creating a client");
        }
        Ok(())
    }
}

impl PoolClient {
    /// Refuses a flow that is not on; `flow` is without `ALLOW_`.
    ///
    /// # Errors
    /// `InvalidInput("auth_flow")`.
    pub fn require_flow(&self, flow: &str) -> Result<()> {
        if self.client.settings.allows(flow) {
            return Ok(());
        }
        Err(Error::invalid("auth_flow", format!("{flow} flow not enabled for this client")))
    }

    /// Refuses attributes that the client may not write. Whether an address is proven, no client may say.
    ///
    /// # Errors
    /// `Unauthenticated`, in AWS' words.
    pub fn require_writable<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Result<()> {
        let may_write = |name: &String| {
            let is_listed = |names: &Vec<String>| names.contains(name);
            self.client.settings.write_attributes.as_ref().is_none_or(is_listed)
                && !name.starts_with("dev:")
                && !matches!(name.as_str(), "email_verified" | "phone_number_verified")
        };
        if names.into_iter().all(may_write) {
            return Ok(());
        }
        Err(Error::unauthenticated("A client attempted to write unauthorized attribute"))
    }

    /// Checks that whoever names `username` knows a secret of the client, where it has any: `given` is the
    /// HMAC-SHA256 of the name and the client's id under the secret, in base 64
    /// (<https://docs.aws.amazon.com/cognito/latest/developerguide/signing-up-users-in-your-app.html#cognito-user-pools-computing-secret-hash>).
    ///
    /// # Errors
    /// `Unauthenticated`, in AWS' words.
    pub fn check_secret_hash(&self, username: &str, given: Option<&Secret>) -> Result<()> {
        let id = &self.client.id;
        if self.secrets.is_empty() {
            return Ok(());
        }
        let Some(given) = given else {
            return Err(Error::unauthenticated(format!(
                "Client {id} is configured with secret but SECRET_HASH was not received"
            )));
        };
        let digest = STANDARD.decode(given.expose()).unwrap_or_default();
        let message = [username, id].concat();
        let is_of = |secret: &Secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
            hmac::verify(&key, message.as_bytes(), &digest).is_ok()
        };
        // Each is tried, whichever is right.
        if self.secrets.iter().fold(false, |is_good, secret| is_of(secret) | is_good) {
            return Ok(());
        }
        Err(Error::unauthenticated(format!("Unable to verify secret hash for client {id}")))
    }

    /// Checks that whoever shows `given` knows a secret of the client, where it has any.
    ///
    /// # Errors
    /// `Unauthenticated`.
    pub fn check_secret(&self, given: Option<&Secret>) -> Result<()> {
        let is_good =
            |given: &Secret| self.secrets.iter().fold(false, |is_good, secret| (secret == given) | is_good);
        if self.secrets.is_empty() || given.is_some_and(is_good) {
            return Ok(());
        }
        Err(Error::unauthenticated(format!("Unable to verify the secret of client {}", self.client.id)))
    }
}

impl Keyward {
    /// The app client of this id, with its pool.
    ///
    /// # Errors
    /// `NotFound(AppClient)`.
    pub async fn pool_client(&self, id: &str) -> Result<Arc<PoolClient>> {
        self.access
            .pool_client(id, &self.clock, async || {
                let Some(client) = self.store.app_client(id).await? else { return Ok(None) };
                let pool = self.user_pool(&client.pool_id).await?;
                let settings = pool.settings().await?;
                let secrets = self.client_secrets(&client)?;
                Ok(Some(PoolClient { pool, settings, client, secrets }))
            })
            .await?
            .ok_or_else(|| unknown_client(id))
    }

    /// Makes an app client of the pool.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `InvalidInput`, `Conflict` when the pool has
    /// 1,000 of them.
    pub async fn create_app_client(
        &self,
        caller: &Caller,
        pool_id: &str,
        new: NewAppClient,
    ) -> Result<DescribedAppClient> {
        const ACTION: &str = "app-client.create";
        let target = Target::named("app-client", &new.name);
        let outcome = async {
            caller.require(MANAGE_POOLS)?;
            let pool = self.known_pool(pool_id).await?;
            let name = valid_name(&new.name)?;
            new.settings.validate(&pool.settings)?;
            let secret = match &new.secret {
                NewSecret::None => None,
                NewSecret::Generated => Some(self.new_client_secret()),
                NewSecret::Chosen(secret) => Some(valid_secret(secret)?.clone()),
            };
            let request = (pool_id, &new);
            let create = async || {
                let now_ms = self.clock.now_ms();
                let mut client = AppClient {
                    id: self.random.lower_alphanumeric(26),
                    pool_id: pool.id.clone(),
                    name: name.to_owned(),
                    settings: new.settings.clone().with_each_flow_once(),
                    secrets: Vec::new(),
                    created_at_ms: now_ms,
                    updated_at_ms: now_ms,
                    version: 1,
                };
                if let Some(secret) = &secret {
                    client.secrets.push(self.sealed_client_secret(&client, secret)?);
                }
                let target = Target::new("app-client", &client.id, &client.name);
                let detail = json!({ "pool": pool.id });
                let described = DescribedAppClient { client, secret };
                let change = self.change_with_reply(caller, ACTION, &request, &described, target, detail)?;
                self.store.insert_app_client(&described.client, MAXIMUM_CLIENTS, &change).await?;
                Ok(described)
            };
            self.once(caller, ACTION, &request, create).await
        };
        self.audited(caller, ACTION, target, outcome.await).await
    }

    /// What is set of the app client of the pool, with its newest secret: whoever may manage it could give it
    /// another one.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `NotFound(AppClient)`.
    pub async fn described_app_client(
        &self,
        caller: &Caller,
        pool_id: &str,
        id: &str,
    ) -> Result<DescribedAppClient> {
        caller.require(MANAGE_POOLS)?;
        let client = self.known_client(pool_id, id).await?;
        let secret = self.client_secrets(&client)?.pop();
        Ok(DescribedAppClient { client, secret })
    }

    /// The app clients of the pool, by their ids, without their secrets.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`.
    pub async fn app_clients(
        &self,
        caller: &Caller,
        pool_id: &str,
        page: &Cursor,
    ) -> Result<Page<AppClient>> {
        caller.require(MANAGE_POOLS)?;
        let pool = self.known_pool(pool_id).await?;
        self.store.app_clients(&pool.id, page).await
    }

    /// What an app client of the pool has where an update says nothing. What nobody says of the client that
    /// Keyward's own command line signs in through must not lock everybody out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn unsaid_client_settings(&self, pool_id: &str, id: &str) -> Result<AppClientSettings> {
        let is_own = self.is_own_client(pool_id, id).await?;
        Ok(if is_own { AppClientSettings::of_home() } else { AppClientSettings::unsaid() })
    }

    /// Gives the app client the settings that `change` makes of those that it has, and a name where one is
    /// said. Its secrets stay.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, or without `*` for the one that Keyward itself signs in through;
    /// `NotFound(UserPool)`, `NotFound(AppClient)`, `PreconditionFailed`, `InvalidInput`, also when Keyward
    /// itself couldn't sign in any more.
    pub async fn update_app_client(
        &self,
        caller: &Caller,
        pool_id: &str,
        id: &str,
        if_match: Option<i64>,
        name: Option<&str>,
        change: impl FnOnce(AppClientSettings) -> AppClientSettings + Send,
    ) -> Result<DescribedAppClient> {
        const ACTION: &str = "app-client.update";
        let outcome = async {
            caller.require(MANAGE_POOLS)?;
            let pool = self.known_pool(pool_id).await?;
            let mut client = self.known_client(pool_id, id).await?;
            require_version(if_match, client.version)?;
            let before = client.clone();
            client.settings = change(client.settings).with_each_flow_once();
            client.settings.validate(&pool.settings)?;
            if self.is_own_client(pool_id, id).await? {
                caller.require("*")?;
                if !client.settings.lets_command_line_in() {
                    return Err(Error::invalid(
                        "flows",
                        "Keyward's own command line signs in through this app client; leave \
                         ALLOW_USER_PASSWORD_AUTH and ALLOW_REFRESH_TOKEN_AUTH on.",
                    ));
                }
            }
            if let Some(name) = name {
                valid_name(name)?.clone_into(&mut client.name);
            }
            client.updated_at_ms = self.clock.now_ms();
            let mut changed = changed_members(&before.settings, &client.settings)?;
            if client.name != before.name {
                changed.push("name".to_owned());
            }
            let target = Target::new("app-client", &client.id, &client.name);
            let detail = json!({ "pool": pool.id, "changed": changed });
            let change = self.change(caller, ACTION, target, detail);
            self.store.update_app_client(&client, &change).await?;
            client.version += 1;
            let secret = self.client_secrets(&client)?.pop();
            Ok(DescribedAppClient { client, secret })
        };
        self.audited(caller, ACTION, Target::named("app-client", id), outcome.await).await
    }

    /// Deletes the app client. The sessions that began through it end.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `NotFound(AppClient)`, `PreconditionFailed`,
    /// `Conflict` for the one that Keyward itself signs in through.
    pub async fn delete_app_client(
        &self,
        caller: &Caller,
        pool_id: &str,
        id: &str,
        if_match: Option<i64>,
    ) -> Result<AppClient> {
        const ACTION: &str = "app-client.delete";
        let outcome = async {
            caller.require(MANAGE_POOLS)?;
            let client = self.known_client(pool_id, id).await?;
            require_version(if_match, client.version)?;
            if self.is_own_client(pool_id, id).await? {
                return Err(Error::conflict(
                    "Keyward's own command line signs in through this app client; it can't be deleted.",
                ));
            }
            let target = Target::new("app-client", &client.id, &client.name);
            let change = self.change(caller, ACTION, target, json!({ "pool": client.pool_id }));
            self.store.delete_app_client(&client, &change).await?;
            Ok(client)
        };
        self.audited(caller, ACTION, Target::named("app-client", id), outcome.await).await
    }

    /// Gives the app client a second secret, this one or one that is made for it: both are good until one of
    /// them is deleted.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `NotFound(AppClient)`, `InvalidInput` for a
    /// client that was made without a secret, `Conflict` for one that has two.
    pub async fn add_client_secret(
        &self,
        caller: &Caller,
        pool_id: &str,
        id: &str,
        chosen: Option<&Secret>,
    ) -> Result<IssuedClientSecret> {
        const ACTION: &str = "app-client.add-secret";
        let outcome = async {
            caller.require(MANAGE_POOLS)?;
            let client = self.known_client(pool_id, id).await?;
            if client.secrets.is_empty() {
                return Err(Error::invalid(
                    "secret",
                    "The app client was made without a secret; make another one that has one.",
                ));
            }
            let request = (pool_id, id, chosen);
            let add = async || {
                if client.secrets.len() >= MAXIMUM_SECRETS {
                    return Err(Error::conflict("The app client has two secrets already; delete one first."));
                }
                let secret = match chosen {
                    Some(secret) => valid_secret(secret)?.clone(),
                    None => self.new_client_secret(),
                };
                let stored = self.sealed_client_secret(&client, &secret)?;
                let target = Target::new("app-client", &client.id, &client.name);
                let detail = json!({ "pool": client.pool_id, "secret_id": stored.id });
                let issued = IssuedClientSecret { stored, secret };
                let change = self.change_with_reply(caller, ACTION, &request, &issued, target, detail)?;
                self.store.insert_client_secret(&client, &issued.stored, &change).await?;
                Ok(issued)
            };
            self.once(caller, ACTION, &request, add).await
        };
        self.audited(caller, ACTION, Target::named("app-client", id), outcome.await).await
    }

    /// Takes a secret from the app client; the next request with it is refused.
    ///
    /// # Errors
    /// `Forbidden` without `manage:pools`, `NotFound(UserPool)`, `NotFound(AppClient)`,
    /// `NotFound(ClientSecret)`, `Conflict` for the only one: the client would be open to all.
    pub async fn delete_client_secret(
        &self,
        caller: &Caller,
        pool_id: &str,
        id: &str,
        secret_id: &str,
    ) -> Result<()> {
        const ACTION: &str = "app-client.delete-secret";
        let outcome = async {
            caller.require(MANAGE_POOLS)?;
            let client = self.known_client(pool_id, id).await?;
            if !client.secrets.iter().any(|secret| secret.id == secret_id) {
                return Err(Error::not_found(
                    Thing::ClientSecret,
                    "The app client has no secret of this id.",
                ));
            }
            if client.secrets.len() == 1 {
                return Err(Error::conflict(
                    "The last secret of an app client can't be deleted; add another one first.",
                ));
            }
            let target = Target::new("app-client", &client.id, &client.name);
            let change =
                self.change(caller, ACTION, target, json!({ "pool": pool_id, "secret_id": secret_id }));
            self.store.delete_client_secret(&client, secret_id, &change).await
        };
        self.audited(caller, ACTION, Target::named("app-client", id), outcome.await).await
    }

    /// Lets Keyward's own command line in through its app client again, where that was undone past this guard.
    pub(crate) async fn restore_own_client(&self, caller: &Caller) -> Result<()> {
        let first = self.local_pool.first_client().await?;
        let Some(mut client) = first.filter(|client| !client.settings.lets_command_line_in()) else {
            return Ok(());
        };
        client.settings.flows = AppClientSettings::of_home().flows;
        client.settings.rotation_grace_seconds = None;
        client.updated_at_ms = self.clock.now_ms();
        let target = Target::new("app-client", &client.id, &client.name);
        let change = self.change(caller, "app-client.update", target, json!({ "pool": client.pool_id }));
        self.store.update_app_client(&client, &change).await
    }

    /// Whether Keyward's own command line signs in through this one.
    async fn is_own_client(&self, pool_id: &str, id: &str) -> Result<bool> {
        let is_first = async || self.local_pool.first_client().await;
        Ok(self.is_home(pool_id) && is_first().await?.is_some_and(|first| first.id == id))
    }

    async fn known_client(&self, pool_id: &str, id: &str) -> Result<AppClient> {
        let pool = self.known_pool(pool_id).await?;
        let client = self.store.app_client(id).await?.filter(|client| client.pool_id == pool.id);
        client.ok_or_else(|| unknown_client(id))
    }

    fn new_client_secret(&self) -> Secret {
        Secret::from(self.random.lower_alphanumeric(SECRET_LENGTH))
    }

    /// A new secret of the client, as it is stored.
    fn sealed_client_secret(&self, client: &AppClient, secret: &Secret) -> Result<ClientSecret> {
        // Later than the others: the id tells them apart, and the time which is the newer one.
        let after_others = client.secrets.iter().map(|known| known.created_at_ms + 1);
        let created_at_ms = after_others.fold(self.clock.now_ms(), i64::max);
        let id = format!("{}--{created_at_ms}", client.id);
        let sealed = self.master_key.seal(&self.random, SEALED, secret.expose().as_bytes())?;
        Ok(ClientSecret { id, sealed, created_at_ms })
    }

    /// The client's secrets in clear, the older one first.
    fn client_secrets(&self, client: &AppClient) -> Result<Vec<Secret>> {
        let open = |secret: &ClientSecret| {
            let opened = self.master_key.open(SEALED, &secret.sealed);
            let text = opened.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
            text.map(Secret::from)
                .ok_or_else(|| Error::internal(anyhow::anyhow!("a client's secret can't be opened")))
        };
        client.secrets.iter().map(open).collect()
    }
}

/// A secret that Amazon's pattern allows
/// (<https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AddUserPoolClientSecret.html>).
fn valid_secret(secret: &Secret) -> Result<&Secret> {
    let text = secret.expose();
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+');
    if (24..=64).contains(&text.len()) && text.bytes().all(is_fit) {
        return Ok(secret);
    }
    Err(Error::invalid("secret", "A secret must be 24 to 64 letters, digits and characters of _+."))
}

/// The error for an app client that isn't there.
pub(crate) fn unknown_client(id: &str) -> Error {
    Error::not_found(Thing::AppClient, format!("User pool client {id} does not exist."))
}
