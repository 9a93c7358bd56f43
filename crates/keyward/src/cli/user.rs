//! `keyward user`: people's accounts. `keyward user cognito` is the same under its older name.

mod export;
mod import;

use clap::{Args, Subcommand};
use keyward_core::secret::Secret;
use serde::Serialize;

use super::confirmation::{self, quoted};
use super::context::Context;
use super::failure::{Failure, Result};
use super::output::Table;
use super::paging::{Listing, Paging};
use super::password::PasswordSource;
use super::{prompt, time};
use crate::client::{Change, NewUser, User, UserChange};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    #[command(flatten)]
    Act(UserAct),
    Import(import::Import),
    Export(export::Export),
    /// The same commands, under the name that scripts of VAMS use
    #[command(subcommand, after_help = "Example:\n  keyward user cognito list")]
    Cognito(UserAct),
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserAct {
    List(List),
    /// Show one user
    #[command(after_help = "Example:\n  keyward user show -u ada@example.com")]
    Show(Name),
    Create(Create),
    Update(Update),
    /// Delete a user, with their sessions, roles and API keys
    ///
    /// This can't be undone. The command does nothing without --confirm, and asks nothing with it.
    #[command(after_help = "Example:\n  keyward user delete -u ada@example.com --confirm")]
    Delete(Confirmed),
    /// Give a user a new temporary password, which is shown once
    ///
    /// Their sessions end; the account, its roles and its second factor stay. The command does nothing
    /// without --confirm, and asks nothing with it.
    #[command(after_help = "Example:\n  keyward user reset-password -u ada@example.com --confirm")]
    ResetPassword(Confirmed),
    SetPassword(SetPassword),
    /// Take a user's second factors and passkeys away: the device with them is lost
    ///
    /// Their sessions end; the account, its password and its roles stay. This can't be undone. The command
    /// does nothing without --confirm, and asks nothing with it.
    #[command(after_help = "Example:\n  keyward user reset-mfa -u ada@example.com --confirm")]
    ResetMfa(Confirmed),
    /// Let a user in again
    #[command(after_help = "Example:\n  keyward user enable -u ada@example.com")]
    Enable(Name),
    /// Keep a user out: sessions end and API keys stop at once, nothing is deleted
    #[command(after_help = "Example:\n  keyward user disable -u ada@example.com")]
    Disable(Name),
    /// End every session of a user
    #[command(after_help = "Example:\n  keyward user sign-out -u ada@example.com")]
    SignOut(Name),
}

/// List users
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  keyward user list\n  keyward user list --auto-paginate --json-output")]
pub(crate) struct List {
    /// Only those whose name or email begins with this
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only program users: names without password or sign-in
    #[arg(long)]
    programs: bool,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// Which user: the name, or the id
    #[arg(short, long, value_name = "NAME")]
    user_id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Confirmed {
    /// Which user: the name, or the id
    #[arg(short, long, value_name = "NAME")]
    user_id: String,
    /// Do it
    #[arg(long)]
    confirm: bool,
}

/// Create a user, with a temporary password that is shown once
///
/// The first sign-in asks for a new one. With a password of --password-stdin, --password-env or
/// --password-file, it is for good, and none is asked for.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  keyward user create -u ada@example.com -e ada@example.com --role RESEARCHERS"
)]
pub(crate) struct Create {
    /// The user's name: an email address
    #[arg(short, long, value_name = "NAME")]
    user_id: String,
    /// Email address
    #[arg(short, long, required_unless_present = "program")]
    email: Option<String>,
    /// Phone number: + and 10 to 15 digits, without spaces (+12345678900)
    #[arg(short, long)]
    phone: Option<String>,
    /// A role to give at once (can be repeated)
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Read the temporary password from stdin instead of having one made
    #[arg(long, conflicts_with_all = ["program", "password_source", "password_prompt"])]
    temporary_password_stdin: bool,
    /// Ask for a password for good
    #[arg(long, conflicts_with_all = ["program", "password_source"])]
    password_prompt: bool,
    #[command(flatten)]
    password: PasswordSource,
    /// A program user: a name without password or sign-in, for API keys to act as
    #[arg(long, conflicts_with_all = ["email", "phone", "password_source"])]
    program: bool,
}

/// Give a user a password
///
/// For good, unless it is said to be temporary; asked for when no option says where it is. Their sessions end.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  keyward user set-password -u ada@example.com --password-file password.txt"
)]
pub(crate) struct SetPassword {
    /// Which user: the name, or the id
    #[arg(short, long, value_name = "NAME")]
    user_id: String,
    /// The next sign-in with it asks for a new one
    #[arg(long)]
    temporary: bool,
    #[command(flatten)]
    password: PasswordSource,
}

/// Change a user's email address or phone number
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward user update -u ada@example.com -p +12345678900")]
pub(crate) struct Update {
    /// Which user: the name, or the id
    #[arg(short, long, value_name = "NAME")]
    user_id: String,
    /// New email address
    #[arg(short, long)]
    email: Option<String>,
    /// New phone number; "" removes it
    #[arg(short, long)]
    phone: Option<String>,
}

/// A user as JSON, in the shape that scripts of the real client read, and a few members more.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserJson {
    user_id: String,
    email: String,
    phone: String,
    user_status: String,
    enabled: bool,
    user_create_date: String,
    user_last_modified_date: String,
    mfa_enabled: bool,
    sub: String,
    kind: String,
    roles: Vec<String>,
}

impl From<User> for UserJson {
    fn from(user: User) -> Self {
        Self {
            user_id: user.username,
            email: user.email.unwrap_or_default(),
            phone: user.phone.unwrap_or_default(),
            user_status: user.status.unwrap_or_default(),
            enabled: user.enabled,
            user_create_date: time::with_offset(&user.created_at),
            user_last_modified_date: time::with_offset(&user.updated_at),
            mfa_enabled: user.mfa,
            sub: user.id,
            kind: user.kind,
            roles: user.roles,
        }
    }
}

/// What was done to a user, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Done {
    success: bool,
    message: String,
    user_id: String,
    operation: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_password: Option<Secret>,
}

#[derive(Serialize)]
struct OnePage {
    users: Vec<UserJson>,
    #[serde(rename = "Items")]
    items: Vec<UserJson>,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

pub(crate) async fn run(context: &Context, command: UserCommand) -> Result<()> {
    // Under the older name they are those of the pool: Cognito knows no program users.
    let (act, kind) = match command {
        UserCommand::Act(act) => (act, None),
        UserCommand::Import(arguments) => return import::run(context, arguments).await,
        UserCommand::Export(arguments) => return export::run(context, arguments).await,
        UserCommand::Cognito(act) => (act, Some("account")),
    };
    match act {
        UserAct::List(arguments) => list(context, arguments, kind).await,
        UserAct::Show(Name { user_id }) => show(context, &user_id).await,
        UserAct::Create(arguments) => create(context, arguments).await,
        UserAct::Update(arguments) => update(context, arguments).await,
        UserAct::Delete(arguments) => delete(context, arguments).await,
        UserAct::ResetPassword(arguments) => reset_password(context, arguments).await,
        UserAct::SetPassword(arguments) => set_password(context, arguments).await,
        UserAct::ResetMfa(arguments) => reset_mfa(context, arguments).await,
        UserAct::Enable(Name { user_id }) => enable(context, &user_id, true).await,
        UserAct::Disable(Name { user_id }) => enable(context, &user_id, false).await,
        UserAct::SignOut(Name { user_id }) => sign_out(context, &user_id).await,
    }
}

async fn list(
    context: &Context,
    List { search, programs, paging }: List,
    kind: Option<&'static str>,
) -> Result<()> {
    let client = context.client()?;
    let kind = if programs { Some("program") } else { kind };
    let page = async |slice| client.users(slice, search.as_deref(), kind).await;
    let listing = paging.fetch(context, "users", page).await?;
    if !context.output.json {
        return table(context, &listing);
    }
    if listing.pages.is_some() {
        return listing.write_json(context, UserJson::from);
    }
    // Both names: the real server says `users`, the real client reads `Items`.
    let items: Vec<UserJson> = listing.items.iter().cloned().map(UserJson::from).collect();
    let users = listing.items.into_iter().map(UserJson::from).collect();
    context.output.json(&OnePage { users, items, next: listing.next })
}

fn table(context: &Context, listing: &Listing<User>) -> Result<()> {
    let output = &context.output;
    if listing.items.is_empty() {
        output.line("No users found.")?;
        output.note("Create one: `keyward user create -u NAME -e EMAIL`");
        return Ok(());
    }
    output.line(&format!("Found {} user(s):", listing.items.len()))?;
    let mut table = Table::new()
        .whole_column("User ID")
        .column("Email")
        .column("Phone")
        .whole_column("Status")
        .whole_column("Enabled")
        .whole_column("MFA")
        .column("Roles")
        .column("Created");
    // The email of an account is most often its name: where it is so for all of them, said once is enough.
    let own = |user: &User| user.email.as_ref().is_some_and(|email| *email != user.username);
    let has_emails = listing.items.iter().any(own);
    for user in &listing.items {
        let email = user.email.as_deref().filter(|_| has_emails).unwrap_or_default();
        table.row(&[
            user.username.clone(),
            email.to_owned(),
            user.phone.clone().unwrap_or_default(),
            status_of(user),
            yes_or_no(user.enabled),
            yes_or_no(user.mfa),
            user.roles.join(", "),
            time::short(&user.created_at),
        ]);
    }
    output.table(table)?;
    listing.mention_rest(context);
    Ok(())
}

fn status_of(user: &User) -> String {
    match (&user.status, user.kind.as_str()) {
        (_, "program") => "program user".to_owned(),
        (Some(status), _) => status.clone(),
        (None, _) => String::new(),
    }
}

pub(super) fn yes_or_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

async fn show(context: &Context, user: &str) -> Result<()> {
    let client = context.client()?;
    let user = context.output.waiting("Fetching the user", client.user(user)).await.map_err(known)?;
    if context.output.json {
        return context.output.json(&UserJson::from(user));
    }
    let roles = if user.roles.is_empty() { "none".to_owned() } else { user.roles.join(", ") };
    let mut fields = vec![
        ("User ID", user.username.clone()),
        ("Id", user.id.clone()),
        ("Status", status_of(&user)),
        ("Enabled", yes_or_no(user.enabled)),
        ("MFA", yes_or_no(user.mfa)),
        ("Roles", roles),
    ];
    fields.extend(user.email.map(|email| ("Email", email)));
    fields.extend(user.phone.map(|phone| ("Phone", phone)));
    fields.push(("Created", time::short(&user.created_at)));
    fields.push(("Last modified", time::short(&user.updated_at)));
    context.output.fields(&fields)?;
    if user.roles.is_empty() {
        let name = quoted(&user.username);
        context.output.note(&format!("Give a role: `keyward role user create -u {name} --role-name ROLE`"));
    }
    Ok(())
}

async fn create(context: &Context, arguments: Create) -> Result<()> {
    let temporary_password = if arguments.temporary_password_stdin {
        Some(prompt::secret_from_stdin("Temporary password")?)
    } else {
        None
    };
    let client = context.client()?;
    let new = NewUser {
        username: arguments.user_id.clone(),
        email: arguments.email,
        phone: arguments.phone.filter(|phone| !phone.is_empty()),
        roles: arguments.roles,
        temporary_password,
        password: if arguments.password_prompt {
            Some(arguments.password.read_or_ask_twice()?)
        } else {
            arguments.password.read()?
        },
        kind: arguments.program.then_some("program"),
    };
    let made =
        context.output.waiting("Creating the user", client.create_user(&new)).await.map_err(|error| {
            let exists = error.code() == Some("already-exists");
            let failure = Failure::from(error);
            if exists {
                let name = quoted(&arguments.user_id);
                failure.or_hint(|| format!("`keyward user show -u {name}` shows the one that is there"))
            } else {
                failure
            }
        })?;
    let name = made.user.username;
    done(context, &name, "create", format!("User {name} created successfully."), made.temporary_password)?;
    if made.user.roles.is_empty() && !context.output.json {
        let name = quoted(&name);
        context.output.note(&format!("No role yet: `keyward role user create -u {name} --role-name ROLE`"));
    }
    Ok(())
}

async fn update(context: &Context, arguments: Update) -> Result<()> {
    if arguments.email.is_none() && arguments.phone.is_none() {
        return Err(Failure::usage(
            "At least one field must be provided for update. Use --email or --phone.",
        ));
    }
    let change = UserChange {
        email: Change::of_option(arguments.email),
        phone: Change::of_option(arguments.phone),
        enabled: None,
    };
    let client = context.client()?;
    let user = client.update_user(&arguments.user_id, &change);
    let name = context.output.waiting("Updating the user", user).await.map_err(known)?.username;
    done(context, &name, "update", format!("User {name} updated successfully"), None)
}

async fn delete(context: &Context, Confirmed { user_id, confirm }: Confirmed) -> Result<()> {
    let again = format!("keyward user delete -u {}", quoted(&user_id));
    confirmation::require(confirm, "User deletion", ("userId", &user_id), &again)?;
    let client = context.client()?;
    context.output.waiting("Deleting the user", client.delete_user(&user_id)).await.map_err(known)?;
    done(context, &user_id, "delete", format!("User {user_id} deleted successfully"), None)
}

async fn reset_password(context: &Context, Confirmed { user_id, confirm }: Confirmed) -> Result<()> {
    let again = format!("keyward user reset-password -u {}", quoted(&user_id));
    confirmation::require(confirm, "Password reset", ("userId", &user_id), &again)?;
    let client = context.client()?;
    let reset = client.reset_password(&user_id);
    let reset = context.output.waiting("Resetting the password", reset).await.map_err(known)?;
    let name = reset.user.username;
    let message = format!("Password reset successfully for user {name}.");
    done(context, &name, "resetPassword", message, reset.temporary_password)
}

async fn set_password(
    context: &Context,
    SetPassword { user_id, temporary, password }: SetPassword,
) -> Result<()> {
    let client = context.client()?;
    let password = password.read_or_ask_twice()?;
    let set = client.set_password(&user_id, &password, temporary);
    let name = context.output.waiting("Setting the password", set).await.map_err(known)?.username;
    done(context, &name, "setPassword", format!("Password set successfully for user {name}."), None)
}

async fn reset_mfa(context: &Context, Confirmed { user_id, confirm }: Confirmed) -> Result<()> {
    let again = format!("keyward user reset-mfa -u {}", quoted(&user_id));
    confirmation::require(confirm, "Reset of second factors", ("userId", &user_id), &again)?;
    let client = context.client()?;
    context.output.waiting("Taking second factors away", client.reset_mfa(&user_id)).await.map_err(known)?;
    done(context, &user_id, "resetMfa", format!("Second factors of {user_id} were taken away"), None)
}

async fn enable(context: &Context, user: &str, enabled: bool) -> Result<()> {
    let client = context.client()?;
    let change = UserChange { enabled: Some(enabled), ..UserChange::default() };
    let updated = client.update_user(user, &change);
    let name = context.output.waiting("Updating the user", updated).await.map_err(known)?.username;
    let (operation, word) = if enabled { ("enable", "enabled") } else { ("disable", "disabled") };
    done(context, &name, operation, format!("User {name} {word} successfully"), None)
}

async fn sign_out(context: &Context, user: &str) -> Result<()> {
    let client = context.client()?;
    context.output.waiting("Ending sessions", client.sign_out_user(user)).await.map_err(known)?;
    done(context, user, "signOut", format!("Every session of {user} was ended"), None)
}

/// Says what was done; the temporary password, which is nowhere else, to stdout.
fn done(
    context: &Context,
    user_id: &str,
    operation: &'static str,
    message: String,
    temporary_password: Option<Secret>,
) -> Result<()> {
    let output = &context.output;
    if output.json {
        return output.json(&Done {
            success: true,
            message,
            user_id: user_id.to_owned(),
            operation,
            timestamp: time::naive_micros(&context.now()),
            temporary_password,
        });
    }
    output.success(&message);
    if let Some(password) = temporary_password {
        output.secret("Temporary password (shown only once)", password.expose())?;
        output.note("The next sign-in with it asks for a new one.");
    }
    Ok(())
}

/// A failure about a user, with what helps when there is no such user.
fn known(error: crate::client::Error) -> Failure {
    let missing = error.code() == Some("not-found");
    let failure = Failure::from(error);
    if missing { failure.or_hint(|| "`keyward user list`".to_owned()) } else { failure }
}
