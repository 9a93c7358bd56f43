//! `keyward config show`: every setting, its value, and where it came from.

use clap::{Args, Subcommand};
use serde_json::json;

use super::failure::Result;
use super::output::{Output, Table};
use crate::config::{Config, ServeArguments};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show every setting, its value and where it came from; secrets are masked
    ///
    /// Takes the options of `keyward serve`, to show what they would do.
    Show(Show),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    settings: ServeArguments,
}

pub(super) fn run(output: &Output, ConfigCommand::Show(show): &ConfigCommand) -> Result<()> {
    let config = Config::load(&show.settings)?;
    if output.json {
        let rows = config.describe().iter().map(
            |row| json!({ "setting": row.setting, "value": row.value, "source": row.source.to_string() }),
        );
        return output.json(&rows.collect::<serde_json::Value>());
    }
    let mut table = Table::new().whole_column("SETTING").column("VALUE").column("SOURCE");
    for row in config.describe() {
        let value = row.value.as_deref().unwrap_or("-");
        table.row(&[row.setting.to_owned(), value.to_owned(), row.source.to_string()]);
    }
    output.table(table)
}
