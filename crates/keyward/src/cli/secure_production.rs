//! `keyward secure-production`: no test user and no known password where it counts.

use std::collections::BTreeMap;

use clap::Args;
use keyward_core::secret::Secret;
use serde::{Serialize, Serializer};

use super::confirmation::quoted;
use super::context::{Context, shown};
use super::failure::{Failure, Result};
use super::output::printable;
use super::prompt;
use crate::client::{Error, PowerfulRole, RiskyKey, Secured, SecuredAdmin};

/// What stands around the passwords.
const RULE: &str = "================================================";
const SAVE: &str = "⚠️  SAVE THESE PASSWORDS - They cannot be recovered!";

/// Delete the test users and give every admin a new password
///
/// All of it or nothing (with users in Amazon Cognito one after the other, which a second run goes on with), in
/// stage and prod alone. The admins' sessions end, and no test user can be made until
/// `keyward test-users allow`. Shows the new passwords this once, and what else there is to look at: admins
/// without a second factor, keys that never expire or lie unused, roles that allow everything. At a terminal
/// it asks first; elsewhere it does nothing without --yes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward secure-production --plan
  keyward secure-production --profile prod-myorg")]
pub(crate) struct SecureProduction {
    /// Only show what would be done
    #[arg(long, conflicts_with = "yes")]
    plan: bool,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    /// Fetch the answer of an earlier call, within 10 minutes, by the key that it named when it failed
    #[arg(long, value_name = "KEY", conflicts_with = "plan")]
    idempotency_key: Option<String>,
}

/// The names that RawScribe's own answer has, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecuredJson {
    plan: bool,
    test_users_removed: Vec<String>,
    #[serde(serialize_with = "as_map")]
    admin_passwords_reset: Vec<(String, Secret)>,
    report: ReportJson,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportJson {
    test_users: Vec<String>,
    admins: Vec<AdminJson>,
    test_passwords: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    failures: BTreeMap<String, String>,
    api_keys: Option<Vec<KeyJson>>,
    roles: Option<Vec<RoleJson>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AdminJson {
    user_id: String,
    reset: bool,
    mfa_enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyJson {
    api_key_id: String,
    api_key_name: String,
    user_id: String,
    risks: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleJson {
    role_name: String,
    user_ids: Vec<String>,
}

impl From<Secured> for SecuredJson {
    fn from(secured: Secured) -> Self {
        let passwords = |admin: &SecuredAdmin| Some((admin.username.clone(), admin.password.clone()?));
        let admin = |SecuredAdmin { username, reset, mfa, .. }: SecuredAdmin| AdminJson {
            user_id: username,
            reset,
            mfa_enabled: mfa,
        };
        let key = |RiskyKey { id, name, username, risks }: RiskyKey| KeyJson {
            api_key_id: id,
            api_key_name: name,
            user_id: username,
            risks,
        };
        let role =
            |PowerfulRole { name, holders }: PowerfulRole| RoleJson { role_name: name, user_ids: holders };
        Self {
            plan: secured.plan,
            test_users_removed: if secured.plan { Vec::new() } else { secured.test_users.clone() },
            admin_passwords_reset: secured.admins.iter().filter_map(passwords).collect(),
            report: ReportJson {
                test_users: secured.test_users,
                admins: secured.admins.into_iter().map(admin).collect(),
                test_passwords: secured.test_passwords,
                failures: secured
                    .failures
                    .into_iter()
                    .map(|failure| (failure.username, failure.detail))
                    .collect(),
                api_keys: secured.api_keys.map(|keys| keys.into_iter().map(key).collect()),
                roles: secured.roles.map(|roles| roles.into_iter().map(role).collect()),
            },
        }
    }
}

fn as_map<S: Serializer>(passwords: &[(String, Secret)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(passwords.iter().map(|(name, password)| (name, password)))
}

pub(crate) async fn run(context: &Context, options: SecureProduction) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    if !options.plan && !options.yes {
        confirm(context)?;
    }
    let key = options.idempotency_key.unwrap_or_else(|| context.random.uuid());
    let secured = client.secure_production(options.plan, &key);
    let secured =
        output.waiting("Securing production", secured).await.map_err(|error| failed(context, error, &key))?;
    if output.json {
        return output.json(&SecuredJson::from(secured));
    }
    passwords(context, &secured)?;
    report(context, &secured)
}

fn confirm(context: &Context) -> Result<()> {
    let needs_yes = |message: &str| {
        Failure::new("confirmation-required", message.to_owned())
            .hint("`keyward secure-production --plan` shows what it would do, `--yes` does it")
    };
    if context.output.json || !prompt::can_ask() {
        return Err(needs_yes("Confirmation required for securing production"));
    }
    let server = shown(&context.server()?);
    let question = format!("Delete the test users of {server} and give every admin a new password?");
    if prompt::confirm(&question)? { Ok(()) } else { Err(needs_yes("Nothing was changed.")) }
}

/// The passwords that no other answer holds, first: whatever comes after can be had again.
fn passwords(context: &Context, secured: &Secured) -> Result<()> {
    let output = &context.output;
    let passwords =
        secured.admins.iter().filter_map(|admin| Some((&admin.username, admin.password.as_ref()?)));
    let passwords: Vec<_> = passwords.collect();
    if passwords.is_empty() {
        return Ok(());
    }
    output.line("🔒 IMPORTANT: Save the new admin passwords below!")?;
    output.line(RULE)?;
    for (username, password) in passwords {
        output.line(&printable(&format!("{username}: {}", password.expose())))?;
    }
    output.line(RULE)?;
    output.line(SAVE)
}

fn report(context: &Context, secured: &Secured) -> Result<()> {
    let line = |text: &str| context.output.line(&printable(text));
    let names = |names: &[String]| names.join(", ");
    let verb = if secured.plan { "would be " } else { "" };
    if secured.plan {
        line("Nothing was changed.")?;
    }
    match secured.test_users.as_slice() {
        [] => line("Test users: none.")?,
        users => line(&format!("Test users {verb}removed: {}.", names(users)))?,
    }
    for failure in &secured.failures {
        line(&format!("{}: not done. {}", failure.username, failure.detail))?;
    }
    let has_failed = |name: &str| secured.failures.iter().any(|failure| failure.username == name);
    for admin in secured.admins.iter().filter(|admin| !has_failed(&admin.username)) {
        let mfa = if admin.mfa { "" } else { ", no second factor" };
        if admin.reset {
            line(&format!("{}: password {verb}reset{mfa}.", admin.username))?;
        } else {
            line(&format!(
                "{}: left, with rights above yours{mfa}; somebody who holds them runs this again.",
                admin.username
            ))?;
        }
    }
    for username in &secured.test_passwords {
        line(&format!("{username}: had the configured password of a test user."))?;
    }
    for key in secured.api_keys.iter().flatten() {
        let risks: Vec<_> = key.risks.iter().map(|risk| in_words(risk)).collect();
        let RiskyKey { id, name, username, .. } = key;
        let kind = if id.starts_with("AKIA") { "Access" } else { "API" };
        let name = if id.starts_with("AKIA") { id.clone() } else { format!("{name} ({id})") };
        line(&format!("{kind} key {name} of {username}: {}.", risks.join(", ")))?;
    }
    for role in secured.roles.iter().flatten() {
        let holders = if role.holders.is_empty() { "nobody".to_owned() } else { names(&role.holders) };
        line(&format!("Role {} allows everything and is held by {holders}.", role.name))?;
    }
    Ok(())
}

fn in_words(risk: &str) -> &str {
    match risk {
        "never_expires" => "never expires",
        "unused" => "not used for 90 days",
        "user_disabled" => "its user is disabled",
        "made_by_test_user" => "a test user has made it",
        other => other,
    }
}

fn failed(context: &Context, error: Error, key: &str) -> Failure {
    let is_open = matches!(error, Error::Cut { .. } | Error::TimedOut { .. });
    let failure = Failure::from(error);
    let would_lock_out = failure.message.contains("no admin");
    if is_open {
        let (profile, key) = (context.profile_option(), quoted(key));
        failure.hint(format!(
            "`keyward secure-production --yes{profile} --idempotency-key {key}` fetches the answer, within 10 \
             minutes"
        ))
    } else if would_lock_out {
        failure.or_hint(|| "`keyward user create` with a role that has `*`, or at the machine `keyward admin create-user`".into())
    } else {
        failure
    }
}
