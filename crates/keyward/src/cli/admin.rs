//! `keyward admin`: what is done at the machine itself, without a credential.

use std::sync::Arc;

use clap::{Args, Subcommand};
use keyward_core::caller::Caller;
use keyward_core::error::{Code, Error, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::provisioning::ADMINS;
use keyward_core::random::Random;
use keyward_core::secret::Secret;
use keyward_core::user::NewUser;
use serde::Serialize;

use super::confirmation::quoted;
use super::failure::{Failure, Result};
use super::output::Output;
use super::password::PasswordSource;
use crate::app;
use crate::complaint::Complaint;
use crate::config::{Config, ServeArguments};
use crate::data_folder::DataFolder;

#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    /// Give an admin a new one-time password, when nobody can get in
    ///
    /// Works on the data folder, also while the server runs. The account is enabled and has the role ADMINS
    /// afterwards; its sessions end. The command line's app client has its flows again, and where everybody
    /// needs a second factor, one can be set up at the next sign-in.
    #[command(after_help = "Example:\n  keyward admin recover --user admin@example.com")]
    Recover(Recover),
    /// Make an account with a password for good, when nobody who may can get in
    ///
    /// Works on the data folder, also while the server runs.
    #[command(after_help = "Example:
  keyward admin create-user --user ada@example.com --password-file word.txt")]
    CreateUser(CreateUser),
}

#[derive(Debug, Args)]
pub(super) struct Recover {
    /// The account; without it, the admin who was made first
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    /// Also forget the second factors and passkeys: the device with them is lost
    #[arg(long)]
    reset_mfa: bool,
    #[command(flatten)]
    server: ServeArguments,
}

#[derive(Debug, Args)]
pub(super) struct CreateUser {
    /// The account's name: an email address
    #[arg(long, value_name = "USERNAME")]
    user: String,
    /// The role that it gets
    #[arg(long, value_name = "ROLE", default_value = ADMINS)]
    role: String,
    /// Leave a user who is there as they are
    #[arg(long)]
    if_absent: bool,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    server: ServeArguments,
}

/// The new password, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recovered {
    user_id: String,
    temporary_password: Secret,
}

/// The new account, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreatedUser {
    created: bool,
    user_id: String,
    role_name: String,
}

pub(super) fn run(output: &Output, command: AdminCommand) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Complaint::new(format!("The command can't be started: {error}.")))?;
    runtime.block_on(async {
        match command {
            AdminCommand::Recover(recover) => self::recover(output, recover).await,
            AdminCommand::CreateUser(create) => create_user(output, create).await,
        }
    })
}

/// Does this to the data folder.
async fn at_the_machine<T>(
    server: &ServeArguments,
    act: impl AsyncFnOnce(Arc<Keyward>) -> Result<T, Error>,
) -> Result<Result<T, Error>> {
    let config = Config::load(server)?;
    let folder = DataFolder::beside_a_server(&config)?;
    let master_key = folder.master_key(&config, &Random::System)?;
    let keyward = app::open(&config, Random::System, master_key).await.map_err(Complaint::from)?;
    let outcome = act(Arc::clone(&keyward)).await;
    keyward.close().await;
    Ok(outcome)
}

async fn recover(output: &Output, Recover { user, reset_mfa, server }: Recover) -> Result<()> {
    let recover = async |keyward: Arc<Keyward>| keyward.recover_admin(user.as_deref(), reset_mfa).await;
    let recovered = at_the_machine(&server, recover).await?.map_err(Complaint::from)?;
    let asks_for_code = recovered.user.mfa;
    let user_id = recovered.user.username;
    let temporary_password = recovered.temporary_password.unwrap_or_default();
    if output.json {
        return output.json(&Recovered { user_id, temporary_password });
    }
    output
        .secret(&format!("One-time password of {user_id} (shown only once)"), temporary_password.expose())?;
    output.note(&format!("{user_id} is enabled and has the role ADMINS. A new password is chosen at the next sign-in: `keyward auth login`"));
    if asks_for_code {
        output.note("Signing in still asks for a code of the authenticator; if it is lost, add --reset-mfa.");
    }
    Ok(())
}

async fn create_user(output: &Output, arguments: CreateUser) -> Result<()> {
    let CreateUser { user, role, if_absent, password, server } = arguments;
    let new = NewUser {
        username: user.clone(),
        password: Some(password.read_or_ask_twice()?),
        roles: vec![role.clone()],
        ..NewUser::default()
    };
    let create = async |keyward: Arc<Keyward>| keyward.create_user(&Caller::operator(), new).await;
    let created = match at_the_machine(&server, create).await? {
        Ok(_) => true,
        Err(error) if error.code == Code::AlreadyExists(Thing::User) => {
            if !if_absent {
                let hint = format!("`keyward admin recover --user {}` lets them in again", quoted(&user));
                let message = format!("User {user} is there already.");
                return Err(Failure::new("already-exists", message).hint(hint));
            }
            false
        }
        Err(error) => return Err(Complaint::from(error).into()),
    };
    if output.json {
        return output.json(&CreatedUser { created, user_id: user, role_name: role });
    }
    if created {
        output.success(&format!("User {user} created successfully, with the role {role}."));
    } else {
        output.note(&format!("User {user} is there already."));
    }
    Ok(())
}
