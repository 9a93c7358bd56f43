//! `keyward admin`: what is done at the machine itself, without a credential.

use clap::{Args, Subcommand};
use keyward_core::random::Random;
use keyward_core::secret::Secret;
use serde::Serialize;

use super::failure::Result;
use super::output::Output;
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

/// The new password, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Recovered {
    user_id: String,
    temporary_password: Secret,
}

pub(super) fn run(output: &Output, command: &AdminCommand) -> Result<()> {
    let AdminCommand::Recover(recover) = command;
    let config = Config::load(&recover.server)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Complaint::new(format!("The command can't be started: {error}.")))?;
    runtime.block_on(async {
        let folder = DataFolder::beside_a_server(&config)?;
        let master_key = folder.master_key(&config, &Random::System)?;
        let keyward = app::open(&config, Random::System, master_key).await.map_err(Complaint::from)?;
        let recovered = keyward.recover_admin(recover.user.as_deref(), recover.reset_mfa).await;
        keyward.close().await;
        let recovered = recovered.map_err(Complaint::from)?;
        let asks_for_code = recovered.user.mfa;
        let user_id = recovered.user.username;
        let temporary_password = recovered.temporary_password.unwrap_or_default();
        if output.json {
            return output.json(&Recovered { user_id, temporary_password });
        }
        output.secret(
            &format!("One-time password of {user_id} (shown only once)"),
            temporary_password.expose(),
        )?;
        output.note(&format!("{user_id} is enabled and has the role ADMINS. A new password is chosen at the next sign-in: `keyward auth login`"));
        if asks_for_code {
            output.note("Signing in still asks for a code of the authenticator; if it is lost, add --reset-mfa.");
        }
        Ok(())
    })
}
