//! `keyward role`: what may be done, and by whom.

mod assignment;

use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use super::confirmation::{self, quoted};
use super::context::Context;
use super::failure::{Failure, Result};
use super::output::Table;
use super::paging::{Listing, Paging};
use super::{json_input, time};
use crate::client::{Change, Error, NewRole, Role, RoleChange};

#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    List(List),
    Show(Show),
    Create(Create),
    Update(Update),
    Delete(Delete),
    /// Who holds which role
    #[command(subcommand, after_help = "Example:\n  keyward role user list")]
    User(assignment::AssignmentCommand),
}

/// List roles
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  keyward role list\n  keyward role list --auto-paginate --json-output")]
pub(crate) struct List {
    #[command(flatten)]
    paging: Paging,
}

/// Show one role
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward role show -r RESEARCHERS")]
pub(crate) struct Show {
    /// Which role
    #[arg(short, long, value_name = "ROLE")]
    role_name: String,
}

/// Create a role
///
/// A permission is `action:resource`; a trailing * matches any rest, * alone is everything.
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  keyward role create -r pipeline-runner --description "CI" \
      --permission "submit:SOP*" --permission view:own
  keyward role create --json-input role.json"#)]
pub(crate) struct Create {
    /// The role's name
    #[arg(short, long, value_name = "ROLE", required_unless_present = "json_input")]
    role_name: Option<String>,
    /// What the role is for
    #[arg(long, value_name = "TEXT", required_unless_present = "json_input")]
    description: Option<String>,
    /// A permission that the role gives (can be repeated)
    #[arg(long = "permission", value_name = "ACTION:RESOURCE")]
    permissions: Vec<String>,
    /// Where the role comes from
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// What it is called there
    #[arg(long, value_name = "TEXT")]
    source_identifier: Option<String>,
    /// The role counts only for who signed in with a second factor; never for an API key
    #[arg(long)]
    mfa_required: bool,
    /// The role as JSON, a file of it, or - for stdin; options override its members
    #[arg(long, value_name = "JSON|FILE|-")]
    json_input: Option<String>,
}

/// Change a role; what isn't named stays as it is
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  keyward role update -r pipeline-runner --description "Pipelines"
  keyward role update -r pipeline-runner --permission "submit:*""#)]
pub(crate) struct Update {
    /// Which role
    #[arg(short, long, value_name = "ROLE", required_unless_present = "json_input")]
    role_name: Option<String>,
    /// What the role is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A permission of the new list, which replaces the old (can be repeated)
    #[arg(long = "permission", value_name = "ACTION:RESOURCE", conflicts_with = "clear_permissions")]
    permissions: Vec<String>,
    /// Take all permissions from the role
    #[arg(long)]
    clear_permissions: bool,
    /// Where the role comes from; "" clears it
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// What it is called there; "" clears it
    #[arg(long, value_name = "TEXT")]
    source_identifier: Option<String>,
    /// The role counts only for who signed in with a second factor; never for an API key
    #[arg(long, conflicts_with = "no_mfa_required")]
    mfa_required: bool,
    /// The role counts for everybody who holds it
    #[arg(long)]
    no_mfa_required: bool,
    /// The change as JSON, a file of it, or - for stdin; options override its members
    #[arg(long, value_name = "JSON|FILE|-")]
    json_input: Option<String>,
}

/// Delete a role, and take it from all who hold it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward role delete -r pipeline-runner --confirm")]
pub(crate) struct Delete {
    /// Which role
    #[arg(short, long, value_name = "ROLE")]
    role_name: String,
    /// Do it
    #[arg(long)]
    confirm: bool,
}

/// What `--json-input` may hold: also what `role list` shows, so that an item of it can be given back.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RoleInput {
    role_name: Option<String>,
    description: Option<String>,
    permissions: Option<Vec<String>>,
    source: Option<String>,
    source_identifier: Option<String>,
    mfa_required: Option<bool>,
    #[serde(rename = "id")]
    _id: Option<serde_json::Value>,
    #[serde(rename = "createdOn")]
    _created_on: Option<serde_json::Value>,
}

/// A role as JSON, in the shape that scripts of the real client read, with its permissions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleJson {
    id: String,
    role_name: String,
    description: String,
    created_on: String,
    source: Option<String>,
    source_identifier: Option<String>,
    mfa_required: bool,
    permissions: Vec<String>,
}

impl From<Role> for RoleJson {
    fn from(role: Role) -> Self {
        Self {
            id: role.id,
            role_name: role.name,
            description: role.description.unwrap_or_default(),
            created_on: time::naive_seconds(&role.created_at),
            source: role.source,
            source_identifier: role.source_identifier,
            mfa_required: role.mfa_required,
            permissions: role.permissions,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    success: bool,
    message: String,
    role_name: String,
    operation: &'static str,
    timestamp: String,
}

pub(crate) async fn run(context: &Context, command: RoleCommand) -> Result<()> {
    match command {
        RoleCommand::List(arguments) => list(context, arguments).await,
        RoleCommand::Show(arguments) => show(context, arguments).await,
        RoleCommand::Create(arguments) => create(context, arguments).await,
        RoleCommand::Update(arguments) => update(context, arguments).await,
        RoleCommand::Delete(arguments) => delete(context, arguments).await,
        RoleCommand::User(command) => assignment::run(context, command).await,
    }
}

async fn list(context: &Context, List { paging }: List) -> Result<()> {
    let client = context.client()?;
    let listing = paging.fetch(context, "roles", async |slice| client.roles(slice).await).await?;
    if context.output.json {
        return listing.write_json(context, RoleJson::from);
    }
    table(context, &listing)
}

fn table(context: &Context, listing: &Listing<Role>) -> Result<()> {
    let output = &context.output;
    if listing.items.is_empty() {
        output.line("No roles found.")?;
        output.note(
            "Create one: `keyward role create -r ROLE --description TEXT --permission ACTION:RESOURCE`",
        );
        return Ok(());
    }
    output.line(&format!("Found {} role(s):", listing.items.len()))?;
    let mut table =
        Table::new().whole_column("Role").column("Permissions").column("MFA").column("Description");
    for role in &listing.items {
        table.row(&[
            role.name.clone(),
            role.permissions.join(", "),
            if role.mfa_required { "required" } else { "" }.to_owned(),
            role.description.clone().unwrap_or_default(),
        ]);
    }
    output.table(table)?;
    listing.mention_rest(context);
    Ok(())
}

async fn show(context: &Context, Show { role_name }: Show) -> Result<()> {
    let client = context.client()?;
    let role = context.output.waiting("Fetching the role", client.role(&role_name)).await.map_err(known)?;
    if context.output.json {
        return context.output.json(&RoleJson::from(role));
    }
    let permissions =
        if role.permissions.is_empty() { "none".to_owned() } else { role.permissions.join(", ") };
    let mut fields = vec![
        ("Role", role.name),
        ("Description", role.description.unwrap_or_default()),
        ("Permissions", permissions),
        ("MFA", if role.mfa_required { "required" } else { "not required" }.to_owned()),
    ];
    fields.extend(role.source.map(|source| ("Source", source)));
    fields.extend(role.source_identifier.map(|identifier| ("Source identifier", identifier)));
    fields.push(("Created", time::short(&role.created_at)));
    context.output.fields(&fields)
}

async fn create(context: &Context, arguments: Create) -> Result<()> {
    let input = read_input(arguments.json_input.as_deref())?;
    let name = arguments.role_name.or(input.role_name);
    let description = arguments.description.or(input.description);
    let (Some(name), Some(description)) = (name, description) else {
        return Err(Failure::usage("A role needs roleName and description, in --json-input or as options."));
    };
    let given = |values: Vec<String>| Some(values).filter(|values| !values.is_empty());
    let role = NewRole {
        name: name.clone(),
        description,
        permissions: given(arguments.permissions).or(input.permissions).unwrap_or_default(),
        mfa_required: arguments.mfa_required.then_some(true).or(input.mfa_required),
        source: arguments.source.or(input.source).filter(|source| !source.is_empty()),
        source_identifier: arguments
            .source_identifier
            .or(input.source_identifier)
            .filter(|it| !it.is_empty()),
    };
    let client = context.client()?;
    let made =
        context.output.waiting("Creating the role", client.create_role(&role)).await.map_err(|error| {
            let exists = error.code() == Some("already-exists");
            let failure = Failure::from(error);
            if exists {
                failure.or_hint(|| format!("`keyward role update -r {}` changes it", quoted(&name)))
            } else {
                failure
            }
        })?;
    done(context, &made.name, "create", format!("Role {} created successfully", made.name))?;
    if made.permissions.is_empty() {
        let name = quoted(&made.name);
        let note =
            format!("It permits nothing yet: `keyward role update -r {name} --permission ACTION:RESOURCE`");
        context.output.note(&note);
    }
    Ok(())
}

async fn update(context: &Context, arguments: Update) -> Result<()> {
    let input = read_input(arguments.json_input.as_deref())?;
    let Some(name) = arguments.role_name.or(input.role_name) else {
        return Err(Failure::usage("Which role? Name it with -r, or as roleName in --json-input."));
    };
    let permissions = match arguments.permissions {
        _ if arguments.clear_permissions => Some(Vec::new()),
        permissions if permissions.is_empty() => input.permissions,
        permissions => Some(permissions),
    };
    let mfa_required = match (arguments.mfa_required, arguments.no_mfa_required) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => input.mfa_required,
    };
    let change = RoleChange {
        description: arguments.description.or(input.description),
        permissions,
        mfa_required,
        source: Change::of_option(arguments.source.or(input.source)),
        source_identifier: Change::of_option(arguments.source_identifier.or(input.source_identifier)),
    };
    if change.is_empty() {
        return Err(Failure::usage(
            "At least one field must be provided for update: --description, --permission, --mfa-required, \
             --no-mfa-required, --source or --source-identifier.",
        ));
    }
    let client = context.client()?;
    let updated = client.update_role(&name, &change);
    let role = context.output.waiting("Updating the role", updated).await.map_err(known)?;
    done(context, &role.name, "update", format!("Role {} updated successfully", role.name))
}

async fn delete(context: &Context, Delete { role_name, confirm }: Delete) -> Result<()> {
    let again = format!("keyward role delete -r {}", quoted(&role_name));
    confirmation::require(confirm, "Role deletion", ("roleName", &role_name), &again)?;
    let client = context.client()?;
    context.output.waiting("Deleting the role", client.delete_role(&role_name)).await.map_err(known)?;
    done(context, &role_name, "delete", format!("Role {role_name} deleted successfully"))
}

fn read_input(input: Option<&str>) -> Result<RoleInput> {
    input.map_or_else(|| Ok(RoleInput::default()), json_input::read)
}

fn done(context: &Context, role_name: &str, operation: &'static str, message: String) -> Result<()> {
    if !context.output.json {
        context.output.success(&message);
        return Ok(());
    }
    context.output.json(&Done {
        success: true,
        message,
        role_name: role_name.to_owned(),
        operation,
        timestamp: time::naive_micros(&context.now()),
    })
}

/// A failure about a role, with what helps when there is no such role.
fn known(error: Error) -> Failure {
    let missing = error.code() == Some("not-found");
    let failure = Failure::from(error);
    if missing { failure.or_hint(|| "`keyward role list` shows the roles".to_owned()) } else { failure }
}
