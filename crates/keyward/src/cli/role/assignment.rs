//! `keyward role user`: who holds which role.

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::cli::confirmation::{self, quoted};
use crate::cli::context::Context;
use crate::cli::failure::{Failure, Result};
use crate::cli::output::Table;
use crate::cli::paging::Paging;
use crate::cli::{json_input, time};
use crate::client::{Assignment, Error};

#[derive(Debug, Subcommand)]
pub(crate) enum AssignmentCommand {
    List(List),
    Create(Give),
    Update(SetExactly),
    Delete(Delete),
}

/// List who holds which roles
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward role user list")]
pub(crate) struct List {
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
struct Roles {
    /// Whose roles
    #[arg(short, long, value_name = "NAME", required_unless_present = "json_input")]
    user_id: Option<String>,
    /// A role (can be repeated)
    #[arg(long = "role-name", value_name = "ROLE", required_unless_present = "json_input")]
    role_names: Vec<String>,
    /// {"userId": ..., "roleName": [...]} as JSON, a file of it, or - for stdin; options override its members
    #[arg(long, value_name = "JSON|FILE|-")]
    json_input: Option<String>,
}

/// Give roles to a user, on top of what they hold
///
/// All or none. A name that nobody has becomes a program user: one without password or sign-in, for API keys.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  keyward role user create -u ci-bot@example.com --role-name pipeline-runner"
)]
pub(crate) struct Give {
    #[command(flatten)]
    roles: Roles,
}

/// Make the roles of a user exactly these
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward role user update -u ada@example.com --role-name RESEARCHERS")]
pub(crate) struct SetExactly {
    #[command(flatten)]
    roles: Roles,
    /// Fail for a name that nobody has, which would become a program user
    #[arg(long)]
    existing: bool,
}

/// Take a role from a user, or all of them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward role user delete -u ada@example.com --confirm
  keyward role user delete -u ada@example.com --role-name RESEARCHERS --confirm")]
pub(crate) struct Delete {
    /// Whose roles
    #[arg(short, long, value_name = "NAME")]
    user_id: String,
    /// Take only this role
    #[arg(long, value_name = "ROLE")]
    role_name: Option<String>,
    /// Do it
    #[arg(long)]
    confirm: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AssignmentInput {
    user_id: Option<String>,
    #[serde(default)]
    role_name: OneOrMany,
    #[serde(default, rename = "createdOn")]
    _created_on: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// Who holds which roles, in the shape that scripts of the real client read.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AssignmentJson {
    user_id: String,
    role_name: Vec<String>,
    created_on: String,
}

impl From<Assignment> for AssignmentJson {
    fn from(assignment: Assignment) -> Self {
        Self {
            user_id: assignment.username,
            role_name: assignment.roles,
            created_on: time::naive_seconds(&assignment.created_at.unwrap_or_default()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    success: bool,
    message: &'static str,
    user_id: String,
    operation: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_name: Option<Vec<String>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    created_program_user: bool,
}

pub(super) async fn run(context: &Context, command: AssignmentCommand) -> Result<()> {
    match command {
        AssignmentCommand::List(arguments) => list(context, arguments).await,
        AssignmentCommand::Create(Give { roles }) => give(context, roles).await,
        AssignmentCommand::Update(arguments) => set_exactly(context, arguments).await,
        AssignmentCommand::Delete(arguments) => delete(context, arguments).await,
    }
}

async fn list(context: &Context, List { paging }: List) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let page = async |slice| client.assignments(slice).await;
    let listing = paging.fetch(context, "assignments", page).await?;
    if output.json {
        return listing.write_json(context, AssignmentJson::from);
    }
    if listing.items.is_empty() {
        output.line("No user roles found.")?;
        output.note("Give one: `keyward role user create -u NAME --role-name ROLE`");
        return Ok(());
    }
    output.line(&format!("Found {} user(s) with roles:", listing.items.len()))?;
    let mut table = Table::new().whole_column("User ID").column("Roles").column("Since");
    for assignment in &listing.items {
        let since = assignment.created_at.as_deref().map(time::short).unwrap_or_default();
        table.row(&[assignment.username.clone(), assignment.roles.join(", "), since]);
    }
    output.table(table)?;
    listing.mention_rest(context);
    Ok(())
}

async fn give(context: &Context, roles: Roles) -> Result<()> {
    let (user, roles) = read(roles)?;
    let client = context.client()?;
    let given = client.add_roles(&user, &roles);
    let given = context.output.waiting("Giving roles", given).await.map_err(known)?;
    tell(context, &user, ("create", "User roles created successfully"), &given)
}

async fn set_exactly(context: &Context, SetExactly { roles, existing }: SetExactly) -> Result<()> {
    let (user, roles) = read(roles)?;
    let client = context.client()?;
    let set = async {
        let id = if existing { client.user(&user).await?.id } else { user.clone() };
        client.set_roles(&id, &roles).await
    };
    let set = context.output.waiting("Setting roles", set).await.map_err(known)?;
    tell(context, &user, ("update", "User roles updated successfully"), &set)
}

async fn delete(context: &Context, Delete { user_id, role_name, confirm }: Delete) -> Result<()> {
    let only = role_name.as_ref().map(|role| format!(" --role-name {}", quoted(role))).unwrap_or_default();
    let again = format!("keyward role user delete -u {}{only}", quoted(&user_id));
    confirmation::require(confirm, "User role deletion", ("userId", &user_id), &again)?;
    let client = context.client()?;
    let taken = async {
        match &role_name {
            Some(role) => client.take_role(&user_id, role).await,
            None => client.take_all_roles(&user_id).await,
        }
    };
    context.output.waiting("Taking roles", taken).await.map_err(known)?;
    if context.output.json {
        return context.output.json(&Done {
            success: true,
            message: "User roles deleted successfully",
            user_id,
            operation: "delete",
            timestamp: time::naive_micros(&context.now()),
            role_name: None,
            created_program_user: false,
        });
    }
    let taken = role_name.map_or_else(|| "any role".to_owned(), |role| format!("the role {role}"));
    context.output.success(&format!("{user_id} no longer holds {taken}."));
    Ok(())
}

/// The user and the roles of the options, and of `--json-input` where an option is missing.
fn read(roles: Roles) -> Result<(String, Vec<String>)> {
    let (mut user, mut names) = (roles.user_id, roles.role_names);
    if let Some(input) = roles.json_input {
        let input: AssignmentInput = json_input::read(&input)?;
        user = user.or(input.user_id);
        if names.is_empty() {
            names = match input.role_name {
                OneOrMany::One(name) => vec![name],
                OneOrMany::Many(names) => names,
            };
        }
    }
    match user {
        Some(user) if !names.is_empty() => Ok((user, names)),
        _ => Err(Failure::usage("A user and at least one role are needed, in --json-input or as options.")),
    }
}

fn tell(
    context: &Context,
    user: &str,
    (operation, message): (&'static str, &'static str),
    now: &Assignment,
) -> Result<()> {
    let output = &context.output;
    if output.json {
        return output.json(&Done {
            success: true,
            message,
            user_id: user.to_owned(),
            operation,
            timestamp: time::naive_micros(&context.now()),
            role_name: Some(now.roles.clone()),
            created_program_user: now.created_program_user,
        });
    }
    if now.created_program_user {
        output.note(&format!(
            "Nobody had the name {user}: it is a program user now, without password or sign-in."
        ));
    }
    output.success(&format!("{user} holds: {}", now.roles.join(", ")));
    Ok(())
}

fn known(error: Error) -> Failure {
    let missing = error.code() == Some("not-found");
    let failure = Failure::from(error);
    if missing {
        failure.or_hint(|| {
            "`keyward role list` shows the roles, `keyward user list` the users; a role is made with `keyward role \
             create -r NAME --description TEXT --permission 'action:resource'`"
                .to_owned()
        })
    } else {
        failure
    }
}
