//! `keyward serve`: the server, from its settings to its end.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use keyward_core::error::Code;
use keyward_core::keyward::Keyward;
use keyward_core::provisioning::FirstAdmin;
use keyward_core::random::Random;
use keyward_core::user::UserWithPassword;

use crate::complaint::Complaint;
use crate::config::{Config, Provider, ServeArguments};
use crate::data_folder::DataFolder;
use crate::delivery::Courier;
use crate::rawscribe_file::RawScribeWatch;
use crate::server::{Server, StopSignals, Timing};
use crate::{app, log};

const DEV_WARNING: &str = "
    !!  DEVELOPMENT MODE: the operations that AWS signs are let in with any credentials, or none.
    !!  Every program on this machine may do everything here. Keep nobody's real data in it.

";
/// The first admin's name, when nobody gave one.
const FIRST_ADMIN: &str = "admin@example.com";

pub(super) fn run(arguments: &ServeArguments) -> Result<(), Complaint> {
    let config = Config::load(arguments)?;
    log::start(config.log_format, config.log_level);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Complaint::new(format!("The server can't be started: {error}.")))?;
    runtime.block_on(serve(config))
}

async fn serve(mut config: Config) -> Result<(), Complaint> {
    let random = Random::System;
    let stop = StopSignals::catch()?;
    let folder = DataFolder::hold(&config.data_dir)?;
    // Listens before anything is made, so that a port in use leaves nothing behind; accepts when all is
    // ready.
    let server = Server::bind(&mut config).await?;
    let master_key = folder.master_key(&config, &random)?;
    let keyward = app::open(&config, random, master_key).await?;
    let courier = Courier::new(&config, &keyward)?;
    let first = first_admin(&keyward, &config).await?;
    let router = app::router(&keyward, &config);
    let watch = RawScribeWatch::new(&keyward, &config);
    if config.behind_proxy && config.trusted_proxies.is_empty() {
        tracing::warn!("no trusted_proxies are set, so every client seems to have the proxy's address");
    }
    if config.dev {
        tracing::warn!("dev: whoever reaches this server may do everything; no signature is asked for");
    }
    tracing::info!(address = %server.address(), environment = config.environment.name(), "listening");
    greet(&config, first.as_ref());
    let upkeep = tokio::spawn({
        let keyward = Arc::clone(&keyward);
        async move { tokio::join!(keyward.run(), watch.run()) }
    });
    let delivering = courier.start();
    let close = async {
        upkeep.abort();
        delivering.stop().await;
        keyward.close().await;
    };
    server.serve(router, Timing::default(), stop, close).await
}

/// Makes the first admin, at the first start.
async fn first_admin(keyward: &Keyward, config: &Config) -> Result<Option<UserWithPassword>, Complaint> {
    // Users who are kept in a file are its writer's to begin with.
    if config.provider == Provider::Jwt || !keyward.is_new().await? {
        return Ok(None);
    }
    let has_terminal = io::stderr().is_terminal();
    if config.admin_password.is_none() && !has_terminal {
        return Err(Complaint::new(
            "This is the first start, and there is no terminal to show the first admin's password on.",
        )
        .hint("Set KEYWARD_ADMIN_EMAIL and KEYWARD_ADMIN_PASSWORD, or start it once on a terminal."));
    }
    let email = config.admin_email.clone().unwrap_or_else(|| FIRST_ADMIN.to_owned());
    match keyward.bootstrap(FirstAdmin { email, password: config.admin_password.clone() }).await {
        Err(error) if error.code == Code::PasswordRejected => {
            Err(Complaint::new(format!("KEYWARD_ADMIN_PASSWORD can't be used: {}.", error.message))
                .hint(config.password_policy.sentence()))
        }
        outcome => Ok(outcome?),
    }
}

/// Says where the server is and, at the first start, how to get in. The password is shown here and nowhere
/// else.
fn greet(config: &Config, first: Option<&UserWithPassword>) {
    let url = config.public_url();
    let mut text = if config.dev { DEV_WARNING.to_owned() } else { String::new() };
    let _ = writeln!(text, "Keyward {} listening on {url}", env!("CARGO_PKG_VERSION"));
    if let Some(first) = first {
        let name = &first.user.username;
        let _ = writeln!(text, "\nThe first admin is {name}");
        if let Some(password) = &first.temporary_password {
            let _ = writeln!(text, "with the one-time password {}", password.expose());
            text.push_str("It is shown this once; you choose your own when you first sign in.\n");
        }
        let _ = writeln!(text, "\nNext, in another terminal:\n");
        // As this program was called: fresh from its build it is on nobody's path yet.
        let program = std::env::args().next().unwrap_or_else(|| "keyward".to_owned());
        let _ = writeln!(text, "  {program} setup {url}");
        let _ = writeln!(text, "  {program} auth login --username {name}");
        let _ = writeln!(
            text,
            "  {program} role user create --user-id build-bot@example.com --role-name RESEARCHERS"
        );
    }
    // That stderr may be closed can't be told to anybody.
    let _ = io::stderr().write_all(text.as_bytes());
}
