//! `keyward user export`: the users of a pool as a file that `keyward user import` reads.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::context::Context;
use crate::cli::csv;
use crate::cli::failure::{Failure, Result};
use crate::client::{Client, PortableUser, Slice};

use super::import::{MFA_ENABLED, USERNAME};

/// The server's largest page.
const PAGE: u32 = 1000;

/// Export users as a CSV file
///
/// The columns are those of Amazon Cognito's user import. Passwords and their hashes are never in it, nor are
/// roles and second factors of an authenticator application. Disabled users are left out, for whoever
/// imported them would let them in again.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  keyward user export > users.csv\n  keyward user export users.csv --include-disabled"
)]
pub(crate) struct Export {
    /// The file; stdout when none is named
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The users of this user pool instead of the home pool
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// Also users that are disabled, as if they weren't
    #[arg(long)]
    include_disabled: bool,
}

/// How many users there were.
#[derive(Default)]
struct Tally {
    exported: usize,
    left_out: usize,
}

pub(super) async fn run(context: &Context, arguments: Export) -> Result<()> {
    let output = &context.output;
    let client = context.client()?;
    let Some(path) = &arguments.file else {
        if output.json {
            let mut users = Vec::new();
            each_user(context, &client, &arguments, |user| {
                users.push(user);
                Ok(())
            })
            .await?;
            return output.json(&serde_json::json!({ "users": users }));
        }
        let write = |line: String| output.raw(line.as_bytes());
        let tally = export(context, &client, &arguments, write).await?;
        mention_left_out(context, &tally);
        return Ok(());
    };
    // A file that is there under that name is whole: the one before, or the new one.
    let mut new = path.clone().into_os_string();
    new.push(".part");
    let new = PathBuf::from(new);
    let unwritten = |error: io::Error| Failure::file("The file couldn't be written", path, &error);
    let mut file = BufWriter::new(create(&new).map_err(unwritten)?);
    let write = |line: String| file.write_all(line.as_bytes()).map_err(unwritten);
    let exported = export(context, &client, &arguments, write).await;
    let kept = exported.and_then(|tally| {
        file.flush().and_then(|()| std::fs::rename(&new, path)).map_err(unwritten)?;
        Ok(tally)
    });
    let tally = kept.inspect_err(|_| drop(std::fs::remove_file(&new)))?;
    if output.json {
        let answer = serde_json::json!({ "exported": tally.exported, "leftOut": tally.left_out });
        return output.json(&answer);
    }
    output.success(&format!("{} user(s) exported to {}.", tally.exported, path.display()));
    mention_left_out(context, &tally);
    Ok(())
}

/// Readable by its owner alone: it is full of people's addresses.
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Writes the header, and a line for each user.
async fn export(
    context: &Context,
    client: &Client,
    arguments: &Export,
    mut write: impl FnMut(String) -> Result<()>,
) -> Result<Tally> {
    let columns = client.user_columns(arguments.pool.as_deref()).await?;
    write(csv::line(columns.iter().map(String::as_str)))?;
    each_user(context, client, arguments, |user| {
        let field = |column: &String| match column.as_str() {
            USERNAME => user.username.as_str(),
            MFA_ENABLED if user.mfa_enabled => "TRUE",
            MFA_ENABLED => "FALSE",
            name => match user.attributes.get(name).map(String::as_str) {
                Some("true") if name.ends_with("_verified") => "TRUE",
                Some("false") if name.ends_with("_verified") => "FALSE",
                value => value.unwrap_or_default(),
            },
        };
        write(csv::line(columns.iter().map(field)))
    })
    .await
}

/// Gives every user that is asked for to `each`, by name.
async fn each_user(
    context: &Context,
    client: &Client,
    Export { pool, include_disabled, .. }: &Export,
    mut each: impl FnMut(PortableUser) -> Result<()>,
) -> Result<Tally> {
    let spinner = context.output.spinner("Exporting users");
    let mut tally = Tally::default();
    let mut cursor = None;
    loop {
        let page = client.export_users(Slice { limit: Some(PAGE), cursor }, pool.as_deref()).await?;
        for user in page.items {
            if user.enabled || *include_disabled {
                tally.exported += 1;
                each(user)?;
            } else {
                tally.left_out += 1;
            }
        }
        spinner.set_message(format!("Exported {} users", tally.exported));
        cursor = page.next_cursor;
        if cursor.is_none() {
            spinner.finish_and_clear();
            return Ok(tally);
        }
    }
}

fn mention_left_out(context: &Context, tally: &Tally) {
    if tally.left_out > 0 {
        let left_out = tally.left_out;
        context
            .output
            .note(&format!("{left_out} disabled user(s) left out; --include-disabled exports them."));
    }
}
