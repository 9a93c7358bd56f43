//! `keyward token`: an ID token, for a script or for `Authorization`.

use clap::Args;
use keyward_core::secret::Secret;
use serde::Serialize;

use super::auth;
use super::context::{Context, Identity, shown};
use super::failure::{Failure, Result};
use super::password::PasswordSource;
use crate::client::Client;

/// Print an ID token
///
/// That of who is signed in, renewed when it has expired. With -u, that of a sign-in for this alone: nothing of
/// it is kept here.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward token
  keyward token -u ada@example.com --password-file password.txt")]
pub(crate) struct Token {
    /// Sign in as this user
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    #[command(flatten)]
    password: PasswordSource,
    /// The code of the authenticator app
    #[arg(long, value_name = "CODE", requires = "username")]
    mfa_code: Option<Secret>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TokenJson {
    user_id: String,
    id_token: Secret,
}

pub(crate) async fn run(context: &Context, options: Token) -> Result<()> {
    let client = context.anonymous()?;
    let (user_id, id_token) = match options.username {
        Some(username) => {
            let password = options.password.read_or_ask()?;
            let tokens =
                auth::sign_in(context, &client, &username, &password, options.mfa_code.as_ref()).await?;
            (username, tokens.id_token)
        }
        None if options.password.is_given() => {
            return Err(Failure::usage("Whose password is it? Name the user with -u."));
        }
        None => kept(context, &client).await?,
    };
    let id_token = id_token.ok_or_else(|| {
        Failure::new("unsupported", "There is no ID token here.")
            .hint("`keyward auth login -u NAME` signs in and gets one")
    })?;
    if context.output.json {
        return context.output.json(&TokenJson { user_id, id_token });
    }
    context.output.line(id_token.expose())
}

/// Who is signed in, and the ID token of that.
async fn kept(context: &Context, client: &Client) -> Result<(String, Option<Secret>)> {
    let (session, credentials) = match context.identity(client.base())? {
        Some(Identity::SignedIn(session, credentials)) => (session, credentials),
        Some(Identity::ApiKey(_)) => {
            return Err(Failure::new("unsupported", "An API key has no ID token.")
                .hint("`keyward token -u NAME` signs in"));
        }
        None => {
            let message = format!("Not signed in at {}.", shown(client.base()));
            return Err(Failure::not_signed_in(message)
                .hint("`keyward auth login -u NAME` signs in, `keyward token -u NAME` for this once"));
        }
    };
    if !session.is_expired(context.clock.now_seconds()) {
        return Ok((session.user_id, credentials.id_token));
    }
    let tokens = auth::renew(context, client, &session, &credentials).await?;
    Ok((session.user_id, tokens.id_token))
}
