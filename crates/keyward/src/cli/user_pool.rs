//! `keyward user-pool`: pools of users beside the home pool.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::confirmation::{self, quoted};
use super::context::Context;
use super::failure::{Failure, Result};
use super::output::Table;
use super::paging::Paging;
use super::time;
use super::user::yes_or_no;
use crate::client::{Error, NewUserPool, UserPool};

#[derive(Debug, Subcommand)]
pub(crate) enum UserPoolCommand {
    List(List),
    Describe(Describe),
    Create(Create),
    Delete(Delete),
}

/// List the user pools
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward user-pool list")]
pub(crate) struct List {
    #[command(flatten)]
    paging: Paging,
}

/// Show one user pool
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward user-pool describe us-east-1_k3Y9wRd0A")]
pub(crate) struct Describe {
    /// Which pool: its id, as `user-pool list` shows it
    #[arg(value_name = "POOL")]
    pool: String,
}

/// Create a user pool beside the home pool
///
/// Its users sign in through its own app clients, with its own tokens; they have no roles and keys in Keyward.
/// What else can be set of it, AWS' own clients set (`aws cognito-idp update-user-pool`).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward user-pool create staging
  keyward user-pool create customers --username-attribute email")]
#[expect(clippy::struct_excessive_bools, reason = "they are the pool's")]
pub(crate) struct Create {
    /// What people call it
    #[arg(value_name = "NAME")]
    name: String,
    /// What the id begins with [default: the home pool's region]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Users are named by this address of theirs (can be repeated)
    #[arg(long = "username-attribute", value_name = "ATTRIBUTE", conflicts_with = "alias_attributes",
        value_parser = PossibleValuesParser::new(["email", "phone_number"]))]
    username_attributes: Vec<String>,
    /// This stands for a user's name once proven (can be repeated)
    #[arg(long = "alias-attribute", value_name = "ATTRIBUTE",
        value_parser = PossibleValuesParser::new(["email", "phone_number", "preferred_username"]))]
    alias_attributes: Vec<String>,
    /// Names that differ in case alone are different ones
    #[arg(long)]
    case_sensitive: bool,
    /// Only administrators make users
    #[arg(long)]
    admin_create_only: bool,
    /// The pool can't be deleted
    #[arg(long)]
    deletion_protection: bool,
    /// The passwords that most people choose are refused
    #[arg(long)]
    refuse_common_passwords: bool,
}

/// Delete a user pool with its users, groups and app clients
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward user-pool delete us-east-1_k3Y9wRd0A --confirm")]
pub(crate) struct Delete {
    /// Which pool: its id, as `user-pool list` shows it
    #[arg(value_name = "POOL")]
    pool: String,
    /// Do it
    #[arg(long)]
    confirm: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "they are the pool's")]
struct PoolJson {
    user_pool_id: String,
    name: String,
    home: bool,
    issuer: String,
    mfa: String,
    username_attributes: Vec<String>,
    alias_attributes: Vec<String>,
    case_sensitive: bool,
    admin_create_only: bool,
    deletion_protection: bool,
    refuses_common_passwords: bool,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<i64>,
}

impl From<UserPool> for PoolJson {
    fn from(pool: UserPool) -> Self {
        Self {
            user_pool_id: pool.id,
            name: pool.name,
            home: pool.home,
            issuer: pool.issuer,
            mfa: pool.mfa,
            username_attributes: pool.username_attributes,
            alias_attributes: pool.alias_attributes,
            case_sensitive: pool.case_sensitive,
            admin_create_only: pool.admin_create_only,
            deletion_protection: pool.deletion_protection,
            refuses_common_passwords: pool.refuses_common_passwords,
            created_at: pool.created_at,
            accounts: pool.accounts,
        }
    }
}

#[derive(Serialize)]
struct Message {
    message: String,
}

pub(crate) async fn run(context: &Context, command: UserPoolCommand) -> Result<()> {
    match command {
        UserPoolCommand::List(List { paging }) => list(context, paging).await,
        UserPoolCommand::Describe(Describe { pool }) => describe(context, &pool).await,
        UserPoolCommand::Create(arguments) => create(context, arguments).await,
        UserPoolCommand::Delete(arguments) => delete(context, &arguments).await,
    }
}

async fn list(context: &Context, paging: Paging) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let listing = paging.fetch(context, "user pools", async |slice| client.user_pools(slice).await).await?;
    if output.json {
        return listing.write_json(context, PoolJson::from);
    }
    // The home pool is always there.
    let is_alone = listing.items.len() == 1;
    output.line(&format!("Found {} user pool(s)", listing.items.len()))?;
    let mut table =
        Table::new().whole_column("User pool ID").column("Name").whole_column("Created").column("Home");
    for pool in &listing.items {
        table.row(&[
            pool.id.clone(),
            pool.name.clone(),
            time::short(&pool.created_at),
            if pool.home { "yes" } else { "" }.to_owned(),
        ]);
    }
    output.table(table)?;
    listing.mention_rest(context);
    if is_alone {
        output.note("Create another one: `keyward user-pool create NAME`");
    }
    Ok(())
}

async fn describe(context: &Context, id: &str) -> Result<()> {
    let client = context.client()?;
    let pool = context.output.waiting("Fetching the user pool", client.user_pool(id)).await;
    let pool = pool.map_err(known)?;
    if context.output.json {
        return context.output.json(&PoolJson::from(pool));
    }
    let signs_in_by = match (pool.username_attributes.as_slice(), pool.alias_attributes.as_slice()) {
        ([], []) => "username".to_owned(),
        ([], aliases) => format!("username, {}", aliases.join(", ")),
        (names, _) => names.join(", "),
    };
    let mut fields = vec![
        ("User pool ID", pool.id),
        ("Name", pool.name),
        ("Home pool", yes_or_no(pool.home)),
        ("Issuer", pool.issuer),
        ("Users sign in by", signs_in_by),
        ("Case matters", yes_or_no(pool.case_sensitive)),
        ("MFA", pool.mfa),
        ("Only admins make users", yes_or_no(pool.admin_create_only)),
        ("Refuses common passwords", yes_or_no(pool.refuses_common_passwords)),
        ("Deletion protection", yes_or_no(pool.deletion_protection)),
    ];
    fields.extend(pool.accounts.map(|accounts| ("Users", accounts.to_string())));
    fields.push(("Created", time::short(&pool.created_at)));
    context.output.fields(&fields)
}

async fn create(context: &Context, arguments: Create) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let new = NewUserPool {
        name: arguments.name,
        region: arguments.region,
        username_attributes: arguments.username_attributes,
        alias_attributes: arguments.alias_attributes,
        case_sensitive: arguments.case_sensitive,
        admin_create_only: arguments.admin_create_only,
        deletion_protection: arguments.deletion_protection,
        refuses_common_passwords: arguments.refuse_common_passwords,
    };
    let pool = output.waiting("Creating the user pool", client.create_user_pool(&new)).await?;
    if output.json {
        return output.json(&PoolJson::from(pool));
    }
    output.success(&format!("User pool {} created successfully", pool.name));
    let next = format!("Give an application its way in: `keyward app-client create {} NAME`", pool.id);
    output.fields(&[("User pool ID", pool.id), ("Issuer", pool.issuer)])?;
    output.note(&next);
    Ok(())
}

async fn delete(context: &Context, Delete { pool, confirm }: &Delete) -> Result<()> {
    let again = format!("keyward user-pool delete {}", quoted(pool));
    confirmation::require(*confirm, "User pool deletion", ("userPoolId", pool), &again)?;
    let client = context.client()?;
    let deleted = context.output.waiting("Deleting the user pool", client.delete_user_pool(pool)).await;
    deleted.map_err(known)?;
    if context.output.json {
        return context.output.json(&Message { message: format!("User pool '{pool}' deleted successfully") });
    }
    context.output.success("User pool deleted successfully: its tokens are refused from now on.");
    Ok(())
}

/// A failure about a pool, with what helps when there is no such pool.
pub(super) fn known(error: Error) -> Failure {
    let is_missing = error.code() == Some("not-found");
    let failure = Failure::from(error);
    if is_missing {
        failure.or_hint(|| "`keyward user-pool list` shows the pools".to_owned())
    } else {
        failure
    }
}
