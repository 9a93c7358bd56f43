//! `keyward access-key`: what AWS' own clients sign with, each acting as a user.

use clap::{Args, Subcommand};
use keyward_core::secret::Secret;
use serde::Serialize;

use super::api_key::{parts, usage};
use super::confirmation::quoted;
use super::context::{Context, shown};
use super::failure::{Failure, Result};
use super::output::Table;
use super::paging::Paging;
use super::time;
use crate::client::{AccessKey, Error};

#[derive(Debug, Subcommand)]
pub(crate) enum AccessKeyCommand {
    List(List),
    Create(Create),
    /// Delete an access key: what is signed with it is refused from the very next request on
    #[command(after_help = "Nothing is asked.\n\nExample:\n  keyward access-key delete AKIAIOSFODNN7EXAMPLE")]
    Delete(Id),
}

/// List access keys, never their secrets
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward access-key list
  keyward access-key list --user ci-bot@example.com")]
pub(crate) struct List {
    /// Only keys that act as this user
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

/// Create an access key, whose secret is shown once
///
/// AWS' own clients (the AWS command line, boto3, every SDK) sign with it what they ask of the user pool. It
/// has the rights that its user has at the time, except those of roles that need a second factor. A user has
/// two keys at most: one, and one to take its place.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward access-key create ci-bot@example.com")]
pub(crate) struct Create {
    /// The user that the key acts as, who must hold a role
    #[arg(value_name = "USER")]
    user: String,
}

#[derive(Debug, Args)]
pub(crate) struct Id {
    /// Which key: its id, as `access-key list` shows it
    #[arg(value_name = "ID")]
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyJson {
    access_key_id: String,
    user_id: String,
    created_by: String,
    created_at: String,
    last_used_at: Option<String>,
    last_used_from: Option<String>,
    last_used_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_access_key: Option<Secret>,
    /// What AWS' clients are told in `AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
}

impl From<AccessKey> for KeyJson {
    fn from(key: AccessKey) -> Self {
        let (last_used_at, last_used_from, last_used_agent) = parts(key.last_used);
        Self {
            access_key_id: key.id,
            user_id: key.username,
            created_by: key.created_by.unwrap_or_default(),
            created_at: key.created_at,
            last_used_at,
            last_used_from,
            last_used_agent,
            secret_access_key: key.secret,
            endpoint: None,
        }
    }
}

#[derive(Serialize)]
struct Message {
    message: String,
}

pub(crate) async fn run(context: &Context, command: AccessKeyCommand) -> Result<()> {
    match command {
        AccessKeyCommand::List(arguments) => list(context, arguments).await,
        AccessKeyCommand::Create(Create { user }) => create(context, &user).await,
        AccessKeyCommand::Delete(Id { id }) => delete(context, &id).await,
    }
}

async fn list(context: &Context, List { user, paging }: List) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let page = async |slice| client.access_keys(slice, user.as_deref()).await;
    let listing = paging.fetch(context, "access keys", page).await?;
    if output.json {
        return listing.write_json(context, KeyJson::from);
    }
    if listing.items.is_empty() {
        output.line("No access keys found.")?;
        output.note("Create one: `keyward access-key create USER`");
        return Ok(());
    }
    output.line(&format!("Found {} access key(s)", listing.items.len()))?;
    let mut table = Table::new()
        .whole_column("Access key ID")
        .column("User ID")
        .whole_column("Created")
        .column("Last used");
    for key in &listing.items {
        table.row(&[
            key.id.clone(),
            key.username.clone(),
            time::short(&key.created_at),
            usage(key.last_used.as_ref()),
        ]);
    }
    output.table(table)?;
    listing.mention_rest(context);
    Ok(())
}

async fn create(context: &Context, user: &str) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let made = output.waiting("Creating the access key", client.create_access_key(user)).await;
    let mut key = made.map_err(|error| about_the_user(error, user))?;
    if output.json {
        let endpoint = Some(shown(client.base()));
        return output.json(&KeyJson { endpoint, ..KeyJson::from(key) });
    }
    output.success("Access key created successfully");
    let secret = key.secret.take().unwrap_or_default();
    output.fields(&[("Access key ID", key.id), ("User ID", key.username)])?;
    output.secret("Secret access key (SAVE THIS - shown only once)", secret.expose())?;
    output.note(&format!(
        "For AWS' clients: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_DEFAULT_REGION (what the pool's id \
         begins with), and AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER={}",
        shown(client.base())
    ));
    Ok(())
}

async fn delete(context: &Context, id: &str) -> Result<()> {
    let client = context.client()?;
    let deleted = context.output.waiting("Deleting the access key", client.delete_access_key(id)).await;
    deleted.map_err(|error| {
        let is_missing = error.code() == Some("not-found");
        let failure = Failure::from(error);
        if is_missing { failure.hint("`keyward access-key list` shows the keys") } else { failure }
    })?;
    if context.output.json {
        return context.output.json(&Message { message: format!("Access key '{id}' deleted successfully") });
    }
    context.output.success("Access key deleted successfully: it is refused from now on.");
    Ok(())
}

/// A failure to make a key, with what helps.
fn about_the_user(error: Error, user: &str) -> Failure {
    let user = quoted(user);
    let hint = match error.code() {
        Some("not-found") => Some("`keyward user list` shows the users".to_owned()),
        Some("invalid-input") => {
            Some(format!("`keyward role user create -u {user} --role-name ROLE` gives one"))
        }
        Some("conflict") => Some(format!("`keyward access-key list --user {user}` shows them")),
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
