//! `keyward features`: what the server has switched on.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::Context;
use super::failure::Result;

#[derive(Debug, Subcommand)]
pub(crate) enum FeaturesCommand {
    /// List the features that are on
    #[command(after_help = "Example:\n  keyward features list")]
    List,
    Check(Check),
}

/// Tell whether a feature is on
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  keyward features check AUTHPROVIDER_COGNITO")]
pub(crate) struct Check {
    /// The feature's name
    #[arg(value_name = "NAME")]
    feature_name: String,
}

#[derive(Serialize)]
struct All {
    total: usize,
    enabled: Vec<String>,
    fetched_at: String,
}

#[derive(Serialize)]
struct One {
    feature_name: String,
    enabled: bool,
}

pub(crate) async fn run(context: &Context, command: FeaturesCommand) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let enabled = output.waiting("Asking the server", client.features()).await?;
    match command {
        FeaturesCommand::List if output.json => {
            output.json(&All { total: enabled.len(), enabled, fetched_at: context.now() })
        }
        FeaturesCommand::List if enabled.is_empty() => output.line("No features are enabled."),
        FeaturesCommand::List => {
            enabled.iter().try_for_each(|name| output.line(&super::output::printable(name)))
        }
        FeaturesCommand::Check(Check { feature_name }) => {
            let enabled = enabled.contains(&feature_name);
            if output.json {
                return output.json(&One { feature_name, enabled });
            }
            let state = if enabled { "enabled" } else { "disabled" };
            output.line(&format!("Feature '{}' is {state}.", super::output::printable(&feature_name)))
        }
    }
}
