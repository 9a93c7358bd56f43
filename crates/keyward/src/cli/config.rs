//! `keyward config show`: every setting, its value, and where it came from.

use clap::{Args, Subcommand};
use comfy_table::Table;
use serde_json::json;

use crate::cli::print;
use crate::complaint::Complaint;
use crate::config::{Config, Row, ServeArguments};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show every setting, its value and where it came from; secrets are masked
    ///
    /// Takes the options of `keyward serve`, to show what they would do.
    Show(Show),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Print JSON
    #[arg(long)]
    json_output: bool,
    #[command(flatten)]
    settings: ServeArguments,
}

pub(super) fn run(ConfigCommand::Show(show): &ConfigCommand) -> Result<(), Complaint> {
    let config = Config::load(&show.settings)?;
    if show.json_output { print(&as_json(config.describe())) } else { print(&as_table(config.describe())) }
}

fn as_table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["SETTING", "VALUE", "SOURCE"]);
    for row in rows {
        table.add_row([row.setting, row.value.as_deref().unwrap_or("-"), &row.source.to_string()]);
    }
    table.trim_fmt()
}

fn as_json(rows: &[Row]) -> String {
    let rows = rows
        .iter()
        .map(|row| json!({ "setting": row.setting, "value": row.value, "source": row.source.to_string() }));
    format!("{:#}", rows.collect::<serde_json::Value>())
}
