//! Messages to people: codes and invitations.
//!
//! They wait in the database, sealed, where they were entered together with the change that they tell of:
//! nobody hears of what was undone, and what was done is told even when the server stops right after. The
//! server's worker hands them over ([`Keyward::take_messages`]).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;

use crate::audit::{Change, Outcome, Target};
use crate::caller::{Caller, Origin};
use crate::code::masked;
use crate::error::{Code, Error, Result};
use crate::keyward::Keyward;
use crate::page::{Cursor, Page};
use crate::secret::Secret;

/// What a message's content is sealed for.
const SEALED: &str = "message";
/// The longest address, bytes: 64 before the @ and 255 after it (RFC 5321 §4.5.3.1).
const ADDRESS_LENGTH: usize = 320;
/// For how long a message that was taken is given to nobody else. Whoever took it has done with it long before
/// that, or is no more.
const LEASE_MS: i64 = 2 * 60 * 1000;
/// The longest pause before another attempt.
const LONGEST_PAUSE_MS: i64 = 5 * 60 * 1000;
/// For how long a test message is of use.
const TEST_LIFETIME_MS: i64 = 15 * 60 * 1000;

/// By which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// To an email address.
    Email,
    /// To a phone number.
    Sms,
    /// To nobody: made and thrown away unseen for a name that nobody has, so that it costs the time that one
    /// costs that somebody has.
    Nowhere,
}

impl Channel {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Nowhere => "nowhere",
        }
    }

    /// Whether `to` looks like an address of this channel, on one line.
    fn reaches(self, to: &str) -> bool {
        let has_its_form = match self {
            Self::Email => to.contains('@') && !to.contains(|character: char| character.is_control()),
            Self::Sms => to
                .strip_prefix('+')
                .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())),
            Self::Nowhere => return true,
        };
        has_its_form && to.len() <= ADDRESS_LENGTH
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "email" => Self::Email,
            "sms" => Self::Sms,
            _ => Self::Nowhere,
        }
    }
}

/// What becomes of a channel's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// The server hands them over.
    Sent,
    /// They wait until they expire, for a developer to read ([`Keyward::outbox`]).
    #[default]
    Kept,
    /// There is no way: what has to send one is refused.
    Refused,
}

/// What becomes of the messages of each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each name says it")]
pub struct Deliveries {
    pub email: Delivery,
    pub sms: Delivery,
}

impl Deliveries {
    fn of(self, channel: Channel) -> Delivery {
        match channel {
            Channel::Email => self.email,
            Channel::Sms => self.sms,
            Channel::Nowhere => Delivery::Sent,
        }
    }

    /// The channels whose messages wait to be read here.
    fn kept(self) -> Vec<Channel> {
        let is_kept = |channel: &Channel| self.of(*channel) == Delivery::Kept;
        [Channel::Email, Channel::Sms].into_iter().filter(is_kept).collect()
    }
}

/// The text of a message, in which `{username}` stands for the user's name and `{####}` for the code or the
/// temporary password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Template<'a> {
    /// An SMS has none.
    pub subject: &'a str,
    /// With a tag of HTML in it, the whole is HTML.
    pub body: &'a str,
}

/// Amazon Cognito's texts, where a pool has none of its own
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pool-settings-message-customizations.html>).
impl Template<'static> {
    /// Of a code that confirms an address or lets a forgotten password be set.
    pub const VERIFICATION: Self =
        Self { subject: "Your verification code", body: "Your confirmation code is {####}" };
    /// Of a temporary password.
    pub const INVITATION: Self = Self {
        subject: "Your temporary password",
        body: "Your username is {username} and temporary password is {####}.",
    };
    /// Of a code to sign in with.
    pub const AUTHENTICATION: Self =
        Self { subject: "Your authentication code", body: "Your authentication code is {####}" };
    /// Of a message that is sent to see whether it arrives.
    const TEST: Self = Self {
        subject: "Test message",
        body: "{username} has sent this message to see whether it arrives. There is nothing to do.",
    };
}

impl Template<'_> {
    fn is_html(&self) -> bool {
        self.body.split_once('<').is_some_and(|(_, rest)| rest.contains('>'))
    }

    /// A subject is one line, whatever a name has in it.
    fn subject(&self, username: &str, code: &str) -> String {
        fill(self.subject, username, code).replace(|character: char| character.is_control(), " ")
    }

    fn body(&self, username: &str, code: &str) -> String {
        if self.is_html() {
            fill(self.body, &escape_html(username), &escape_html(code))
        } else {
            fill(self.body, username, code)
        }
    }
}

/// Read once from left to right: a name that looks like a placeholder stays a name.
fn fill(template: &str, username: &str, code: &str) -> String {
    let mut text = String::with_capacity(template.len() + username.len() + code.len());
    let mut rest = template;
    while let Some((before, from)) = rest.find('{').and_then(|at| rest.split_at_checked(at)) {
        text.push_str(before);
        let placeholders = [("{####}", code), ("{username}", username)];
        let found = placeholders.iter().find_map(|(name, value)| Some((from.strip_prefix(name)?, *value)));
        let (after, value) = found
            .unwrap_or_else(|| from.split_at_checked(1).map_or(("", from), |(brace, after)| (after, brace)));
        text.push_str(value);
        rest = after;
    }
    text + rest
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A message to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage<'a> {
    /// Whose user it is for.
    pub pool_id: &'a str,
    /// By which way.
    pub channel: Channel,
    /// An email address, or a phone number with `+` before it; anything for [`Channel::Nowhere`].
    pub to: &'a str,
    /// The text.
    pub template: Template<'a>,
    /// What stands for `{username}`.
    pub username: &'a str,
    /// What stands for `{####}`.
    pub code: &'a Secret,
    /// For how long it is of use, which is as long as the code in it is: then it is sent no more.
    pub lifetime_ms: i64,
}

/// A message that can be entered with a change ([`Change::with_message`]).
#[derive(Debug, Clone)]
pub struct SealedMessage {
    pub(crate) id: String,
    pub(crate) pool_id: String,
    pub(crate) channel: Channel,
    pub(crate) sealed: String,
    pub(crate) created_at_ms: i64,
    pub(crate) expires_at_ms: i64,
    /// Its change is let go of when it is committed: then there is something to send. Where it is let go of
    /// earlier, because nobody waits for the commit any more, the worker's next look round finds it.
    _wake: WakeOnDrop,
}

#[derive(Debug, Clone)]
struct WakeOnDrop(Arc<Notify>);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// What is sealed of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each name says it")]
pub struct Content {
    pub to: Secret,
    pub subject: Secret,
    pub body: Secret,
    pub is_html: bool,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// A UUID that sorts by time.
    pub id: String,
    /// Whose user it is for.
    pub pool_id: String,
    /// By which way it goes.
    pub channel: Channel,
    /// What it says to whom.
    pub content: Content,
    /// Milliseconds since the epoch, UTC.
    pub created_at_ms: i64,
    /// When it is of no more use.
    pub expires_at_ms: i64,
    /// How often it was taken.
    pub tries: i64,
    /// The audit event of the change that it tells of.
    pub event_id: String,
}

/// A message as it lies in the database.
#[derive(Debug)]
pub(crate) struct StoredMessage {
    pub(crate) id: String,
    pub(crate) pool_id: String,
    pub(crate) channel: String,
    pub(crate) sealed: String,
    pub(crate) created_at_ms: i64,
    pub(crate) expires_at_ms: i64,
    pub(crate) tries: i64,
    pub(crate) event_id: String,
}

impl Change {
    /// The same change, which also sends `message` once it is made.
    #[must_use]
    pub(crate) fn with_message(mut self, message: SealedMessage) -> Self {
        self.messages.push(message);
        self
    }
}

impl Keyward {
    /// Refuses what can't be done without sending something. To be asked before anything depends on whether
    /// the user is there, or this refusal tells it.
    ///
    /// # Errors
    /// `DeliveryFailed` where there is no way to send by this channel.
    pub fn require_channel(&self, channel: Channel) -> Result<()> {
        if self.settings.deliveries.of(channel) != Delivery::Refused {
            return Ok(());
        }
        Err(Error::new(
            Code::DeliveryFailed,
            match channel {
                Channel::Sms => {
                    "This server sends no SMS; its operator can set sms_command or sms_webhook for it."
                }
                Channel::Email | Channel::Nowhere => {
                    "This server sends no email; its operator can set smtp_url and mail_from for it."
                }
            },
        ))
    }

    /// A message to go with a change.
    ///
    /// # Errors
    /// As [`Keyward::require_channel`]; `InvalidInput("to")` for what is no address on one line.
    pub(crate) fn message(&self, new: &NewMessage<'_>) -> Result<SealedMessage> {
        self.require_channel(new.channel)?;
        if !new.channel.reaches(new.to) {
            return Err(Error::invalid(
                "to",
                "That is neither an email address nor a phone number with + before it.",
            ));
        }
        let code = new.code.expose();
        let content = Content {
            to: Secret::from(new.to),
            subject: match new.channel {
                Channel::Sms => Secret::default(),
                Channel::Email | Channel::Nowhere => new.template.subject(new.username, code).into(),
            },
            body: new.template.body(new.username, code).into(),
            is_html: new.channel == Channel::Email && new.template.is_html(),
        };
        let plaintext = zeroize::Zeroizing::new(serde_json::to_vec(&content).map_err(Error::internal)?);
        let created_at_ms = self.clock.now_ms();
        Ok(SealedMessage {
            id: self.random.uuid_at(created_at_ms, self.event_order.next(created_at_ms)),
            pool_id: new.pool_id.to_owned(),
            channel: new.channel,
            sealed: self.master_key.seal(&self.random, SEALED, &plaintext)?,
            created_at_ms,
            expires_at_ms: created_at_ms.saturating_add(new.lifetime_ms),
            _wake: WakeOnDrop(Arc::clone(&self.message_made)),
        })
    }

    /// Sends a message that is worth nothing, to see whether messages arrive: to a phone number (with `+`
    /// before it), or an email address. The message's id.
    ///
    /// # Errors
    /// `Forbidden` without `*`; `DeliveryFailed` where there is no way to send it; `InvalidInput("to")`.
    pub async fn send_test_message(&self, caller: &Caller, to: &str) -> Result<String> {
        let outcome = self.try_test_message(caller, to).await;
        self.audited(caller, "message.test", Target::unknown("message"), outcome).await
    }

    async fn try_test_message(&self, caller: &Caller, to: &str) -> Result<String> {
        caller.require("*")?;
        self.once(caller, "message.test", &to, async || self.make_test_message(caller, to).await).await
    }

    async fn make_test_message(&self, caller: &Caller, to: &str) -> Result<String> {
        let channel = if to.starts_with('+') { Channel::Sms } else { Channel::Email };
        let message = self.message(&NewMessage {
            pool_id: self.directory.pool_id(),
            channel,
            to,
            template: Template::TEST,
            username: caller.name(),
            code: &Secret::default(),
            lifetime_ms: TEST_LIFETIME_MS,
        })?;
        let id = message.id.clone();
        let target = Target::new("message", &id, channel.as_str());
        let change = self
            .change_with_reply(caller, "message.test", &to, &id, target, json!({ "to": masked(to) }))?
            .with_message(message);
        self.store.record_event(&change).await?;
        Ok(id)
    }

    /// The messages that wait to be read here instead of being sent, newest last.
    ///
    /// # Errors
    /// `Forbidden` without `*`; `Conflict` where nothing waits to be read.
    pub async fn outbox(&self, caller: &Caller, page: &Cursor) -> Result<Page<Message>> {
        caller.require("*")?;
        let channels = self.settings.deliveries.kept();
        if channels.is_empty() {
            return Err(Error::conflict(
                "This server keeps no outbox: it sends its messages, or is not for development.",
            ));
        }
        let page = self.store.waiting_messages(&channels, self.clock.now_ms(), page).await?;
        let items: Result<_> = page.items.into_iter().map(|stored| self.open_message(stored)).collect();
        Ok(Page { items: items?, next: page.next })
    }

    /// Waits until a message was made here. At most one that waits hears of it.
    pub async fn message_made(&self) {
        self.message_made.notified().await;
    }

    /// Up to `limit` messages to be sent now, each to be reported with [`Keyward::message_sent`] or
    /// [`Keyward::message_not_sent`]; nobody else is given them in the meantime. What has expired is given up.
    pub async fn take_messages(&self, limit: usize) -> Result<Vec<Message>> {
        let now_ms = self.clock.now_ms();
        let kept = self.settings.deliveries.kept();
        let taken = self.store.take_messages(&kept, limit, now_ms, now_ms + LEASE_MS).await?;
        let mut messages = Vec::with_capacity(taken.len());
        for stored in taken {
            let (id, event_id, channel) =
                (stored.id.clone(), stored.event_id.clone(), stored.channel.clone());
            let (tries, has_expired) = (stored.tries, stored.expires_at_ms <= now_ms);
            match self.open_message(stored) {
                Ok(message) if !has_expired => messages.push(message),
                Ok(_) => self.give_up(&id, &event_id, &channel, tries - 1, "expired").await?,
                Err(error) => {
                    tracing::warn!(cause = ?error.cause, message_id = id, "a message can't be opened");
                    self.give_up(&id, &event_id, &channel, tries - 1, "unreadable").await?;
                }
            }
        }
        Ok(messages)
    }

    /// Forgets a message that was handed over.
    pub async fn message_sent(&self, message: &Message) -> Result<()> {
        self.store.delete_message(&message.id).await
    }

    /// Lets a message be taken again after a pause that grows with each attempt; `is_hopeless` says that no
    /// attempt would ever succeed.
    pub async fn message_not_sent(&self, message: &Message, is_hopeless: bool) -> Result<()> {
        let Message { id, event_id, channel, tries, .. } = message;
        if is_hopeless {
            return self.give_up(id, event_id, channel.as_str(), *tries, "refused").await;
        }
        self.store.postpone_message(id, self.clock.now_ms().saturating_add(pause_ms(*tries))).await
    }

    /// Throws a message away that nobody will get, and enters that: `event_id` leads to whom it was for.
    async fn give_up(&self, id: &str, event_id: &str, channel: &str, tries: i64, reason: &str) -> Result<()> {
        tracing::warn!(message_id = id, event_id, channel, tries, reason, "a message was given up");
        let target = Target::new("message", id, channel);
        let detail = json!({ "event": event_id, "reason": reason, "tries": tries });
        let nobody = Caller::nobody(Origin::default());
        let event = self.event(&nobody, "message.send", target, Outcome::Failed, detail);
        self.store.give_message_up(id, &Change::of(event)).await
    }

    fn open_message(&self, stored: StoredMessage) -> Result<Message> {
        let plaintext = self
            .master_key
            .open(SEALED, &stored.sealed)
            .ok_or_else(|| Error::internal(anyhow::anyhow!("it was sealed under another master key")))?;
        Ok(Message {
            id: stored.id,
            pool_id: stored.pool_id,
            channel: Channel::parse(&stored.channel),
            content: serde_json::from_slice(&plaintext).map_err(Error::internal)?,
            created_at_ms: stored.created_at_ms,
            expires_at_ms: stored.expires_at_ms,
            tries: stored.tries,
            event_id: stored.event_id,
        })
    }
}

/// Two seconds after the first attempt, twice as long after each further one.
fn pause_ms(tries: i64) -> i64 {
    let doublings = u32::try_from(tries.clamp(1, 16)).unwrap_or(16);
    (1000_i64 << doublings).min(LONGEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_filled_once() {
        let template = Template { subject: "{username}: {####}", body: "{user} {####} {{username}} {" };

        assert_eq!(template.subject("ada", "123456"), "ada: 123456");
        assert_eq!(template.body("{####}", "1{username}2"), "{user} 1{username}2 {{####}} {");
        assert_eq!(Template::VERIFICATION.body("ada", "123456"), "Your confirmation code is 123456");
        assert_eq!(
            Template::INVITATION.body("zoë", "p<w>&"),
            "Your username is zoë and temporary password is p<w>&."
        );
    }

    #[test]
    fn a_subject_stays_one_line() {
        let template = Template { subject: "Hello {username}\n", body: "" };

        assert_eq!(template.subject("ada\r\nBcc: eve@example.com", ""), "Hello ada  Bcc: eve@example.com ");
    }

    #[test]
    fn a_name_is_no_markup() {
        let template = Template { subject: "", body: "<p>Hello {username}: <b>{####}</b></p>" };

        assert_eq!(
            template.body("<script>\"&", "a<b"),
            "<p>Hello &lt;script&gt;&quot;&amp;: <b>a&lt;b</b></p>"
        );
        assert!(template.is_html());
    }

    #[test]
    fn pauses_grow_to_five_minutes() {
        let pauses: Vec<_> = [1, 2, 3, 8, 9, 1000].map(pause_ms).into();

        assert_eq!(pauses, [2000, 4000, 8000, 256_000, 300_000, 300_000]);
    }
}
