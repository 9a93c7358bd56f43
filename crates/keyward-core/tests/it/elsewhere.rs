//! A pool of users in memory, in the place of one that is kept elsewhere. It keeps what it is told as Amazon does, and
//! signs tokens; so what is tested is ours: what the database has of its users, and of the changes that were begun.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::pending;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use async_trait::async_trait;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Error, Result, Thing};
use keyward_core::local_pool::factor::MfaPreference;
use keyward_core::local_pool::sign_in::Tokens;
use keyward_core::random::Random;
use keyward_core::remote_pool::{
    RemoteFilter, RemotePoolFacts, RemotePoolSettings, RemoteSignIn, RemoteUser, UserPoolService,
};
use keyward_core::secret::Secret;
use keyward_core::user::UserStatus;
use keyward_core::user_pool::UserPoolSettings;
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The client that tokens are for.
pub(crate) const CLIENT: &str = "1ue2h7glihso8gpq4pm4s0rs42";
/// How old what is known of its users may be, milliseconds.
pub(crate) const BOUND_MS: i64 = 60_000;
/// The id of the key that signs tokens.
pub(crate) const KEY_ID: &str = "first";

/// One for all: to make one takes long.
pub(crate) static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is refused as one too many.
    Throttled,
    /// It isn't carried out, and nobody answers.
    Lost,
    /// It is carried out or not, and nothing comes back for ever.
    Hung { is_carried_out: bool },
    /// It waits until all is well.
    Held,
}

/// The pool.
pub(crate) struct Elsewhere {
    pub(crate) id: String,
    clock: Clock,
    people: Mutex<People>,
    /// Whose calls fail how, until it is healed.
    fault: Mutex<Option<(&'static str, Fault)>>,
    asked: Mutex<Vec<&'static str>>,
    hit: Notify,
    healed: Notify,
}

#[derive(Default)]
struct People {
    pool_name: String,
    settings: UserPoolSettings,
    users: BTreeMap<String, Account>,
    groups: BTreeMap<String, BTreeSet<String>>,
    /// The ids of the keys that are published.
    keys: Vec<String>,
}

struct Account {
    user: RemoteUser,
    password: String,
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Elsewhere").field("id", &self.id).finish_non_exhaustive()
    }
}

impl People {
    fn account(&mut self, name: &str) -> Result<&mut Account> {
        let nobody = || Error::not_found(Thing::User, "User does not exist.");
        self.users.get_mut(name).ok_or_else(nobody)
    }
}

impl Elsewhere {
    pub(crate) fn new(id: &str, clock: &Clock) -> Arc<Self> {
        let people =
            People { pool_name: "people".into(), keys: vec![KEY_ID.to_owned()], ..People::default() };
        Arc::new(Self {
            id: id.to_owned(),
            clock: clock.clone(),
            people: Mutex::new(people),
            fault: Mutex::default(),
            asked: Mutex::default(),
            hit: Notify::new(),
            healed: Notify::new(),
        })
    }

    /// What Keyward is told of it.
    pub(crate) fn settings(&self) -> RemotePoolSettings {
        let groups = ["ADMINS", "LAB_MANAGERS", "RESEARCHERS", "CLINICIANS", "NIGHT"];
        RemotePoolSettings {
            id: self.id.clone(),
            client_id: CLIENT.into(),
            endpoint: "http://elsewhere.example".into(),
            issuers: vec![self.issuer()],
            groups: groups.map(str::to_owned).into(),
            bound_ms: BOUND_MS,
        }
    }

    pub(crate) fn issuer(&self) -> String {
        format!("https://cognito-idp.us-east-1.amazonaws.com/{}", self.id)
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap()
    }

    /// From now on, these calls fail so.
    pub(crate) fn let_fail(&self, call: &'static str, fault: Fault) {
        *self.fault.lock().unwrap() = Some((call, fault));
    }

    /// From now on, all is well.
    pub(crate) fn heal(&self) {
        *self.fault.lock().unwrap() = None;
        self.healed.notify_one();
    }

    /// Waits until a call meets its fault.
    pub(crate) async fn hit(&self) {
        self.hit.notified().await;
    }

    /// How often this was asked so far.
    pub(crate) fn asked(&self, call: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| **asked == call).count()
    }

    /// Is set up otherwise.
    pub(crate) fn set(&self, pool_name: &str, settings: UserPoolSettings) {
        let mut people = self.people();
        (people.pool_name, people.settings) = (pool_name.to_owned(), settings);
    }

    /// Publishes these keys alone, which are all the same one.
    pub(crate) fn publish(&self, keys: &[&str]) {
        self.people().keys = keys.iter().copied().map(str::to_owned).collect();
    }

    /// Has somebody, made past Keyward, who is in these groups. Their `sub`.
    pub(crate) async fn enroll(&self, name: &str, groups: &[&str]) -> String {
        let attributes = [("email".to_owned(), name.to_owned())].into();
        let user = self.create_user(name, &attributes, &Secret::from("Temporary-3")).await.unwrap();
        self.set_password(name, &Secret::from("Battery-staple-2"), true).await.unwrap();
        for group in groups {
            self.create_group(group, "").await.unwrap();
            self.add_to_group(name, group).await.unwrap();
        }
        user.id().to_owned()
    }

    /// Has this user show codes by SMS.
    pub(crate) async fn ask_for_sms(&self, name: &str) {
        let on = MfaPreference { sms: true, ..MfaPreference::default() };
        self.change("ask_for_sms", name, |account| account.user.mfa = Some(on)).await.unwrap();
    }

    /// What an ID token of this user says who signs in now.
    pub(crate) fn claims(&self, sub: &str) -> Value {
        let now = self.clock.now_seconds();
        json!({
            "sub": sub, "iss": self.issuer(), "aud": CLIENT, "token_use": "id", "cognito:username": sub,
            "origin_jti": "session-1", "jti": "token-1", "auth_time": now, "iat": now, "exp": now + 3600,
        })
    }

    async fn act<T>(
        &self,
        call: &'static str,
        act: impl FnOnce(&mut People) -> Result<T> + Send,
    ) -> Result<T> {
        self.asked.lock().unwrap().push(call);
        let fault =
            self.fault.lock().unwrap().filter(|(failing, _)| *failing == call).map(|(_, fault)| fault);
        if fault.is_some() {
            self.hit.notify_one();
        }
        match fault {
            Some(Fault::Throttled) => return Err(Error::new(Code::TooManyRequests(1), "Too many requests.")),
            Some(Fault::Lost) => return Err(Error::new(Code::Unavailable, "Nobody answers.")),
            Some(Fault::Hung { is_carried_out: false }) => pending().await,
            Some(Fault::Held) => self.healed.notified().await,
            Some(Fault::Hung { .. }) | None => {}
        }
        let outcome = act(&mut self.people());
        if let Some(Fault::Hung { .. }) = fault {
            pending::<()>().await;
        }
        outcome
    }

    async fn change(
        &self,
        call: &'static str,
        name: &str,
        change: impl FnOnce(&mut Account) + Send,
    ) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let change = |people: &mut People| {
            let account = people.account(name)?;
            account.user.updated_at_ms = now_ms;
            change(account);
            Ok(())
        };
        self.act(call, change).await
    }
}

/// A token with this header, signed with [`KEY`].
pub(crate) fn signed(header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let mut signature = vec![0; KEY.public_modulus_len()];
    KEY.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// The public half of a key, as it is published.
pub(crate) fn jwk(id: &str, key: &KeyPair) -> Value {
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    json!({ "kty": "RSA", "kid": id, "use": "sig", "alg": "RS256", "n": encode(&public.n), "e": encode(&public.e) })
}

#[async_trait]
impl UserPoolService for Elsewhere {
    async fn pool(&self) -> Result<Option<RemotePoolFacts>> {
        let facts = |people: &mut People| {
            Ok(Some(RemotePoolFacts { name: people.pool_name.clone(), settings: people.settings.clone() }))
        };
        self.act("pool", facts).await
    }

    async fn user(&self, name: &str) -> Result<Option<RemoteUser>> {
        self.act("user", |people| Ok(people.users.get(name).map(|account| account.user.clone()))).await
    }

    async fn groups_of(&self, name: &str) -> Result<Vec<String>> {
        let groups = |people: &mut People| {
            let is_in = |(_, members): &(&String, &BTreeSet<String>)| members.contains(name);
            Ok(people.groups.iter().filter(is_in).map(|(group, _)| group.clone()).collect())
        };
        self.act("groups_of", groups).await
    }

    async fn users(
        &self,
        filter: Option<RemoteFilter<'_>>,
        limit: usize,
        token: Option<&str>,
    ) -> Result<(Vec<RemoteUser>, Option<String>)> {
        let fits = |user: &RemoteUser| {
            filter.is_none_or(|RemoteFilter { attribute, value, is_prefix }| {
                let held = match attribute {
                    "username" => Some(&user.name),
                    attribute => user.attributes.get(attribute),
                };
                held.is_some_and(|held| held == value || (is_prefix && held.starts_with(value)))
            })
        };
        let page = |people: &mut People| {
            let users = people.users.values().map(|account| &account.user);
            let behind =
                users.filter(|user| token.is_none_or(|last| user.name.as_str() > last) && fits(user));
            let found: Vec<_> = behind.take(limit + 1).cloned().collect();
            let (page, more) = found.split_at(limit.min(found.len()));
            let token = page.last().filter(|_| !more.is_empty()).map(|last| last.name.clone());
            Ok((page.to_vec(), token))
        };
        self.act("users", page).await
    }

    async fn members(&self, group: &str) -> Result<Vec<RemoteUser>> {
        let members = |people: &mut People| {
            let names = people.groups.get(group).into_iter().flatten();
            Ok(names.filter_map(|name| Some(people.users.get(name)?.user.clone())).collect())
        };
        self.act("members", members).await
    }

    async fn create_user(
        &self,
        name: &str,
        attributes: &BTreeMap<String, String>,
        temporary_password: &Secret,
    ) -> Result<RemoteUser> {
        let now_ms = self.clock.now_ms();
        let create = |people: &mut People| {
            if people.users.contains_key(name) {
                return Err(Error::already_exists(Thing::User, "User account already exists"));
            }
            let mut attributes = attributes.clone();
            attributes.insert("sub".into(), Random::System.uuid());
            let user = RemoteUser {
                name: name.to_owned(),
                attributes,
                status: UserStatus::ForceChangePassword,
                enabled: true,
                mfa: None,
                created_at_ms: now_ms,
                updated_at_ms: now_ms,
            };
            let password = temporary_password.expose().to_owned();
            people.users.insert(name.to_owned(), Account { user: user.clone(), password });
            Ok(user)
        };
        self.act("create_user", create).await
    }

    async fn set_password(&self, name: &str, password: &Secret, is_permanent: bool) -> Result<()> {
        let set = |account: &mut Account| {
            password.expose().clone_into(&mut account.password);
            account.user.status =
                if is_permanent { UserStatus::Confirmed } else { UserStatus::ForceChangePassword };
        };
        self.change("set_password", name, set).await
    }

    async fn set_attributes(&self, name: &str, attributes: &BTreeMap<String, String>) -> Result<()> {
        let set = |account: &mut Account| account.user.attributes.extend(attributes.clone());
        self.change("set_attributes", name, set).await
    }

    async fn delete_attributes(&self, name: &str, attributes: &[String]) -> Result<()> {
        let delete =
            |account: &mut Account| account.user.attributes.retain(|name, _| !attributes.contains(name));
        self.change("delete_attributes", name, delete).await
    }

    async fn set_enabled(&self, name: &str, enabled: bool) -> Result<()> {
        self.change("set_enabled", name, |account| account.user.enabled = enabled).await
    }

    async fn confirm(&self, name: &str) -> Result<()> {
        self.change("confirm", name, |account| account.user.status = UserStatus::Confirmed).await
    }

    async fn forget_factors(&self, name: &str, factors: MfaPreference) -> Result<()> {
        let forget = |account: &mut Account| {
            let mut on = account.user.mfa.unwrap_or_default();
            factors.enabled().for_each(|factor| on.set(factor, false));
            account.user.mfa = Some(on);
        };
        self.change("forget_factors", name, forget).await
    }

    async fn sign_out(&self, name: &str) -> Result<()> {
        self.change("sign_out", name, |_| {}).await
    }

    async fn delete_user(&self, name: &str) -> Result<()> {
        let delete = |people: &mut People| {
            people.users.remove(name);
            for members in people.groups.values_mut() {
                members.remove(name);
            }
            Ok(())
        };
        self.act("delete_user", delete).await
    }

    async fn create_group(&self, group: &str, _: &str) -> Result<()> {
        let create = |people: &mut People| {
            people.groups.entry(group.to_owned()).or_default();
            Ok(())
        };
        self.act("create_group", create).await
    }

    async fn delete_group(&self, group: &str) -> Result<()> {
        let delete = |people: &mut People| {
            people.groups.remove(group);
            Ok(())
        };
        self.act("delete_group", delete).await
    }

    async fn add_to_group(&self, name: &str, group: &str) -> Result<()> {
        let add = |people: &mut People| {
            people.account(name)?;
            let unknown = || Error::not_found(Thing::Role, "Group not found.");
            people.groups.get_mut(group).ok_or_else(unknown)?.insert(name.to_owned());
            Ok(())
        };
        self.act("add_to_group", add).await
    }

    async fn remove_from_group(&self, name: &str, group: &str) -> Result<()> {
        let remove = |people: &mut People| {
            people.account(name)?;
            if let Some(members) = people.groups.get_mut(group) {
                members.remove(name);
            }
            Ok(())
        };
        self.act("remove_from_group", remove).await
    }

    async fn signing_keys(&self) -> Result<Value> {
        let keys = |people: &mut People| {
            let keys: Vec<_> = people.keys.iter().map(|id| jwk(id, &KEY)).collect();
            Ok(json!({ "keys": keys }))
        };
        self.act("signing_keys", keys).await
    }

    async fn sign_in(&self, name: &str, password: &Secret) -> Result<RemoteSignIn> {
        let sign_in = |people: &mut People| {
            let account = people.users.get(name);
            let account =
                account.filter(|account| account.password == password.expose() && account.user.enabled);
            let Some(Account { user, .. }) = account else {
                return Err(Error::unauthenticated("Incorrect username or password."));
            };
            if user.status == UserStatus::ForceChangePassword {
                return Ok(RemoteSignIn::Challenge("NEW_PASSWORD_REQUIRED".to_owned()));
            }
            let token = Secret::from(
                signed(&json!({ "alg": "RS256", "kid": KEY_ID }), &self.claims(user.id())).as_str(),
            );
            Ok(RemoteSignIn::Done(Tokens {
                id_token: token.clone(),
                access_token: token,
                refresh_token: None,
                expires_in_seconds: 3600,
            }))
        };
        self.act("sign_in", sign_in).await
    }
}
