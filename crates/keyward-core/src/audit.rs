//! Who did what to whom, through which credential, when.

use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api_key::is_well_formed;
use crate::caller::{Caller, Identity};
use crate::code::{GoodCode, StoredCode};
use crate::error::{Code, Error, Result};
use crate::keyward::Keyward;
use crate::message::SealedMessage;
use crate::page::{Cursor, Page};
use crate::permission::VIEW_AUDIT;
use crate::random::Random;

/// How long an answer is kept for a request that is repeated with the same `Idempotency-Key`.
const REPLY_LIFETIME_MS: i64 = 10 * 60 * 1000;

/// One line of the audit log. Nothing secret is ever in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct AuditEvent {
    /// A UUID that sorts by time.
    pub id: String,
    pub at_ms: i64,
    /// As [`Caller::kind`] has it.
    pub actor_kind: String,
    pub actor_id: Option<String>,
    pub actor_name: String,
    /// As [`Caller::credential`] has it.
    pub credential: Option<String>,
    /// `noun.verb`, such as `api-key.create`.
    pub action: String,
    pub target_kind: String,
    pub target_id: Option<String>,
    pub target_name: Option<String>,
    pub outcome: Outcome,
    /// What else is worth knowing; an object.
    pub detail: Value,
    pub request_id: String,
    pub address: Option<String>,
}

/// What became of the act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was carried out.
    Done,
    /// The caller may not.
    Refused,
    /// It was tried and didn't succeed.
    Failed,
}

impl Outcome {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "done" => Self::Done,
            "refused" => Self::Refused,
            _ => Self::Failed,
        }
    }
}

/// What an act is done to.
#[derive(Debug, Clone, Default)]
pub struct Target {
    kind: &'static str,
    id: Option<String>,
    name: Option<String>,
}

impl Target {
    /// A thing of this kind, by its id and name.
    pub fn new(kind: &'static str, id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, id: Some(id.into()), name: Some(name.into()) }
    }

    /// A thing known only by the name that was asked for. That may be anything: what is kept of it is at most
    /// 256 characters that a database can hold, and no key that somebody gave in place of its id.
    pub fn named(kind: &'static str, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let is_part_of_keys = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
        let name = if name.split(|character| !is_part_of_keys(character)).any(is_well_formed) {
            "(an API key)".to_owned()
        } else {
            name.chars().filter(|character| !character.is_control()).take(256).collect()
        };
        Self { kind, id: None, name: Some(name) }
    }

    /// A thing that isn't known, and whose name isn't to be kept.
    pub fn unknown(kind: &'static str) -> Self {
        Self { kind, id: None, name: None }
    }
}

/// What enters the database together with a change: its event, the answer for a repeated request, the messages
/// that tell of it, the codes that it sends, and that the code is used up which permits it.
#[derive(Debug, Clone)]
pub struct Change {
    /// Who did what.
    pub event: AuditEvent,
    pub(crate) reply: Option<Reply>,
    pub(crate) messages: Vec<SealedMessage>,
    pub(crate) codes: Vec<StoredCode>,
    pub(crate) used_code: Option<GoodCode>,
}

/// The names of what differs between two versions of the same settings, for the detail of an event.
pub(crate) fn changed_members<T: Serialize>(before: &T, after: &T) -> Result<Vec<String>> {
    let members = |settings| match serde_json::to_value(settings) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(Error::internal(error)),
    };
    let (mut before, after) = (members(before)?, members(after)?);
    let mut changed: Vec<_> =
        after.into_iter().filter(|(name, value)| before.remove(name).as_ref() != Some(value)).collect();
    changed.extend(before);
    Ok(changed.into_iter().map(|(name, _)| name).collect())
}

impl Change {
    /// What goes with no change: the event alone.
    pub(crate) fn of(event: AuditEvent) -> Self {
        Self { event, reply: None, messages: Vec::new(), codes: Vec::new(), used_code: None }
    }

    /// What is made at the machine before there is a Keyward to make it.
    pub(crate) fn by_operator(random: &Random, now_ms: i64, action: &str, kind: &str, id: &str) -> Self {
        let event = AuditEvent {
            id: random.uuid_at(now_ms, 0),
            at_ms: now_ms,
            actor_kind: "operator".to_owned(),
            actor_id: None,
            actor_name: "operator".to_owned(),
            credential: None,
            action: action.to_owned(),
            target_kind: kind.to_owned(),
            target_id: Some(id.to_owned()),
            target_name: None,
            outcome: Outcome::Done,
            detail: serde_json::json!({}),
            request_id: String::new(),
            address: None,
        };
        Self::of(event)
    }
}

/// Numbers the events of one millisecond, so that they are listed in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct EventOrder(Mutex<(i64, u16)>);

impl EventOrder {
    pub(crate) fn next(&self, at_ms: i64) -> u16 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = if at_ms == last.0 { (at_ms, last.1.wrapping_add(1)) } else { (at_ms, 0) };
        last.1
    }
}

/// A sealed answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) id: String,
    pub(crate) fingerprint: String,
    pub(crate) sealed: String,
    pub(crate) expires_at_ms: i64,
}

/// Which events to list.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each name says it")]
pub struct AuditQuery {
    /// The actor's id or name.
    pub actor: Option<String>,
    pub action: Option<String>,
    /// The target's id or name.
    pub target: Option<String>,
    pub since_ms: Option<i64>,
    pub until_ms: Option<i64>,
    pub page: Cursor,
}

impl Keyward {
    /// The events that fit, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `view:audit`.
    pub async fn list_audit(&self, caller: &Caller, query: &AuditQuery) -> Result<Page<AuditEvent>> {
        caller.require(VIEW_AUDIT)?;
        self.store.audit_events(query).await
    }

    /// The change that `caller` makes to `target`, to be entered with it.
    pub(crate) fn change(&self, caller: &Caller, action: &str, target: Target, detail: Value) -> Change {
        Change::of(self.event(caller, action, target, Outcome::Done, detail))
    }

    /// As [`Keyward::change`], with the answer kept for a repeated request with the same `Idempotency-Key`.
    pub(crate) fn change_with_reply(
        &self,
        caller: &Caller,
        action: &str,
        request: &impl Serialize,
        answer: &impl Serialize,
        target: Target,
        detail: Value,
    ) -> Result<Change> {
        let reply = self.reply(caller, action, request, answer)?;
        Ok(Change { reply, ..self.change(caller, action, target, detail) })
    }

    /// The answer, to be entered with a change for a repeated request; nothing without an `Idempotency-Key`.
    pub(crate) fn reply(
        &self,
        caller: &Caller,
        action: &str,
        request: &impl Serialize,
        answer: &impl Serialize,
    ) -> Result<Option<Reply>> {
        let Some((id, fingerprint)) = self.reply_id(caller, action, request)? else { return Ok(None) };
        let plaintext = zeroize::Zeroizing::new(serde_json::to_vec(answer).map_err(Error::internal)?);
        let sealed = self.master_key.seal(&self.random, "reply", &plaintext)?;
        let expires_at_ms = self.clock.now_ms() + REPLY_LIFETIME_MS;
        Ok(Some(Reply { id, fingerprint, sealed, expires_at_ms }))
    }

    /// Carries `act` out, once for all requests of this caller with the same `Idempotency-Key`: the others
    /// have its answer. To be called when the caller's rights are checked, for that answer may hold a secret.
    pub(crate) async fn once<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        action: &str,
        request: &impl Serialize,
        act: impl AsyncFnOnce() -> Result<T>,
    ) -> Result<T> {
        if let Some(answer) = self.replay(caller, action, request).await? {
            return Ok(answer);
        }
        let outcome = act().await;
        // Who came at the same time and lost finds the winner's answer.
        if let Err(Error { code: Code::AlreadyExists(_) | Code::Conflict, .. }) = &outcome
            && let Some(answer) = self.replay(caller, action, request).await?
        {
            return Ok(answer);
        }
        outcome
    }

    /// The answer that this very request had before, when it carries an `Idempotency-Key` and was carried
    /// out.
    pub(crate) async fn replay<T: DeserializeOwned>(
        &self,
        caller: &Caller,
        action: &str,
        request: &impl Serialize,
    ) -> Result<Option<T>> {
        let Some((id, fingerprint)) = self.reply_id(caller, action, request)? else { return Ok(None) };
        let Some((known, sealed)) = self.store.reply(&id, self.clock.now_ms()).await? else {
            return Ok(None);
        };
        if known != fingerprint {
            return Err(Error::conflict(
                "This Idempotency-Key was used for a different request; take a new one for each request.",
            ));
        }
        let plaintext = self
            .master_key
            .open("reply", &sealed)
            .ok_or_else(|| Error::internal(anyhow::anyhow!("a kept reply can't be opened")))?;
        serde_json::from_slice(&plaintext).map(Some).map_err(Error::internal)
    }

    /// Under which id the reply is kept, and the fingerprint of the request; nothing without a key of the
    /// caller.
    fn reply_id(
        &self,
        caller: &Caller,
        action: &str,
        request: &impl Serialize,
    ) -> Result<Option<(String, String)>> {
        let Some(key) = &caller.origin.idempotency_key else { return Ok(None) };
        if key.is_empty() || key.len() > 128 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::invalid(
                "idempotency_key",
                "An Idempotency-Key must be 1 to 128 visible ASCII characters, such as a UUID.",
            ));
        }
        let who = serde_json::to_string(&(caller.kind(), caller.user_id(), caller.credential(), key))
            .map_err(Error::internal)?;
        let body =
            zeroize::Zeroizing::new(serde_json::to_string(&(action, request)).map_err(Error::internal)?);
        // Keyed, for the request may hold a password, and a plain hash of it could be guessed at.
        let fingerprint = self.master_key.fingerprint("reply", body.as_bytes())?;
        Ok(Some((crate::sha256_hex(who.as_bytes()), fingerprint)))
    }

    /// Passes `outcome` on; an act that the caller may not do is entered as an event of its own.
    pub(crate) async fn audited<T>(
        &self,
        caller: &Caller,
        action: &str,
        target: Target,
        outcome: Result<T>,
    ) -> Result<T> {
        if let Err(error) = &outcome
            && let Code::Forbidden(permission) = &error.code
        {
            let detail = serde_json::json!({ "missing": permission });
            let event = self.event(caller, action, target, Outcome::Refused, detail);
            if let Err(error) = self.store.record_event(&Change::of(event)).await {
                // The act is refused either way: a log line is all that's left to leave.
                tracing::warn!(error = ?error.cause, "a refusal could not be entered in the audit log");
            }
        }
        outcome
    }

    pub(crate) fn event(
        &self,
        caller: &Caller,
        action: &str,
        target: Target,
        outcome: Outcome,
        mut detail: Value,
    ) -> AuditEvent {
        let at_ms = self.clock.now_ms();
        if let (Identity::ApiKey { key_id, key_name, .. }, Some(members)) =
            (&*caller.standing.identity, detail.as_object_mut())
        {
            members.insert("through_key".into(), serde_json::json!({ "id": key_id, "name": key_name }));
        }
        AuditEvent {
            id: self.random.uuid_at(at_ms, self.event_order.next(at_ms)),
            at_ms,
            actor_kind: caller.kind().to_owned(),
            actor_id: caller.user_id().map(str::to_owned),
            actor_name: caller.name().to_owned(),
            credential: caller.credential().filter(|id| !id.is_empty()).map(str::to_owned),
            action: action.to_owned(),
            target_kind: target.kind.to_owned(),
            target_id: target.id,
            target_name: target.name,
            outcome,
            detail,
            request_id: caller.origin.request_id.clone(),
            address: caller.origin.address.map(|address| address.to_string()),
        }
    }
}
