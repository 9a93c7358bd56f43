//! One-time codes that are sent to an address: whoever shows one has read what was sent there.
//!
//! A code enters the database with the change that sends it ([`Change::with_code`]), as a fingerprint alone; it
//! is shown with [`Keyward::check_code`], which counts the guess before it says anything; and it is used up in
//! the transaction of what it permits ([`Change::using_code`]). So of a hundred guesses made at once five count,
//! and of two who show the right one at once one has it. For a name that nobody has all of it happens too, but
//! for the sending: it takes the same work and looks the same.

use crate::app_client::PoolClient;
use crate::audit::Change;
use crate::error::{Code, Error, Result};
use crate::keyward::Keyward;
use crate::local_pool::LocalPool;
use crate::message::{Channel, NewMessage, SealedMessage, Template};
use crate::secret::Secret;
use crate::user::User;
use crate::user_pool::UserPoolSettings;

/// What a code's fingerprint is made for.
const CODE: &str = "one-time code";
/// What stands for a name that nobody has.
const NOBODY: &str = "owner of a code";
/// What stands for an address that codes go to.
const DESTINATION: &str = "destination of codes";
/// How often a code may be guessed.
pub(crate) const TRIES: i64 = 5;
/// In which time the codes that were asked for are counted.
pub(crate) const COUNTED_MS: i64 = HOUR_MS;
const HOUR_MS: i64 = 60 * 60 * 1000;

/// What a code is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Makes who has signed up a confirmed user, and proves the address.
    SignUp,
    /// Lets a forgotten password be set.
    Password,
    /// Proves an email address.
    Email,
    /// Proves a phone number.
    Phone,
    /// Signs in, in place of a password, by email. Each way is counted alone: who has but one of the two would
    /// else be told from nobody.
    SignInByEmail,
    /// The same by SMS.
    SignInBySms,
    /// Signs in, after the password.
    SecondFactor,
}

impl Purpose {
    /// As it is stored.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign_up",
            Self::Password => "password",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::SignInByEmail => "sign_in_by_email",
            Self::SignInBySms => "sign_in_by_sms",
            Self::SecondFactor => "second_factor",
        }
    }

    /// What is the only thing that must be known has two digits more, as Amazon's has; so has what signs in
    /// together with the sign-up that it confirms.
    fn digits(self, settings: &UserPoolSettings) -> usize {
        match self {
            Self::SignInByEmail | Self::SignInBySms => 8,
            Self::SignUp if settings.is_passwordless() => 8,
            _ => 6,
        }
    }

    /// For how long a code is good when nothing else is said, as with Amazon
    /// (<https://docs.aws.amazon.com/cognito/latest/developerguide/how-to-recover-a-user-account.html>).
    fn lifetime_ms(self) -> i64 {
        match self {
            Self::SignUp | Self::Email | Self::Phone => 24 * HOUR_MS,
            Self::Password => HOUR_MS,
            Self::SignInByEmail | Self::SignInBySms | Self::SecondFactor => 3 * 60 * 1000,
        }
    }

    /// How many may be sent in [`COUNTED_MS`]. Amazon lets "between 5 and 20" be asked for in an hour
    /// (<https://docs.aws.amazon.com/cognito/latest/developerguide/how-to-recover-a-user-account.html>); who
    /// signs in does so more often than they forget their password.
    fn sent_at_most(self) -> i64 {
        match self {
            Self::SignUp | Self::Password | Self::Email | Self::Phone => 5,
            Self::SignInByEmail | Self::SignInBySms | Self::SecondFactor => 20,
        }
    }

    /// The message that tells it.
    fn template(self, settings: &UserPoolSettings, channel: Channel) -> Template<'_> {
        match self {
            Self::SignUp | Self::Password | Self::Email | Self::Phone => settings.verification(channel),
            Self::SignInByEmail | Self::SignInBySms | Self::SecondFactor => settings.authentication(channel),
        }
    }
}

/// Whose code it is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CodeOwner<'a> {
    /// A user of the pool.
    User(&'a User),
    /// A name, as it was typed, that nobody has: nothing is sent.
    Nobody(&'a str),
}

/// A code to be made. A new one makes the one before it void that its owner has for the same purpose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewCode<'a> {
    pub(crate) pool: &'a LocalPool,
    /// What is set of the pool.
    pub(crate) settings: &'a UserPoolSettings,
    pub(crate) owner: CodeOwner<'a>,
    pub(crate) purpose: Purpose,
    /// For how long it is good, where that is for another to say: the challenge's time, at a sign-in.
    pub(crate) lifetime_ms: Option<i64>,
    /// Email or SMS, also where nothing is sent.
    pub(crate) channel: Channel,
    /// Where it goes; anything where nothing is sent.
    pub(crate) to: &'a str,
}

/// A code that can be entered with a change ([`Change::with_code`]), and the message that tells it.
#[derive(Debug, Clone)]
pub(crate) struct SealedCode {
    /// What is said of where it goes.
    pub(crate) delivery: CodeDelivery,
    pub(crate) stored: StoredCode,
    message: SealedMessage,
}

/// Where a code went, as whoever asked for it may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeDelivery {
    /// Email or SMS.
    pub channel: Channel,
    /// `a***@e***`, `+*******1234`.
    pub masked: String,
}

impl CodeDelivery {
    /// What is told where the app client hides who exists, of somebody's code as of nobody's: what the name says
    /// that was typed, and where that is no address, that it goes by email, as most have one. Anything else
    /// would tell of the user, be it the case of a letter.
    pub(crate) fn seeming(name: &str, channels: &[Channel]) -> Self {
        let is_number =
            |digits: &str| digits.len() >= 4 && digits.bytes().all(|digit| digit.is_ascii_digit());
        let is_address = |(local, domain): (&str, &str)| !local.is_empty() && !domain.is_empty();
        let typed = if name.strip_prefix('+').is_some_and(is_number) {
            Some(Channel::Sms)
        } else {
            name.split_once('@').is_some_and(is_address).then_some(Channel::Email)
        };
        if let Some(channel) = typed.filter(|channel| channels.contains(channel)) {
            return Self { channel, masked: masked(name) };
        }
        let (channel, address) =
            if channels.contains(&Channel::Email) { (Channel::Email, "@") } else { (Channel::Sms, "+") };
        Self { channel, masked: masked(address) }
    }
}

impl SealedCode {
    /// The same code, which isn't one of those that may be sent in [`COUNTED_MS`].
    pub(crate) fn uncounted(mut self) -> Self {
        self.stored.is_counted = false;
        self
    }
}

/// A code as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct StoredCode {
    pub(crate) pool_id: String,
    pub(crate) owner: String,
    pub(crate) purpose: Purpose,
    pub(crate) channel: Channel,
    /// The address that it proves.
    pub(crate) destination: String,
    /// The address that the user has as long as this one isn't proven: most often the same; empty for none.
    pub(crate) replaces: String,
    pub(crate) fingerprint: String,
    /// How many may be sent in [`COUNTED_MS`].
    pub(crate) sent_at_most: i64,
    /// Whether it is one of them.
    pub(crate) is_counted: bool,
    pub(crate) created_at_ms: i64,
    pub(crate) expires_at_ms: i64,
}

/// A code that somebody shows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownCode<'a> {
    pub(crate) pool: &'a LocalPool,
    pub(crate) owner: CodeOwner<'a>,
    pub(crate) purpose: Purpose,
    pub(crate) code: &'a Secret,
    /// Whether the app client hides who exists. Then a code that isn't there (any more) is as a wrong one, in
    /// words and in what is entered: it is all that nobody has.
    pub(crate) is_hidden: bool,
}

/// A code that was right, to be used up by the change that it permits ([`Change::using_code`]).
#[derive(Debug, Clone)]
pub(crate) struct GoodCode {
    pub(crate) pool_id: String,
    pub(crate) owner: String,
    pub(crate) purpose: Purpose,
    pub(crate) fingerprint: String,
    /// By which way it went.
    pub(crate) channel: Channel,
    /// The address that it proves.
    pub(crate) destination: String,
    /// The address that the user had when it was sent.
    pub(crate) replaces: String,
}

impl GoodCode {
    /// Makes the address that it went to the user's, proven.
    ///
    /// # Errors
    /// `CodeExpired` when the user's address was changed since it was sent.
    pub(crate) fn prove(&self, user: &mut User) -> Result<()> {
        if user.address(self.channel).map_or("", |(address, _)| address) != self.replaces {
            return Err(code_void());
        }
        let address = Some(self.destination.clone());
        match self.channel {
            Channel::Sms => (user.phone, user.phone_verified) = (address, true),
            Channel::Email | Channel::Nowhere => (user.email, user.email_verified) = (address, true),
        }
        Ok(())
    }
}

/// What the database says to a guess.
#[derive(Debug)]
pub(crate) enum Guess {
    /// It is the code.
    Right(GoodCode),
    /// It isn't.
    Wrong,
    /// There is no code (any more) that could be guessed.
    Void,
}

impl Change {
    /// The same change, which also makes this the code of its owner and purpose, and sends it. It is refused
    /// (`LimitExceeded`) when too many were sent lately.
    #[must_use]
    pub(crate) fn with_code(mut self, code: SealedCode) -> Self {
        self.codes.push(code.stored);
        self.with_message(code.message)
    }

    /// The same for a code that goes to whoever signs up, which counts for the address, too: who signs up is
    /// another one each time.
    pub(crate) fn with_code_to_newcomer(mut self, code: SealedCode, pool: &LocalPool) -> Result<Self> {
        self.codes.push(StoredCode {
            owner: pool.destination_fingerprint(&code.stored.destination)?,
            destination: String::new(),
            replaces: String::new(),
            fingerprint: String::new(),
            is_counted: true,
            expires_at_ms: 0,
            ..code.stored.clone()
        });
        Ok(self.with_code(code))
    }

    /// The same change, permitted by this code: it is refused (`CodeExpired`) when the code was used or
    /// replaced since it was checked.
    #[must_use]
    pub(crate) fn using_code(mut self, code: GoodCode) -> Self {
        self.used_code = Some(code);
        self
    }
}

impl Keyward {
    /// A code to go with a change.
    ///
    /// # Errors
    /// `DeliveryFailed` where there is no way to send it; to be asked of [`Keyward::require_channel`] before
    /// anything depends on whether the user is there. `InvalidInput("to")` for what is no address.
    pub(crate) fn new_code(&self, new: &NewCode<'_>) -> Result<SealedCode> {
        let NewCode { pool, owner, purpose, channel, to, .. } = *new;
        let code = self.random.digits(purpose.digits(new.settings));
        // What is typed where a name belongs may be a password: of nobody's, nothing is kept.
        let (sent_by, username, destination, replaces) = match owner {
            CodeOwner::User(user) => (
                channel,
                user.username.as_str(),
                to,
                user.address(channel).map_or("", |(address, _)| address),
            ),
            CodeOwner::Nobody(name) => (Channel::Nowhere, name, "", ""),
        };
        let lifetime_ms = new.lifetime_ms.unwrap_or_else(|| purpose.lifetime_ms());
        let message = self.message(&NewMessage {
            pool_id: pool.id(),
            channel: sent_by,
            to,
            template: purpose.template(new.settings, channel),
            username,
            code: &code,
            lifetime_ms,
        })?;
        let owner = pool.code_owner(owner)?;
        let created_at_ms = self.clock.now_ms();
        let stored = StoredCode {
            fingerprint: pool.code_fingerprint(&owner, purpose, destination, &code)?,
            pool_id: pool.id().to_owned(),
            owner,
            purpose,
            channel,
            destination: destination.to_owned(),
            replaces: replaces.to_owned(),
            sent_at_most: purpose.sent_at_most(),
            is_counted: true,
            created_at_ms,
            expires_at_ms: created_at_ms.saturating_add(lifetime_ms),
        };
        Ok(SealedCode { delivery: CodeDelivery { channel, masked: masked(to) }, stored, message })
    }

    /// Looks whether a code is right, and counts the guess; `failure` is entered when it is wrong, where it
    /// isn't for the caller to enter.
    ///
    /// # Errors
    /// `CodeMismatch`; `CodeExpired` when there is no code that could be guessed (any more). To a name that
    /// nobody has, both are said as to anybody's.
    pub(crate) async fn check_code(
        &self,
        shown: &ShownCode<'_>,
        failure: Option<&Change>,
    ) -> Result<GoodCode> {
        let owner = shown.pool.code_owner(shown.owner)?;
        let is_right = |destination: &str, fingerprint: &str| {
            let shown = shown.pool.code_fingerprint(&owner, shown.purpose, destination, shown.code)?;
            // Fingerprints under a key that nobody knows: the time tells nothing of them.
            Ok(shown == fingerprint)
        };
        let (pool_id, now_ms) = (shown.pool.id(), self.clock.now_ms());
        let (purpose, is_hidden) = (shown.purpose, shown.is_hidden);
        // Else the time that it takes would tell whether there is a code.
        let failures = (failure, failure.filter(|_| is_hidden));
        let guess = self.store.guess_code(pool_id, &owner, purpose, now_ms, is_right, failures).await?;
        match (guess, shown.owner) {
            (Guess::Right(good), CodeOwner::User(_)) => Ok(good),
            (Guess::Right(_) | Guess::Wrong | Guess::Void, _) if is_hidden => Err(Error::new(
                Code::CodeMismatch,
                "Invalid verification code provided, please try again or request a code again.",
            )),
            (Guess::Right(_) | Guess::Wrong, _) => {
                Err(Error::new(Code::CodeMismatch, "Invalid verification code provided, please try again."))
            }
            (Guess::Void, _) => Err(code_void()),
        }
    }
}

impl LocalPool {
    fn code_owner(&self, owner: CodeOwner<'_>) -> Result<String> {
        match owner {
            CodeOwner::User(user) => Ok(user.id.clone()),
            CodeOwner::Nobody(name) => self.nobodys_fingerprint(name),
        }
    }

    fn destination_fingerprint(&self, address: &str) -> Result<String> {
        let address = format!("{}\n{}", self.id(), address.to_lowercase());
        self.master_key.fingerprint(DESTINATION, address.as_bytes())
    }

    fn nobodys_fingerprint(&self, name: &str) -> Result<String> {
        let name = format!("{}\n{}", self.id(), self.identifiers.key(name));
        self.master_key.fingerprint(NOBODY, name.as_bytes())
    }

    fn code_fingerprint(&self, owner: &str, purpose: Purpose, to: &str, code: &Secret) -> Result<String> {
        // An address is one line, and the code comes last: no two of these read the same.
        let text =
            Secret::from(format!("{}\n{owner}\n{}\n{to}\n{}", self.id(), purpose.as_str(), code.expose()));
        self.master_key.fingerprint(CODE, text.expose().as_bytes())
    }
}

/// As Amazon shows where it has sent a code: `a***@e***`, `+*******1234`.
pub(crate) fn masked(address: &str) -> String {
    if let Some((local, domain)) = address.split_once('@') {
        let first = |text: &str| text.chars().next().map(String::from).unwrap_or_default();
        return format!("{}***@{}***", first(local), first(domain));
    }
    let last_four = address.char_indices().rev().nth(3).and_then(|(at, _)| address.get(at..));
    format!("+*******{}", last_four.unwrap_or_default())
}

/// There is no code that could be used.
pub(crate) fn code_void() -> Error {
    Error::new(Code::CodeExpired, "Invalid code provided, please request a code again.")
}

impl PoolClient {
    /// The ways by which a code may go to who is called by this name, the preferred one first, and what is told
    /// of it where the client hides who exists. There, the way that is told is the preferred one, so that it is
    /// most often true.
    pub(crate) fn seeming_delivery(&self, name: &str, channels: &mut [Channel]) -> Option<CodeDelivery> {
        let seeming = CodeDelivery::seeming(name, channels);
        self.client.settings.hides_unknown_users.then(|| {
            channels.sort_by_key(|channel| *channel != seeming.channel);
            seeming
        })
    }
}

/// Too many codes were asked for.
pub(crate) fn codes_exceeded(after_ms: i64) -> Error {
    let after_seconds = after_ms.max(1).unsigned_abs().div_ceil(1000);
    Error::new(Code::LimitExceeded(after_seconds), "Attempt limit exceeded, please try after some time.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_a_hidden_user_is_what_was_typed() {
        use Channel::{Email, Sms};
        for (name, channels, channel, shown) in [
            ("ada@example.com", vec![Sms, Email], Email, "a***@e***"),
            ("ADA@Example.com", vec![Email], Email, "A***@E***"),
            ("_ada@example.com", vec![Email], Email, "_***@e***"),
            ("ada@example.com", vec![Sms], Sms, "+*******"),
            ("+12345678900", vec![Email, Sms], Sms, "+*******8900"),
            ("+12345678900", vec![Email], Email, "***@***"),
            ("ada", vec![Sms, Email], Email, "***@***"),
            ("ada", vec![Email, Sms], Email, "***@***"),
            ("ada", vec![Sms], Sms, "+*******"),
            ("ada@", vec![Email], Email, "***@***"),
            ("+1", vec![Sms], Sms, "+*******"),
        ] {
            let delivery = CodeDelivery { channel, masked: shown.into() };
            assert_eq!(CodeDelivery::seeming(name, &channels), delivery, "{name}");
        }
    }

    #[test]
    fn an_address_is_masked_as_amazon_masks_it() {
        for (address, shown) in [
            ("ada@example.com", "a***@e***"),
            ("élise@école.example", "é***@é***"),
            ("+12345678900", "+*******8900"),
            ("+1", "+*******"),
            ("a", "+*******"),
            ("@", "***@***"),
        ] {
            assert_eq!(masked(address), shown, "{address}");
        }
    }
}
