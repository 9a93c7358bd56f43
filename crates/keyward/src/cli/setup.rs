//! `keyward setup`: which server a profile means.

use clap::Args;
use serde::Serialize;

use super::context::{Context, shown};
use super::failure::{Failure, Result};
use super::profile_store::Setup;
use super::prompt;
use crate::client::{AmplifyConfig, Client, is_loopback, server_address};

/// The version of the VAMS dialect that this program knows.
const DIALECT_VERSION: &str = "2.5.1";
/// The oldest that can be signed in to.
const OLDEST_DIALECT: [u32; 2] = [2, 2];

/// Point a profile at a server
///
/// Asks the server how to sign in, keeps the answer in the profile, and makes that profile the active one.
/// Without any set-up, commands go to the server on this machine.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward setup https://keyward.example.com --profile prod")]
pub(crate) struct Setting {
    /// Address of the server, http or https
    #[arg(value_name = "BASE_URL")]
    base_url: String,
    /// Replace what the profile holds
    #[arg(short, long)]
    force: bool,
    /// Don't ask when the server speaks another version
    #[arg(long)]
    skip_version_check: bool,
}

#[derive(Serialize)]
struct Done {
    status: &'static str,
    message: String,
    profile: String,
    base_url: String,
    api_gateway_url: String,
    cli_version: &'static str,
    api_version: String,
    version_match: bool,
    config_path: String,
}

#[derive(Serialize)]
struct Skipped {
    status: &'static str,
    message: String,
    profile: String,
    force_required: bool,
}

/// What the server says of its version.
pub(crate) struct Version {
    pub api: String,
    pub matches: bool,
}

pub(crate) async fn run(context: &Context, setting: Setting) -> Result<()> {
    let output = &context.output;
    let base = server_address(&setting.base_url)
        .ok_or_else(|| Failure::usage("Invalid base URL. Please provide a valid HTTP/HTTPS URL."))?;
    if let Some(existing) = context.profiles.setup(&context.profile)?.filter(|_| !setting.force) {
        if existing.base_url != shown(&base) && !output.json {
            output.warning(&format!("It means {}; {} was not set up.", existing.base_url, shown(&base)));
        }
        let message = format!(
            "Configuration already exists for profile '{}'. Use --force to overwrite.",
            context.profile
        );
        if output.json {
            let profile = context.profile.to_string();
            return output.json(&Skipped { status: "skipped", message, profile, force_required: true });
        }
        return output.line(&message);
    }
    if base.scheme() == "http" && !is_loopback(&base) {
        output.warning("http:// sends passwords and tokens unencrypted; use https:// beyond this machine.");
    }

    let client = context.client_of(base.clone())?;
    let asked = output.waiting("Asking the server", async {
        let version = check_version(&client).await?;
        Ok::<_, Failure>((version, client.amplify_config().await?))
    });
    let (version, amplify_config) = asked.await?;
    if !version.matches && !setting.skip_version_check && !output.json {
        output.warning(&format!(
            "Version mismatch: the server speaks {}, this program {DIALECT_VERSION}.",
            version.api
        ));
        if !prompt::confirm("Continue with setup?")? {
            output.note("Setup cancelled.");
            return Ok(());
        }
    }
    let api = api_address(&base, &amplify_config)?;

    if setting.force {
        // Tokens of the old server are of no use at the new one.
        context.sign_out(&context.profile)?;
    }
    let setup = Setup {
        base_url: shown(&base),
        api_gateway_url: api,
        amplify_config,
        cli_version: env!("CARGO_PKG_VERSION").to_owned(),
        setup_timestamp: context.now(),
    };
    context.profiles.save_setup(&context.profile, &setup)?;
    context.profiles.set_active(&context.profile, context.now())?;

    if output.json {
        return output.json(&Done {
            status: "success",
            message: "Setup completed successfully!".to_owned(),
            profile: context.profile.to_string(),
            base_url: setup.base_url,
            api_gateway_url: setup.api_gateway_url,
            cli_version: env!("CARGO_PKG_VERSION"),
            api_version: version.api,
            version_match: version.matches,
            config_path: context.profiles.folder(&context.profile).display().to_string(),
        });
    }
    output.success(&format!("Profile '{}' means {}.", context.profile, setup.api_gateway_url));
    output.note("Next: `keyward auth login -u NAME`");
    Ok(())
}

/// Asks for the version of the dialect; one that is too old can't be worked with.
pub(crate) async fn check_version(client: &Client) -> Result<Version> {
    let api = client.dialect_version().await?;
    let mut numbers = api.split('.').map(str::parse::<u32>);
    let major_minor = [numbers.next(), numbers.next()].map(|number| number.and_then(Result::ok).unwrap_or(0));
    if major_minor < OLDEST_DIALECT {
        let [major, minor] = OLDEST_DIALECT;
        return Err(Failure::new(
            "unsupported",
            format!("API Unavailable: the server speaks version {api}; at least {major}.{minor} is needed."),
        ));
    }
    let matches = api == DIALECT_VERSION;
    Ok(Version { api, matches })
}

/// Where the server says that its API is; never a step down from https.
fn api_address(base: &reqwest::Url, config: &AmplifyConfig) -> Result<String> {
    let Some(named) = config.api.as_deref().filter(|api| !matches!(*api, "" | "undefined" | "null")) else {
        return Ok(shown(base));
    };
    let api = server_address(named).ok_or_else(|| {
        Failure::new("unexpected-answer", format!("The server names an address that isn't one: {named}."))
    })?;
    // A server that wasn't told its address names this machine, where another port may lead to it.
    if is_loopback(&api) && is_loopback(base) {
        return Ok(shown(base));
    }
    if base.scheme() == "https" && api.scheme() == "http" {
        return Err(Failure::new(
            "unexpected-answer",
            format!("The server names {named} as its address, which is not encrypted as {} is.", shown(base)),
        )
        .hint("set `--public-url` of that server to its https address"));
    }
    Ok(shown(&api))
}
