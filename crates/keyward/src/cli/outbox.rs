//! `keyward outbox`: messages that wait to be read instead of being sent.

use clap::{Args, Subcommand};
use keyward_core::secret::Secret;
use serde::Serialize;

use super::context::Context;
use super::failure::{Failure, Result};
use super::output::Table;
use super::paging::Paging;
use super::time;
use crate::client::Message;

/// Show the messages that wait to be read here, newest last
///
/// In development, where nothing is set up to send emails or SMS: the codes and temporary passwords that
/// would have been sent.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  keyward outbox
  keyward outbox test ada@example.com"
)]
pub(crate) struct Outbox {
    #[command(subcommand)]
    command: Option<OutboxCommand>,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Debug, Subcommand)]
enum OutboxCommand {
    /// Send a message to see whether it arrives
    #[command(after_help = "Examples:
  keyward outbox test ada@example.com
  keyward outbox test +15550100")]
    Test(Test),
}

#[derive(Debug, Args)]
struct Test {
    /// An email address, or a phone number with + before it
    #[arg(value_name = "ADDRESS")]
    to: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageJson {
    message_id: String,
    user_pool_id: String,
    channel: String,
    to: String,
    subject: String,
    body: Secret,
    created_at: String,
    expires_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TestJson {
    message_id: String,
}

impl From<Message> for MessageJson {
    fn from(message: Message) -> Self {
        Self {
            message_id: message.id,
            user_pool_id: message.pool_id,
            channel: message.channel,
            to: message.to,
            subject: message.subject,
            body: message.body,
            created_at: message.created_at,
            expires_at: message.expires_at,
        }
    }
}

pub(crate) async fn run(context: &Context, Outbox { command, paging }: Outbox) -> Result<()> {
    match command {
        None => list(context, &paging).await,
        Some(OutboxCommand::Test(Test { to })) => test(context, &to).await,
    }
}

async fn list(context: &Context, paging: &Paging) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let listing = paging.fetch(context, "messages", async |slice| client.outbox(slice).await).await?;
    if output.json {
        return listing.write_json(context, MessageJson::from);
    }
    if listing.items.is_empty() {
        output.line("No messages found.")?;
        output.note("`keyward outbox test ADDRESS` makes one");
        return Ok(());
    }
    let mut table = Table::new().whole_column("When").column("To").column("Subject").column("Message");
    for message in &listing.items {
        table.row(&[
            time::short(&message.created_at),
            message.to.clone(),
            message.subject.clone(),
            message.body.expose().to_owned(),
        ]);
    }
    output.table(table)?;
    listing.mention_rest(context);
    Ok(())
}

async fn test(context: &Context, to: &str) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let sent = output.waiting("Sending the message", client.send_test_message(to)).await;
    let sent = sent.map_err(|error| {
        let cannot = error.code() == Some("delivery-failed");
        let failure = Failure::from(error);
        if cannot { failure.hint("`keyward serve --help` tells how messages are sent") } else { failure }
    })?;
    if output.json {
        return output.json(&TestJson { message_id: sent.id });
    }
    output.success(&format!("The message {} is on its way.", sent.id));
    output.note(
        "Should it not arrive, the server's log says why. In development it may be in `keyward outbox`.",
    );
    Ok(())
}
