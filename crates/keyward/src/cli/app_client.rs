//! `keyward app-client`: applications' ways into a pool of users.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use keyward_core::secret::Secret;
use serde::Serialize;

use super::confirmation::{self, quoted};
use super::context::Context;
use super::failure::{Failure, Result};
use super::output::Table;
use super::paging::Paging;
use super::{time, user_pool};
use crate::client::{AppClient, AppClientChange, ClientSecret, Error, NewAppClient};

/// The flows, as a client that signs in names them.
const FLOWS: [&str; 6] = [
    "USER_SRP_AUTH",
    "USER_PASSWORD_AUTH",
    "ADMIN_USER_PASSWORD_AUTH",
    "USER_AUTH",
    "REFRESH_TOKEN_AUTH",
    "CUSTOM_AUTH",
];

#[derive(Debug, Subcommand)]
pub(crate) enum AppClientCommand {
    List(List),
    /// Show one app client, without its secrets
    #[command(
        after_help = "Example:\n  keyward app-client describe us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa"
    )]
    Describe(Which),
    Create(Create),
    Update(Update),
    Delete(Delete),
    /// Add a second secret, which is shown once; the first one stays good
    ///
    /// To replace a secret: add one, give it to the application, delete the old one.
    #[command(after_help = "Nothing is asked.

Example:
  keyward app-client add-secret us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa")]
    AddSecret(Which),
    DeleteSecret(DeleteSecret),
}

/// List the app clients of a pool
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward app-client list us-east-1_k3Y9wRd0A")]
pub(crate) struct List {
    /// Which pool: its id, as `user-pool list` shows it
    #[arg(value_name = "POOL")]
    pool: String,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Which pool: its id, as `user-pool list` shows it
    #[arg(value_name = "POOL")]
    pool: String,
    /// Which app client: its id, as `app-client list` shows it
    #[arg(value_name = "CLIENT")]
    client: String,
}

/// Create an app client, whose secret, where it has one, is shown once
///
/// Give a secret to clients that can keep one, such as a web server; not to a page or a mobile app.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward app-client create us-east-1_k3Y9wRd0A web
  keyward app-client create us-east-1_k3Y9wRd0A backend --generate-secret \\
      --flow ADMIN_USER_PASSWORD_AUTH --flow REFRESH_TOKEN_AUTH")]
pub(crate) struct Create {
    /// Which pool: its id, as `user-pool list` shows it
    #[arg(value_name = "POOL")]
    pool: String,
    /// What people call it
    #[arg(value_name = "NAME")]
    name: String,
    /// The client has a secret
    #[arg(long)]
    generate_secret: bool,
    /// Users may sign in this way (can be repeated) [default: `CUSTOM_AUTH`, `REFRESH_TOKEN_AUTH`,
    /// `USER_SRP_AUTH`]
    #[arg(long = "flow", value_name = "FLOW", value_parser = PossibleValuesParser::new(FLOWS))]
    flows: Vec<String>,
}

/// Change an app client; what is not said stays, and so do its secrets
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward app-client update us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa \\
      --flow USER_PASSWORD_AUTH --flow REFRESH_TOKEN_AUTH
  keyward app-client update us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa \\
      --access-token-lifetime 15m --refresh-token-lifetime 7d")]
pub(crate) struct Update {
    #[command(flatten)]
    which: Which,
    /// What people call it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A way in which users may sign in, of the new list that replaces the old (can be repeated)
    #[arg(long = "flow", value_name = "FLOW", value_parser = PossibleValuesParser::new(FLOWS))]
    flows: Vec<String>,
    /// An unknown user and a wrong password look the same
    #[arg(long, conflicts_with = "show_unknown_users")]
    hide_unknown_users: bool,
    /// Whoever signs in as a user that nobody knows is told so
    #[arg(long)]
    show_unknown_users: bool,
    /// How long access tokens are good: 5m to 24h
    #[arg(long, value_name = "SPAN")]
    access_token_lifetime: Option<String>,
    /// How long ID tokens are good: 5m to 24h
    #[arg(long, value_name = "SPAN")]
    id_token_lifetime: Option<String>,
    /// How long refresh tokens are good: 1h to 3650d
    #[arg(long, value_name = "SPAN")]
    refresh_token_lifetime: Option<String>,
}

/// Delete an app client: the sessions that began through it end
#[derive(Debug, Args)]
#[command(after_help = "Example:
  keyward app-client delete us-east-1_k3Y9wRd0A 5h3kq0m1c8d2v7x9b4n6z1l0pa \\
      --confirm")]
pub(crate) struct Delete {
    #[command(flatten)]
    which: Which,
    /// Do it
    #[arg(long)]
    confirm: bool,
}

/// Delete a secret: it is refused from the very next request on
#[derive(Debug, Args)]
#[command(after_help = "Nothing is asked; the last secret stays.

Example:
  keyward app-client delete-secret us-east-1_k3Y9wRd0A \\
      5h3kq0m1c8d2v7x9b4n6z1l0pa \\
      5h3kq0m1c8d2v7x9b4n6z1l0pa--1800014400000")]
pub(crate) struct DeleteSecret {
    #[command(flatten)]
    which: Which,
    /// Which secret: its id, as `app-client describe` shows it
    #[arg(value_name = "SECRET-ID")]
    secret: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClientJson {
    client_id: String,
    user_pool_id: String,
    name: String,
    flows: Vec<String>,
    hides_unknown_users: bool,
    access_token_seconds: i64,
    id_token_seconds: i64,
    refresh_token_seconds: i64,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Vec<SecretJson>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<Secret>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecretJson {
    secret_id: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<Secret>,
}

impl From<ClientSecret> for SecretJson {
    fn from(secret: ClientSecret) -> Self {
        Self { secret_id: secret.id, created_at: secret.created_at, client_secret: secret.secret }
    }
}

impl From<AppClient> for ClientJson {
    fn from(client: AppClient) -> Self {
        let secrets = client.secrets.map(|secrets| secrets.into_iter().map(SecretJson::from).collect());
        Self {
            client_id: client.id,
            user_pool_id: client.pool_id,
            name: client.name,
            flows: client.flows,
            hides_unknown_users: client.hides_unknown_users,
            access_token_seconds: client.access_token_seconds,
            id_token_seconds: client.id_token_seconds,
            refresh_token_seconds: client.refresh_token_seconds,
            created_at: client.created_at,
            secrets,
            client_secret: client.secret,
        }
    }
}

#[derive(Serialize)]
struct Message {
    message: String,
}

pub(crate) async fn run(context: &Context, command: AppClientCommand) -> Result<()> {
    match command {
        AppClientCommand::List(arguments) => list(context, arguments).await,
        AppClientCommand::Describe(which) => describe(context, &which).await,
        AppClientCommand::Create(arguments) => create(context, arguments).await,
        AppClientCommand::Update(arguments) => update(context, arguments).await,
        AppClientCommand::Delete(arguments) => delete(context, &arguments).await,
        AppClientCommand::AddSecret(which) => add_secret(context, &which).await,
        AppClientCommand::DeleteSecret(arguments) => delete_secret(context, &arguments).await,
    }
}

async fn list(context: &Context, List { pool, paging }: List) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let page = async |slice| client.app_clients(&pool, slice).await;
    let listing = paging.fetch(context, "app clients", page).await?;
    if output.json {
        return listing.write_json(context, ClientJson::from);
    }
    if listing.items.is_empty() {
        output.line("No app clients found.")?;
        output.note(&format!("Create one: `keyward app-client create {} NAME`", quoted(&pool)));
        return Ok(());
    }
    output.line(&format!("Found {} app client(s)", listing.items.len()))?;
    let mut table =
        Table::new().whole_column("Client ID").column("Name").whole_column("Created").column("Flows");
    for client in &listing.items {
        table.row(&[
            client.id.clone(),
            client.name.clone(),
            time::short(&client.created_at),
            flows(&client.flows),
        ]);
    }
    output.table(table)?;
    listing.mention_rest(context);
    Ok(())
}

async fn describe(context: &Context, Which { pool, client: id }: &Which) -> Result<()> {
    let client = context.client()?;
    let found = context.output.waiting("Fetching the app client", client.app_client(pool, id)).await;
    let found = found.map_err(|error| known(error, pool))?;
    if context.output.json {
        return context.output.json(&ClientJson::from(found));
    }
    let seconds = |seconds: i64| format!("{seconds} seconds");
    let mut fields = vec![
        ("Client ID", found.id),
        ("Name", found.name),
        ("User pool ID", found.pool_id),
        ("Flows", flows(&found.flows)),
        ("Access tokens live", seconds(found.access_token_seconds)),
        ("ID tokens live", seconds(found.id_token_seconds)),
        ("Refresh tokens live", seconds(found.refresh_token_seconds)),
        ("Created", time::short(&found.created_at)),
    ];
    let secrets = found.secrets.unwrap_or_default();
    if secrets.is_empty() {
        fields.push(("Secrets", "none".to_owned()));
    }
    for secret in secrets {
        fields.push(("Secret ID", format!("{}  (made {})", secret.id, time::short(&secret.created_at))));
    }
    context.output.fields(&fields)
}

async fn create(context: &Context, arguments: Create) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let new = NewAppClient {
        name: arguments.name,
        with_secret: arguments.generate_secret,
        flows: allowed(&arguments.flows),
    };
    let pool = &arguments.pool;
    let made = output.waiting("Creating the app client", client.create_app_client(pool, &new)).await;
    let mut made = made.map_err(user_pool::known)?;
    if output.json {
        return output.json(&ClientJson::from(made));
    }
    output.success(&format!("App client {} created successfully", made.name));
    let secret = made.secret.take();
    output.fields(&[("Client ID", made.id), ("User pool ID", made.pool_id)])?;
    if let Some(secret) = secret {
        output.secret("Client secret (SAVE THIS - shown only once)", secret.expose())?;
    }
    Ok(())
}

async fn update(context: &Context, arguments: Update) -> Result<()> {
    let Which { pool, client: id } = &arguments.which;
    let change = AppClientChange {
        name: arguments.name,
        flows: allowed(&arguments.flows),
        hides_unknown_users: match (arguments.hide_unknown_users, arguments.show_unknown_users) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        access_token_seconds: lifetime("--access-token-lifetime", arguments.access_token_lifetime)?,
        id_token_seconds: lifetime("--id-token-lifetime", arguments.id_token_lifetime)?,
        refresh_token_seconds: lifetime("--refresh-token-lifetime", arguments.refresh_token_lifetime)?,
    };
    if change == AppClientChange::default() {
        return Err(Failure::usage(
            "At least one thing to change must be given: --name, --flow, --hide-unknown-users, \
             --show-unknown-users, --access-token-lifetime, --id-token-lifetime or --refresh-token-lifetime.",
        ));
    }
    let client = context.client()?;
    let updating = client.update_app_client(pool, id, &change);
    let updated = context.output.waiting("Changing the app client", updating).await;
    let updated = updated.map_err(|error| known(error, pool))?;
    if context.output.json {
        return context.output.json(&ClientJson::from(updated));
    }
    context.output.success(&format!("App client {} updated successfully", updated.name));
    Ok(())
}

async fn delete(context: &Context, Delete { which, confirm }: &Delete) -> Result<()> {
    let Which { pool, client: id } = which;
    let again = format!("keyward app-client delete {} {}", quoted(pool), quoted(id));
    confirmation::require(*confirm, "App client deletion", ("clientId", id), &again)?;
    let client = context.client()?;
    let deleted = context.output.waiting("Deleting the app client", client.delete_app_client(pool, id)).await;
    deleted.map_err(|error| known(error, pool))?;
    done(context, &format!("App client '{id}' deleted successfully"), "App client deleted successfully")
}

async fn add_secret(context: &Context, Which { pool, client: id }: &Which) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let added = output.waiting("Adding the secret", client.add_client_secret(pool, id)).await;
    let mut added = added.map_err(|error| {
        let has_two = error.code() == Some("conflict");
        let failure = known(error, pool);
        let hint = || format!("`keyward app-client describe {} {}` shows them", quoted(pool), quoted(id));
        if has_two { failure.or_hint(hint) } else { failure }
    })?;
    if output.json {
        return output.json(&SecretJson::from(added));
    }
    output.success("Secret added successfully");
    let secret = added.secret.take().unwrap_or_default();
    output.fields(&[("Secret ID", added.id)])?;
    output.secret("Client secret (SAVE THIS - shown only once)", secret.expose())?;
    output.note(&format!(
        "The old secret stays good until it is deleted: `keyward app-client delete-secret {} {} SECRET-ID`",
        quoted(pool),
        quoted(id)
    ));
    Ok(())
}

async fn delete_secret(context: &Context, DeleteSecret { which, secret }: &DeleteSecret) -> Result<()> {
    let Which { pool, client: id } = which;
    let client = context.client()?;
    let deleting = client.delete_client_secret(pool, id, secret);
    let deleted = context.output.waiting("Deleting the secret", deleting).await;
    deleted.map_err(|error| {
        let hint = match error.code() {
            Some("not-found") => Some(("describe", "shows its secrets")),
            Some("conflict") => Some(("add-secret", "adds one")),
            _ => None,
        };
        let failure = Failure::from(error);
        match hint {
            Some((command, what)) => failure
                .or_hint(|| format!("`keyward app-client {command} {} {}` {what}", quoted(pool), quoted(id))),
            None => failure,
        }
    })?;
    let message = format!("Secret '{secret}' deleted successfully");
    done(context, &message, "Secret deleted successfully: it is refused from now on.")
}

fn done(context: &Context, message: &str, shown: &str) -> Result<()> {
    if context.output.json {
        return context.output.json(&Message { message: message.to_owned() });
    }
    context.output.success(shown);
    Ok(())
}

/// The flows, as an app client allows them; none when none was said.
fn allowed(flows: &[String]) -> Option<Vec<String>> {
    (!flows.is_empty()).then(|| flows.iter().map(|flow| format!("ALLOW_{flow}")).collect())
}

fn lifetime(option: &str, span: Option<String>) -> Result<Option<u64>> {
    let parsed = span.map(|span| {
        time::parse_span(&span)
            .ok_or_else(|| Failure::usage(format!("{option} must be a span of time: 15m, 24h, 30d.")))
    });
    parsed.transpose()
}

/// The flows, as a client that signs in names them.
fn flows(flows: &[String]) -> String {
    let names = flows.iter().map(|flow| flow.strip_prefix("ALLOW_").unwrap_or(flow));
    names.collect::<Vec<_>>().join(", ")
}

/// A failure about an app client, with what helps when there is no such client.
fn known(error: Error, pool: &str) -> Failure {
    let is_missing = error.code() == Some("not-found");
    let failure = Failure::from(error);
    let hint = || format!("`keyward app-client list {}` shows the clients of the pool", quoted(pool));
    if is_missing { failure.or_hint(hint) } else { failure }
}
