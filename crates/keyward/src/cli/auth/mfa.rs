//! `keyward auth mfa`: a second factor for who is signed in.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use keyward_core::secret::Secret;
use serde::Serialize;

use crate::cli::context::{Context, Identity, shown};
use crate::cli::failure::{Failure, Result};
use crate::cli::output::Output;
use crate::cli::prompt;
use crate::client::{Client, Error};

#[derive(Debug, Subcommand)]
pub(crate) enum Mfa {
    Setup(Setup),
    /// Ask for no code any more
    #[command(after_help = "Example:\n  keyward auth mfa off")]
    Off,
}

/// Connect an authenticator app
///
/// Shows the secret to enter there, and asks for the first code. Without a terminal, or with --json-output,
/// the code is given by a second call with --code.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  keyward auth mfa setup\n  keyward auth mfa setup --code 123456")]
pub(crate) struct Setup {
    /// The app's code for the secret that was shown before
    #[arg(long)]
    code: Option<Secret>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    secret_code: Secret,
    otpauth_url: String,
    next: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Switched {
    success: bool,
    mfa_enabled: bool,
    message: &'static str,
}

pub(super) async fn run(context: &Context, command: Mfa) -> Result<()> {
    let (client, username, access_token) = signed_in(context).await?;
    match command {
        Mfa::Setup(Setup { code: Some(code) }) => finish(context, &client, &access_token, &code).await,
        Mfa::Setup(Setup { code: None }) => set_up(context, &client, &username, &access_token).await,
        Mfa::Off => {
            let done = client.prefer_software_token(&access_token, false);
            context.output.waiting("Asking the server", done).await.map_err(refused)?;
            tell(context, false, "No code is asked for any more.")
        }
    }
}

/// These acts are the person's alone: neither an API key nor a token from elsewhere will do.
async fn signed_in(context: &Context) -> Result<(Client, String, Secret)> {
    let server = context.server()?;
    let (session, credentials) = match context.identity(&server)? {
        Some(Identity::SignedIn(session, credentials)) if !session.is_override() => (session, credentials),
        _ => {
            let message = format!("Nobody is signed in with a password at {}.", shown(&server));
            return Err(Failure::not_signed_in(message)
                .hint("`keyward auth login -u NAME` signs in; KEYWARD_API_KEY must not be set"));
        }
    };
    let client = context.client_of(server)?;
    let mut access_token = credentials.access_token.clone();
    // The protocol names the token in the body, where nothing renews it on the way.
    if session.is_expired(context.clock.now_seconds())
        && let (Some(client_id), Some(refresh_token)) = (&session.client_id, &credentials.refresh_token)
    {
        let tokens = client.refresh(client_id, refresh_token).await.map_err(refused)?;
        context.keep_renewed(&session, &credentials, &tokens)?;
        access_token = tokens.access_token;
    }
    Ok((client, session.user_id, access_token))
}

async fn set_up(context: &Context, client: &Client, username: &str, access_token: &Secret) -> Result<()> {
    let output = &context.output;
    let begun = client.associate_software_token(access_token);
    let secret_code = output.waiting("Asking the server", begun).await.map_err(refused)?;
    let otpauth_url = otpauth_url(username, &secret_code);
    let next = output.in_own_name("`keyward auth mfa setup --code CODE`");
    if output.json {
        return output.json(&Begun { secret_code, otpauth_url, next });
    }
    show(output, &secret_code, &otpauth_url)?;
    if !prompt::can_ask() {
        output.note(&format!("Then give the app's first code: {next}"));
        return Ok(());
    }
    let code = prompt::secret("Code that the app shows", "")?;
    finish(context, client, access_token, &code).await
}

/// Shows what goes into the app.
pub(super) fn show(output: &Output, secret: &Secret, otpauth_url: &str) -> Result<()> {
    output
        .note("Enter this secret in your authenticator app, or open the address on the device that has it:");
    output.secret("Secret", secret.expose())?;
    output.secret("Address", otpauth_url)
}

async fn finish(context: &Context, client: &Client, access_token: &Secret, code: &Secret) -> Result<()> {
    let switched = async {
        client.verify_software_token(access_token, code).await?;
        client.prefer_software_token(access_token, true).await
    };
    context.output.waiting("Asking the server", switched).await.map_err(refused)?;
    tell(context, true, "A code is asked for at each sign-in from now on.")?;
    context.output.note(
        "You signed in without a code: `keyward auth login` again, with the next code, to act with MFA.",
    );
    Ok(())
}

fn tell(context: &Context, mfa_enabled: bool, message: &'static str) -> Result<()> {
    if context.output.json {
        return context.output.json(&Switched { success: true, mfa_enabled, message });
    }
    context.output.success(message);
    Ok(())
}

fn refused(error: Error) -> Failure {
    match error {
        Error::SignIn { kind, message } if kind == "NotAuthorizedException" => {
            Failure::not_signed_in(message).hint("`keyward auth login -u NAME` signs in anew")
        }
        Error::SignIn { kind, message } => Failure::new("sign-in-failed", message).member("type", kind),
        other => other.into(),
    }
}

/// <https://github.com/google/google-authenticator/wiki/Key-Uri-Format>
pub(super) fn otpauth_url(username: &str, secret: &Secret) -> String {
    let mut url = String::from("otpauth://totp/Keyward:");
    for byte in username.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'@') {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    format!("{url}?secret={}&issuer=Keyward", secret.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_for_the_app_holds_the_name_encoded() {
        let url = otpauth_url("a+b c@example.com", &Secret::from("JBSWY3DPEHPK3PXP"));

        assert_eq!(
            url,
            "otpauth://totp/Keyward:a%2Bb%20c@example.com?secret=JBSWY3DPEHPK3PXP&issuer=Keyward"
        );
    }
}
