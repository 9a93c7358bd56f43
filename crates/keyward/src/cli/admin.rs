//! `keyward admin`: what is done at the machine itself, without a credential.

use std::sync::Arc;

use clap::{Args, Subcommand};
use keyward_core::caller::Caller;
use keyward_core::error::{Code, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::provisioning::ADMINS;
use keyward_core::random::Random;
use keyward_core::secret::Secret;
use keyward_core::user::NewUser;
use serde::Serialize;

use super::confirmation::quoted;
use super::context::Context;
use super::failure::{Failure, Result};
use super::output::Output;
use super::password::PasswordSource;
use super::profile_store::ProfileName;
use super::test_users;
use crate::app;
use crate::client::{MadeTestUser, TestUser};
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
    /// Make the test users, when nobody can sign in who may
    ///
    /// Works on the data folder, also while the server runs. Shows what one signs in with. In production there
    /// are none, and once it was secured they are switched off.
    #[command(after_help = "Example:\n  keyward admin create-test-users")]
    CreateTestUsers(CreateTestUsers),
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
    /// Refuse unless it is the profile's server whose data folder this is
    #[arg(long)]
    check_server: bool,
    #[command(flatten)]
    password: PasswordSource,
    #[command(flatten)]
    server: ServeArguments,
}

#[derive(Debug, Args)]
pub(super) struct CreateTestUsers {
    /// Refuse unless it is the profile's server whose data folder this is
    #[arg(long)]
    check_server: bool,
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

pub(super) fn run(output: &Output, profile: Option<ProfileName>, command: AdminCommand) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Complaint::new(format!("The command can't be started: {error}.")))?;
    runtime.block_on(async {
        match command {
            AdminCommand::Recover(recover) => self::recover(output, recover).await,
            AdminCommand::CreateUser(create) => create_user(output, profile, create).await,
            AdminCommand::CreateTestUsers(create) => create_test_users(output, profile, create).await,
        }
    })
}

/// Does this to the data folder.
async fn at_the_machine<T>(server: &ServeArguments, act: impl AsyncFnOnce(Arc<Keyward>) -> T) -> Result<T> {
    let config = Config::load(server)?;
    let folder = DataFolder::beside_a_server(&config)?;
    let master_key = folder.master_key(&config, &Random::System)?;
    let keyward = app::open_beside(&config, Random::System, master_key).await.map_err(Complaint::from)?;
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

async fn create_user(output: &Output, profile: Option<ProfileName>, arguments: CreateUser) -> Result<()> {
    let CreateUser { user, role, if_absent, check_server, password, server } = arguments;
    let new = NewUser {
        username: user.clone(),
        password: Some(password.read_or_ask_twice()?),
        roles: vec![role.clone()],
        ..NewUser::default()
    };
    let create = async |keyward: Arc<Keyward>| {
        if check_server {
            require_server(output, profile, &keyward).await?;
        }
        Ok::<_, Failure>(keyward.create_user(&Caller::operator(), new).await)
    };
    let created = match at_the_machine(&server, create).await?? {
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

async fn create_test_users(
    output: &Output,
    profile: Option<ProfileName>,
    CreateTestUsers { check_server, server }: CreateTestUsers,
) -> Result<()> {
    let create = async |keyward: Arc<Keyward>| {
        if check_server {
            require_server(output, profile, &keyward).await?;
        }
        keyward.require_same_test_users().await.map_err(Complaint::from)?;
        let made = keyward.create_test_users(&Caller::operator()).await.map_err(Complaint::from)?;
        let found = keyward.list_test_users(&Caller::operator()).await.map_err(Complaint::from)?;
        Ok::<_, Failure>((made, found))
    };
    let (made, found) = at_the_machine(&server, create).await??;
    let made: Vec<MadeTestUser> = made.into_iter().map(MadeTestUser::from).collect();
    test_users::show_made(output, found.into_iter().map(TestUser::from).collect(), &made)
}

/// Refuses when the profile's server works on another data folder: in each is a user pool of its own, whose keys no
/// other has.
async fn require_server(output: &Output, profile: Option<ProfileName>, keyward: &Keyward) -> Result<()> {
    keyward.require_changeable_users().map_err(Complaint::from)?;
    let server = Context::open(output.clone(), profile)?.anonymous()?;
    let pool = keyward.local_pool();
    if server.signing_keys(pool.id()).await?.as_ref() == Some(&pool.jwks()) {
        return Ok(());
    }
    let message = "This data folder isn't that of the profile's server.";
    Err(Failure::new("conflict", message).hint("name the right one with --data-dir or KEYWARD_DATA_DIR"))
}
