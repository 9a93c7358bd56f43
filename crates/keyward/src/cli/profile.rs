//! `keyward profile`: several servers, or several people, side by side.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::Context;
use super::failure::{Failure, Result};
use super::output::Table;
use super::profile_store::{ProfileName, Setup};
use super::settings::CredentialStore;
use super::{prompt, time};
use crate::client::AmplifyConfig;

#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// List profiles
    #[command(after_help = "Example:\n  keyward profile list")]
    List,
    /// Use a profile from now on, for every command that names none
    #[command(after_help = "Example:\n  keyward profile switch prod")]
    Switch(Name),
    Delete(Delete),
    /// Show what a profile holds, without secrets
    #[command(after_help = "Example:\n  keyward profile info prod")]
    Info(Name),
    /// Show which profile is used
    #[command(after_help = "Example:\n  keyward profile current")]
    Current,
}

#[derive(Debug, Args)]
pub(crate) struct Name {
    /// The profile
    #[arg(value_name = "NAME", value_parser = ProfileName::parse)]
    profile_name: ProfileName,
}

/// Delete a profile, with the tokens that it holds
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward profile delete staging --force")]
pub(crate) struct Delete {
    /// The profile
    #[arg(value_name = "NAME", value_parser = ProfileName::parse)]
    profile_name: ProfileName,
    /// Don't ask
    #[arg(short, long)]
    force: bool,
}

/// What a profile holds, in the members that scripts of the real client read. No token is among them.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the members that scripts read")]
struct Info {
    profile_name: String,
    is_active: bool,
    profile_dir: String,
    has_config: bool,
    has_auth: bool,
    has_credentials: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_gateway_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cli_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amplify_config: Option<AmplifyConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<AuthInfo>,
}

#[derive(Serialize)]
struct AuthInfo {
    url: String,
    user_id: String,
    token_type: String,
    token_expired: bool,
    token_expires_at: Option<i64>,
    credential_store: CredentialStore,
}

#[derive(Serialize)]
struct All {
    profiles: Vec<Info>,
    active_profile: String,
}

#[derive(Serialize)]
struct Outcome {
    success: bool,
    profile_name: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    active_profile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_info: Option<Info>,
}

#[derive(Serialize)]
struct Described {
    profile_name: String,
    exists: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_info: Option<Info>,
}

#[derive(Serialize)]
struct Current {
    active_profile: String,
    has_config: bool,
    has_auth: bool,
    config: Option<Setup>,
    auth_profile: Option<AuthInfo>,
}

pub(crate) fn run(context: &Context, command: ProfileCommand) -> Result<()> {
    match command {
        ProfileCommand::List => list(context),
        ProfileCommand::Switch(Name { profile_name }) => switch(context, &profile_name),
        ProfileCommand::Delete(arguments) => delete(context, &arguments),
        ProfileCommand::Info(Name { profile_name }) => info(context, &profile_name),
        ProfileCommand::Current => current(context),
    }
}

fn info_of(context: &Context, profile: &ProfileName) -> Result<Info> {
    let profiles = &context.profiles;
    let setup = profiles.setup(profile)?;
    let session = profiles.session(profile)?;
    let auth = session.map(|session| AuthInfo {
        token_expired: session.is_expired(context.clock.now_seconds()),
        url: session.url,
        user_id: session.user_id,
        token_type: session.token_type,
        token_expires_at: session.expires_at,
        credential_store: session.credential_store,
    });
    let (base_url, api_gateway_url, cli_version, amplify_config) = match setup {
        Some(Setup { base_url, api_gateway_url, cli_version, amplify_config, .. }) => {
            (Some(base_url), Some(api_gateway_url), Some(cli_version), Some(amplify_config))
        }
        None => (None, None, None, None),
    };
    Ok(Info {
        profile_name: profile.to_string(),
        is_active: profiles.active()? == *profile,
        profile_dir: profiles.folder(profile).display().to_string(),
        has_config: base_url.is_some(),
        has_auth: auth.is_some(),
        // A password is never kept.
        has_credentials: false,
        base_url,
        api_gateway_url,
        cli_version,
        amplify_config,
        auth,
    })
}

fn list(context: &Context) -> Result<()> {
    let output = &context.output;
    let names = context.profiles.all()?;
    let profiles: Vec<Info> = names.iter().map(|profile| info_of(context, profile)).collect::<Result<_>>()?;
    if output.json {
        let active_profile = context.profiles.active()?.to_string();
        return output.json(&All { profiles, active_profile });
    }
    if profiles.is_empty() {
        output.line("No profiles found.")?;
        output.note(
            "Make one: `keyward setup URL`, or `keyward auth login -u NAME` for a server on this machine",
        );
        return Ok(());
    }
    let mut table =
        Table::new().whole_column("Profile").column("Server").column("Signed in as").column("Validity");
    for profile in profiles {
        let server = profile.api_gateway_url.clone().or(profile.auth.as_ref().map(|auth| auth.url.clone()));
        let mark = if profile.is_active { "* " } else { "  " };
        table.row(&[
            format!("{mark}{}", profile.profile_name),
            server.unwrap_or_default(),
            profile.auth.as_ref().map(|auth| auth.user_id.clone()).unwrap_or_default(),
            profile.auth.as_ref().map(validity).unwrap_or_default(),
        ]);
    }
    output.table(table)
}

fn validity(auth: &AuthInfo) -> String {
    match auth.token_expires_at {
        None => "no end known".to_owned(),
        Some(at) if auth.token_expired && auth.token_type == "override" => {
            format!("expired {}", time::from_seconds(at))
        }
        Some(_) if auth.token_expired => "renewed at the next command".to_owned(),
        Some(at) => format!("until {}", time::from_seconds(at)),
    }
}

fn switch(context: &Context, profile: &ProfileName) -> Result<()> {
    let output = &context.output;
    let info = info_of(context, profile)?;
    // The default profile works without any set-up.
    if !info.has_config && !info.has_auth && !profile.is_default() {
        let message = format!("Profile '{profile}' does not exist or is not configured.");
        return Err(Failure::new("not-found", message)
            .hint(format!("`keyward setup URL --profile {profile}` creates it")));
    }
    context.profiles.set_active(profile, context.now())?;
    let message = format!("Switched to profile '{profile}'");
    if output.json {
        let info = info_of(context, profile)?;
        return output.json(&Outcome {
            success: true,
            profile_name: profile.to_string(),
            message,
            active_profile: Some(profile.to_string()),
            profile_info: Some(info),
        });
    }
    output.success(&message);
    if context.settings.profile.is_some() {
        output.warning("KEYWARD_PROFILE is set: it goes before the profile that you switched to.");
    }
    Ok(())
}

fn delete(context: &Context, Delete { profile_name: profile, force }: &Delete) -> Result<()> {
    let output = &context.output;
    if profile.is_default() {
        return Err(Failure::new("conflict", "Cannot delete the default profile")
            .hint("`keyward auth logout` forgets who is signed in there"));
    }
    let outcome = |success, message: String, active_profile| Outcome {
        success,
        profile_name: profile.to_string(),
        message,
        active_profile,
        profile_info: None,
    };
    if !context.profiles.exists(profile) {
        let message = format!("Profile '{profile}' does not exist");
        return if output.json { output.json(&outcome(false, message, None)) } else { output.line(&message) };
    }
    if !force && !output.json {
        let question = format!("Are you sure you want to delete profile '{profile}'?");
        if !prompt::confirm(&question)? {
            output.note("Deletion cancelled.");
            return Ok(());
        }
    }
    context.sign_out(profile)?;
    context.profiles.delete(profile)?;
    if context.profiles.active()? == *profile {
        context.profiles.set_active(&ProfileName::default_profile(), context.now())?;
    }
    let active = context.profiles.active()?;
    let message = format!("Profile '{profile}' deleted successfully");
    if output.json {
        return output.json(&outcome(true, message, Some(active.to_string())));
    }
    output.success(&message);
    output.note(&format!("Active profile is now: {active}"));
    Ok(())
}

fn info(context: &Context, profile: &ProfileName) -> Result<()> {
    let output = &context.output;
    if !context.profiles.exists(profile) {
        let message = format!("Profile '{profile}' does not exist");
        if output.json {
            return output.json(&Described {
                profile_name: profile.to_string(),
                exists: false,
                message: Some(message),
                profile_info: None,
            });
        }
        return output.line(&message);
    }
    let info = info_of(context, profile)?;
    if output.json {
        return output.json(&Described {
            profile_name: profile.to_string(),
            exists: true,
            message: None,
            profile_info: Some(info),
        });
    }
    let mut fields = vec![
        ("Profile", info.profile_name),
        ("Active", if info.is_active { "yes" } else { "no" }.to_owned()),
        ("Folder", info.profile_dir),
    ];
    fields.push(("Server", info.api_gateway_url.unwrap_or_else(|| "not set up".to_owned())));
    match &info.auth {
        None => fields.push(("Signed in as", "nobody".to_owned())),
        Some(auth) => {
            fields.push(("Signed in as", auth.user_id.clone()));
            fields.push(("At", auth.url.clone()));
            fields.push(("Validity", validity(auth)));
        }
    }
    output.fields(&fields)
}

fn current(context: &Context) -> Result<()> {
    let output = &context.output;
    let profile = &context.profile;
    let info = info_of(context, profile)?;
    if output.json {
        return output.json(&Current {
            active_profile: profile.to_string(),
            has_config: info.has_config,
            has_auth: info.has_auth,
            config: context.profiles.setup(profile)?,
            auth_profile: info.auth,
        });
    }
    output.line(&format!("Current active profile: {profile}"))?;
    match info.auth {
        Some(auth) => output.line(&format!("Authenticated as: {} at {}", auth.user_id, auth.url)),
        None => output.line("Status: Not authenticated"),
    }
}
