//! The first sign-in of a user whom an administrator made: a new password, and what else must be known.

use std::collections::BTreeMap;

use serde_json::json;

use super::password::Line;
use super::sign_in::{Answer, Challenge, Method, Proven, Question, SignIn, ask, challenge_used};
use crate::app_client::PoolClient;
use crate::audit::Target;
use crate::caller::Caller;
use crate::error::{Code, Error, Result};
use crate::keyward::Keyward;
use crate::secret::Secret;
use crate::store::Account;
use crate::user::{AttributeChanges, User, UserStatus};
use crate::user_pool::{Occasion, UserPoolSettings};

/// Asks for a new password, and for what every user of the pool must have and this one hasn't.
pub(super) fn ask_for_password(through: &PoolClient, account: &Account, method: Method) -> Result<SignIn> {
    let challenge = ask(through, Question::NewPassword, account, method)?;
    let attributes = account.user.all_attributes();
    let required = missing(&through.settings, &attributes);
    Ok(SignIn::Challenge(Challenge { attributes, required, ..challenge }))
}

impl Keyward {
    /// Takes the new password that a [`Question::NewPassword`] asked for. All other sessions of the user end.
    ///
    /// # Errors
    /// `Unauthenticated` for a session that isn't good (any more); `PasswordRejected`, after which the
    /// session is still good; `TooManyRequests`.
    pub async fn choose_password(&self, answer: Answer<'_>, password: &Secret) -> Result<SignIn> {
        self.choose_password_with(answer, password, &BTreeMap::new()).await
    }

    /// As [`Keyward::choose_password`], with attributes that the user has yet to tell, by Cognito's names.
    ///
    /// # Errors
    /// As there, and after each of these the session is still good: `Unauthenticated` for an attribute that
    /// the client may not write, or that is known already and stays; `InvalidInput` for one that doesn't fit
    /// the pool's schema or is missing; `AlreadyExists(Alias)`.
    pub async fn choose_password_with(
        &self,
        answer: Answer<'_>,
        password: &Secret,
        attributes: &BTreeMap<&str, &str>,
    ) -> Result<SignIn> {
        let asked = self.open_question(&answer, Question::NewPassword).await?;
        let (through, mut account) = (&asked.through, asked.account);
        let user = &mut account.user;
        tell(user, attributes, through)?;
        let version = user.version;
        user.status = UserStatus::Confirmed;
        user.updated_at_ms = self.clock.now_ms();
        let record = through.pool.password_record(Line::SignIn, user, password, false).await?;
        let caller = Caller::person(answer.request.origin.clone(), user, "", false);
        let target = Target::new("user", &user.id, &user.username);
        let detail = answer.request.told(json!({ "first": true }));
        let change = self.change(&caller, "user.choose-password", target, detail);
        let pool = &through.pool;
        // The version can be met once: of two answers to one question, one counts.
        self.store
            .begin_account(pool.id(), &pool.identifiers, user, version, &record, &change)
            .await
            .map_err(|error| match error.code {
                Code::Conflict => challenge_used(),
                _ => error,
            })?;
        asked.leave.give_back();
        user.version += 1;
        self.store.use_once(&asked.id, asked.expires_at_ms).await?;
        let (request, method) = (answer.request, asked.method);
        self.second_step(Proven { request, through, account: &account, method, counter: None }).await
    }
}

/// Takes what the user tells of themselves; what they repeat is nothing new, and an empty value takes away.
fn tell(user: &mut User, attributes: &BTreeMap<&str, &str>, through: &PoolClient) -> Result<()> {
    let settings = &through.settings;
    let known = user.all_attributes();
    let (mut added, mut changed) = (AttributeChanges::new(), AttributeChanges::new());
    for (&name, &value) in attributes {
        let told = (name.to_owned(), Some(value.to_owned()).filter(|value| !value.is_empty()));
        match known.get(name) {
            Some(known) if known == value => {}
            None if value.is_empty() => {}
            // An address may be what the user is known by, or where codes go.
            Some(_) if is_required(settings, name) || matches!(name, "email" | "phone_number") => {
                return Err(Error::unauthenticated(format!("Cannot modify an already provided {name}")));
            }
            Some(_) => changed.extend([told]),
            None => added.extend([told]),
        }
    }
    through.require_writable(added.keys().chain(changed.keys()))?;
    // What isn't mutable may be told once.
    user.change_attributes(&added, settings, Occasion::Invitation)?;
    user.change_attributes(&changed, settings, Occasion::Change)?;
    match missing(settings, &user.all_attributes()).first() {
        None => Ok(()),
        Some(name) => {
            Err(Error::invalid("attributes", format!("Invalid attributes given, {name} is missing")))
        }
    }
}

fn is_required(settings: &UserPoolSettings, name: &str) -> bool {
    settings.attributes().iter().any(|attribute| attribute.required && attribute.name == name)
}

/// What every user of the pool must have, and this one hasn't.
fn missing(settings: &UserPoolSettings, attributes: &BTreeMap<String, String>) -> Vec<String> {
    let required = settings.attributes().into_iter().filter(|attribute| attribute.required);
    let names = required.map(|attribute| attribute.name).filter(|name| name != "sub");
    names.filter(|name| !attributes.contains_key(name)).collect()
}
