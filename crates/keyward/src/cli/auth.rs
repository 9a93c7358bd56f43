//! `keyward auth`: who is signed in.

mod login;
mod mfa;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::{Context, Identity, shown};
use super::credentials::{self, Credentials};
use super::failure::{Failure, Result};
use super::output::printable;
use super::profile_store::Session;
use super::settings::CredentialStore;
use super::{prompt, time, whoami};
use crate::client::{Client, Credential, Tokens};
use keyward_core::secret::Secret;

pub(crate) use login::sign_in;

#[derive(Debug, Subcommand)]
pub(crate) enum Auth {
    Login(login::Login),
    /// Sign out: end the session at the server and forget its tokens
    #[command(after_help = "Example:\n  keyward auth logout")]
    Logout,
    Status(Status),
    /// Get new tokens by the refresh token
    #[command(after_help = "Example:\n  keyward auth refresh")]
    Refresh,
    SetOverride(SetOverride),
    /// Forget the token that was given from outside
    #[command(after_help = "Example:\n  keyward auth clear-override")]
    ClearOverride,
    /// Ask for a code of an authenticator app at each sign-in
    #[command(subcommand, after_help = "Example:\n  keyward auth mfa setup")]
    Mfa(mfa::Mfa),
}

/// Tell who is signed in, and for how long
///
/// Asks nobody: it tells what is kept here, also about tokens that the server has meanwhile refused. With
/// --check it asks the server, and exits 1 when the credential isn't accepted.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward auth status --check")]
pub(crate) struct Status {
    /// Ask the server whether the credential is accepted
    #[arg(long)]
    check: bool,
}

/// Act by a token from elsewhere
///
/// The token (or an API key) is checked against the server first; one that isn't accepted is not kept.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward auth set-override -u ada@example.com --token-stdin < token.txt")]
pub(crate) struct SetOverride {
    /// Whose token it is
    #[arg(short, long, value_name = "NAME")]
    user_id: String,
    /// The token; other users of this machine can see it in the list of processes
    #[arg(
        long,
        value_name = "TOKEN",
        required_unless_present = "token_stdin",
        conflicts_with = "token_stdin"
    )]
    token: Option<Secret>,
    /// Read the token from stdin
    #[arg(long)]
    token_stdin: bool,
    /// When it ends: seconds since 1970, ISO 8601, or +SECONDS
    #[arg(long, value_name = "WHEN")]
    expires_at: Option<String>,
}

pub(crate) async fn run(context: &Context, command: Auth) -> Result<()> {
    match command {
        Auth::Login(login) => login::run(context, login).await,
        Auth::Logout => logout(context).await,
        Auth::Status(status) if status.check => whoami::run(context).await,
        Auth::Status(_) => status(context),
        Auth::Refresh => refresh(context).await,
        Auth::SetOverride(given) => set_override(context, given).await,
        Auth::ClearOverride => clear_override(context),
        Auth::Mfa(command) => mfa::run(context, command).await,
    }
}

/// Whether a thing was done, in the words of scripts of the real client.
#[derive(Serialize)]
struct Outcome {
    success: bool,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'static str>,
}

async fn logout(context: &Context) -> Result<()> {
    let output = &context.output;
    let Some(session) = context.profiles.session(&context.profile)? else {
        let message = "No authentication profile found";
        if output.json {
            return output.json(&Outcome { success: false, message, details: None });
        }
        return output.line(message);
    };
    let credentials = credentials::load(&context.profiles, &context.profile, session.credential_store);
    if let (Some(client_id), Ok(Some(Credentials { refresh_token: Some(token), .. }))) =
        (&session.client_id, &credentials)
        && let Some(server) = crate::client::server_address(&session.url)
    {
        let client = context.client_of(server)?;
        let ended = output.waiting("Ending the session", client.revoke(client_id, token)).await;
        if let Err(error) = ended {
            let why = Failure::from(error).message;
            output.warning(&format!("The session at the server goes on until it expires: {why}"));
        }
    }
    context.sign_out(&context.profile)?;
    if output.json {
        let details = Some("Session ended; tokens removed");
        return output.json(&Outcome { success: true, message: "Logged out successfully", details });
    }
    output.success(&format!("{} is signed out.", session.user_id));
    Ok(())
}

/// What `auth status` tells; the members that scripts of the real client read, and a few more.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the members that scripts read")]
struct StatusAnswer {
    success: bool,
    authenticated: bool,
    authentication_type: &'static str,
    user_id: String,
    has_expiration: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_expired: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at_timestamp: Option<i64>,
    /// UTC, and it says so truly.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    saved_credentials: bool,
    refresh_supported: bool,
    profile: String,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_store: Option<CredentialStore>,
}

#[derive(Serialize)]
struct NobodySignedIn {
    success: bool,
    authenticated: bool,
    message: String,
    help: String,
}

fn status(context: &Context) -> Result<()> {
    let output = &context.output;
    let server = context.server()?;
    let answer = match context.identity(&server)? {
        None => {
            let message = format!("Not authenticated at {}", shown(&server));
            if output.json {
                let help = output.in_own_name("`keyward auth login -u NAME` signs in");
                return output.json(&NobodySignedIn { success: false, authenticated: false, message, help });
            }
            output.line(&message)?;
            output.note("Sign in: `keyward auth login -u NAME`");
            return Ok(());
        }
        Some(Identity::ApiKey(_)) => StatusAnswer {
            success: true,
            authenticated: true,
            authentication_type: "api_key",
            user_id: String::new(),
            has_expiration: false,
            is_expired: None,
            expires_at_timestamp: None,
            expires_at: None,
            expires_in: None,
            source: Some("KEYWARD_API_KEY"),
            saved_credentials: false,
            refresh_supported: false,
            profile: context.profile.to_string(),
            url: shown(&server),
            credential_store: None,
        },
        Some(Identity::SignedIn(session, credentials)) => of_session(context, session, &credentials),
    };
    if output.json {
        return output.json(&answer);
    }
    let kind = match answer.authentication_type {
        "api_key" => "API key (KEYWARD_API_KEY)",
        "override_token" => "token from elsewhere",
        _ => "signed in",
    };
    let validity = match (&answer.expires_at, &answer.expires_in) {
        (Some(at), Some(rest)) => format!("valid for {rest} (until {at})"),
        (Some(at), None) if answer.refresh_supported => format!("expired {at}; renewed at the next command"),
        (Some(at), None) => format!("expired {at}"),
        (None, _) => "until the server refuses it".to_owned(),
    };
    let place = match answer.credential_store {
        Some(CredentialStore::Keyring) => "the system's keyring".to_owned(),
        Some(CredentialStore::File) => {
            context.profiles.credentials_file(&context.profile).display().to_string()
        }
        None => "the environment".to_owned(),
    };
    let mut fields =
        vec![("Server", answer.url), ("Profile", answer.profile), ("Credential", kind.to_owned())];
    if !answer.user_id.is_empty() {
        fields.push(("User", answer.user_id));
    }
    fields.extend([("Validity", validity), ("Kept in", place)]);
    output.fields(&fields)
}

fn of_session(context: &Context, session: Session, credentials: &Credentials) -> StatusAnswer {
    let now = context.clock.now_seconds();
    let is_override = session.is_override();
    let expired = session.is_expired(now);
    StatusAnswer {
        success: true,
        authenticated: true,
        authentication_type: if is_override { "override_token" } else { "cognito_token" },
        has_expiration: session.expires_at.is_some(),
        is_expired: session.expires_at.map(|_| expired),
        expires_at_timestamp: session.expires_at,
        expires_at: session.expires_at.map(time::from_seconds),
        expires_in: session.expires_at.filter(|_| !expired).map(|expires_at| time::spoken(expires_at - now)),
        source: is_override.then_some("external"),
        saved_credentials: false,
        refresh_supported: credentials.refresh_token.is_some(),
        profile: context.profile.to_string(),
        url: session.url,
        user_id: session.user_id,
        credential_store: Some(session.credential_store),
    }
}

#[derive(Serialize)]
struct Refreshed {
    success: bool,
    message: &'static str,
    expires_in_seconds: i64,
}

async fn refresh(context: &Context) -> Result<()> {
    let output = &context.output;
    let session = context.profiles.session(&context.profile)?.ok_or_else(|| {
        Failure::not_signed_in("Not authenticated.").hint("`keyward auth login -u NAME` signs in")
    })?;
    let credentials = credentials::load(&context.profiles, &context.profile, session.credential_store)?;
    let credentials = credentials.ok_or_else(without_refresh_token)?;
    let server = crate::client::server_address(&session.url)
        .ok_or_else(|| Failure::new("file", "The profile names no usable server."))?;
    let client = context.client_of(server)?;
    let tokens = renew(context, &client, &session, &credentials).await?;
    if output.json {
        return output.json(&Refreshed {
            success: true,
            message: "Tokens refreshed successfully",
            expires_in_seconds: tokens.expires_in,
        });
    }
    output.success(&format!("New tokens, valid for {}.", time::spoken(tokens.expires_in)));
    Ok(())
}

/// Gets new tokens by the refresh token, and keeps them.
pub(crate) async fn renew(
    context: &Context,
    client: &Client,
    session: &Session,
    credentials: &Credentials,
) -> Result<Tokens> {
    let (Some(refresh_token), Some(client_id)) = (&credentials.refresh_token, &session.client_id) else {
        return Err(without_refresh_token());
    };
    let tokens = context.output.waiting("Refreshing", client.refresh(client_id, refresh_token)).await;
    let tokens = tokens.map_err(|error| match error {
        crate::client::Error::SignIn { message, .. } => {
            Failure::not_signed_in(format!("Token refresh failed: {message}"))
                .hint("`keyward auth login -u NAME` signs in anew")
        }
        other => other.into(),
    })?;
    context.keep_renewed(session, credentials, &tokens)?;
    Ok(tokens)
}

fn without_refresh_token() -> Failure {
    Failure::not_signed_in("No refresh token found. Please login again.")
        .hint("`keyward auth login -u NAME` signs in")
}

#[derive(Serialize)]
struct Overridden {
    success: bool,
    authentication_type: &'static str,
    user_id: String,
    validated: bool,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_note: Option<&'static str>,
    refresh_note: &'static str,
    credential_store: CredentialStore,
}

async fn set_override(context: &Context, given: SetOverride) -> Result<()> {
    let token = match given.token {
        Some(token) => token,
        None => prompt::secret_from_stdin("Token")?,
    };
    keep_override(
        context,
        &given.user_id,
        token,
        given.expires_at.as_deref(),
        "Override token saved successfully",
    )
    .await
}

/// Keeps `token`, once the server has said that it is good and whose it is.
async fn keep_override(
    context: &Context,
    user_id: &str,
    token: Secret,
    expires_at: Option<&str>,
    message: &'static str,
) -> Result<()> {
    let output = &context.output;
    let now = context.clock.now_seconds();
    let expires_at = expires_at
        .map(|text| {
            time::parse_expiry(text, now).ok_or_else(|| {
                Failure::usage("--expires-at must be seconds since 1970, ISO 8601, or +SECONDS from now.")
            })
        })
        .transpose()?;
    if expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Err(Failure::new("expired", "The token has expired by the time that --expires-at names."));
    }
    let server = context.server()?;
    let client =
        context.client_of(server.clone())?.acting_by(Credential { bearer: token.clone(), renewal: None });
    let caller = output.waiting("Checking the token", client.me()).await.map_err(|error| {
        let refused = error.code() == Some("unauthenticated");
        let failure = Failure::from(error);
        if refused {
            let message = format!("The token is not accepted and was not kept: {}", failure.message);
            let why = super::api_key::checksum_hint(&token);
            Failure { hint: why, ..Failure::new("token-refused", message) }
        } else {
            failure
        }
    })?;
    if !caller.username.eq_ignore_ascii_case(user_id) && caller.user_id != user_id {
        return Err(Failure::new(
            "conflict",
            format!("The token is of {}, not of {user_id}; it was not kept.", printable(&caller.username)),
        ));
    }
    let session = Session {
        url: shown(&server),
        token_type: "override".to_owned(),
        user_id: user_id.to_owned(),
        expires_at,
        client_id: None,
        cognito_endpoint: None,
        credential_store: CredentialStore::File,
    };
    let credentials = Credentials { access_token: token, refresh_token: None, id_token: None };
    let credential_store = context.sign_in(session, &credentials)?;
    let expires_in = expires_at.map(|expires_at| time::spoken(expires_at - now));
    if output.json {
        return output.json(&Overridden {
            success: true,
            authentication_type: "token_override",
            user_id: user_id.to_owned(),
            validated: true,
            message,
            expiration_note: expires_in
                .is_none()
                .then_some("No expiration time set - token will be used until it fails"),
            expires_in,
            refresh_note: "Override tokens do not support automatic refresh",
            credential_store,
        });
    }
    output.success(&format!("The token is good: acting as {}.", caller.username));
    say_where(context, credential_store);
    Ok(())
}

fn clear_override(context: &Context) -> Result<()> {
    let output = &context.output;
    let session = context.profiles.session(&context.profile)?;
    let (success, message) = match session {
        None => (false, "No authentication profile found"),
        Some(session) if !session.is_override() => (false, "No override token is currently set"),
        Some(_) => {
            context.sign_out(&context.profile)?;
            (true, "Override token cleared successfully")
        }
    };
    if output.json {
        return output.json(&Outcome { success, message, details: None });
    }
    if success {
        output.success(message);
        return Ok(());
    }
    output.line(message)
}

/// Says where the tokens are now.
fn say_where(context: &Context, place: CredentialStore) {
    let place = match place {
        CredentialStore::Keyring => "the system's keyring".to_owned(),
        CredentialStore::File => {
            let file = context.profiles.credentials_file(&context.profile);
            format!("{} (only you can read it; no keyring is used)", file.display())
        }
    };
    context.output.note(&format!("The tokens are kept in {place}."));
}
