//! `keyward audit`: who did what to whom.

use clap::{Args, Subcommand};

use super::context::Context;
use super::failure::{Failure, Result};
use super::output::Table;
use super::paging::Paging;
use super::time;
use crate::client::{AuditEvent, AuditFilter, Party};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    List(List),
}

/// List what was done, and what was refused, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward audit list --since 24h
  keyward audit list --actor ada@example.com --action user.delete --json-output")]
pub(crate) struct List {
    /// Done by this user or key
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this action
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Done to this user, role or key
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Not before: ISO 8601, or 24h for so long ago
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Not after: ISO 8601, or 24h for so long ago
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) async fn run(context: &Context, command: AuditCommand) -> Result<()> {
    let AuditCommand::List(List { actor, action, target, since, until, paging }) = command;
    let now = context.clock.now_seconds();
    let moment = |option: &str, text: Option<String>| {
        let parse = |text: String| {
            time::parse_moment(&text, now).ok_or_else(|| {
                Failure::usage(format!("{option} must be ISO 8601, or a span of time such as 24h."))
            })
        };
        text.map(parse).transpose()
    };
    let since = moment("--since", since)?;
    let until = moment("--until", until)?;
    let filter = AuditFilter { actor, action, target, since, until };

    let output = &context.output;
    let client = context.client()?;
    let page = async |slice| client.audit(slice, &filter).await;
    let listing = paging.fetch(context, "events", page).await?;
    if output.json {
        return listing.write_json(context, |event| event);
    }
    if listing.items.is_empty() {
        return output.line("No events found.");
    }
    let mut table = Table::new()
        .whole_column("When")
        .column("Who")
        .column("Action")
        .column("To")
        .whole_column("Outcome")
        .column("From");
    for AuditEvent { at, actor, action, target, outcome, address, .. } in &listing.items {
        table.row(&[
            time::short(at),
            named(actor),
            action.clone(),
            target.as_ref().map(named).unwrap_or_default(),
            outcome.clone(),
            address.clone().unwrap_or_default(),
        ]);
    }
    output.table(table)?;
    listing.mention_rest(context);
    Ok(())
}

fn named(party: &Party) -> String {
    party.name.clone().or_else(|| party.id.clone()).unwrap_or_else(|| party.kind.clone())
}
