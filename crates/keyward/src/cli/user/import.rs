//! `keyward user import`: many users at once, from a file with the columns of Amazon's.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Cursor, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use keyward_core::secret::Secret;
use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::csv::{self, Fault, Reader, Record};
use crate::cli::failure::{Failure, Result};
use crate::cli::output::Table;
use crate::client::{PortableUser, UserImportResult};

/// How many users go in one request at most: below the server's 1000.
const BATCH_ROWS: usize = 500;
/// How many bytes of the file go in one request, about: below the server's megabyte, also as JSON.
const BATCH_BYTES: usize = 256 * 1024;
/// The longest row in characters, as Amazon has it.
const LONGEST_ROW: usize = 16_000;
/// How many refused rows are shown; more are for a file to hold.
const SHOWN: usize = 20;

pub(super) const USERNAME: &str = "cognito:username";
pub(super) const MFA_ENABLED: &str = "cognito:mfa_enabled";
const PASSWORD_HASH: &str = "password_hash";
/// What [`FailedRows`] adds: read by people alone.
const ERROR: &str = "keyward:error";

/// Import users from a CSV file
///
/// The columns are those of Amazon Cognito's user import: `cognito:username`, `name`, `given_name`, `email`,
/// `email_verified`, `phone_number`, `phone_number_verified`, `cognito:mfa_enabled`, `custom:...` and so on, in
/// any order; what is empty may be left out. Users that are there already are left as they are: after an
/// interruption, the same command goes on where it stopped. Exit code 1 when any row was refused; the others
/// are imported.
///
/// Users have no password until they set one by a code that is sent to them (`ForgotPassword`). With a column
/// `password_hash`, of bcrypt ($2a$, $2b$, $2y$) or Argon2id ($argon2id$...), they keep theirs: the first
/// sign-in must be by password; until then, SRP (`USER_SRP_AUTH`) is answered by
/// `PasswordResetRequiredException`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  keyward user import users.csv\n  keyward user import users.csv --failed-rows failed.csv

with, in that file:\n  cognito:username,email,email_verified,name
  ada@example.com,ada@example.com,TRUE,Ada Lovelace"
)]
pub(crate) struct Import {
    /// The file, or - for stdin
    #[arg(value_name = "FILE")]
    file: String,
    /// Into this user pool instead of the home pool
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// Write the refused rows to this file, each with the reason: to be corrected and imported again
    #[arg(long, value_name = "FILE")]
    failed_rows: Option<PathBuf>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    imported: usize,
    existing: usize,
    failed: usize,
    first_sign_in_by_password: usize,
    results: Vec<RowResult>,
}

/// What became of a row.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowResult {
    row: usize,
    username: String,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What became of the rows until now.
#[derive(Default)]
struct Tally {
    imported: usize,
    existing: usize,
    failed: usize,
    /// Of those that were imported.
    with_hash: usize,
    /// Of all rows for JSON, else of the first that were refused.
    results: Vec<RowResult>,
}

/// A row on its way to the server.
struct Sent {
    row: usize,
    fields: Vec<String>,
    user: PortableUser,
}

pub(super) async fn run(context: &Context, Import { file, pool, failed_rows }: Import) -> Result<()> {
    let source = Source::of(&file)?;
    let (header, total) = survey(&source)?;
    let client = context.client()?;
    let pool = pool.as_deref();
    let columns = context.output.waiting("Asking for the columns", client.user_columns(pool)).await?;
    check_header(&header, &columns)?;
    let mut failed_rows = failed_rows.map(|path| FailedRows::create(path, &source, &header)).transpose()?;

    let bar = context.output.bar("Importing", u64::try_from(total).unwrap_or(u64::MAX));
    let mut rows = Rows::of(&source, &header)?;
    let mut tally = Tally::default();
    let outcome = async {
        while let Some(batch) = rows.batch()? {
            let users: Vec<&PortableUser> = batch.good.iter().map(|sent| &sent.user).collect();
            let answered =
                if users.is_empty() { Vec::new() } else { client.import_users(pool, &users).await? };
            if answered.len() != batch.good.len() {
                let message = format!("The server answered {} of {} rows.", answered.len(), users.len());
                return Err(Failure::new("unexpected-answer", message));
            }
            let size = batch.good.len() + batch.wrong.len();
            for (fields, result) in batch.outcomes(answered) {
                if let (Some(error), Some(file)) = (&result.error, &mut failed_rows) {
                    file.add(&fields, error)?;
                }
                tally.add(context, result, has_hash(&header, &fields));
            }
            bar.inc(u64::try_from(size).unwrap_or(0));
        }
        failed_rows.as_mut().map_or(Ok(()), FailedRows::flush)
    };
    let outcome = outcome.await;
    bar.finish_and_clear();
    match outcome {
        Ok(()) => tell(context, tally, total, failed_rows.as_ref()),
        Err(failure) => Err(broken_off(failure, &tally, total)),
    }
}

fn tell(context: &Context, tally: Tally, total: usize, failed_rows: Option<&FailedRows>) -> Result<()> {
    let output = &context.output;
    let Tally { imported, existing, failed, with_hash, results } = tally;
    if output.json {
        let answer = Answer { imported, existing, failed, first_sign_in_by_password: with_hash, results };
        if failed == 0 {
            return output.json(&answer);
        }
        let members = serde_json::to_value(&answer).unwrap_or_default();
        let failure = refused(failed, total, failed_rows);
        let members = members.as_object().cloned().unwrap_or_default();
        return Err(members.into_iter().fold(failure, |failure, (name, value)| failure.member(&name, value)));
    }
    let there = if existing > 0 { format!(", {existing} were there already") } else { String::new() };
    let summary = format!("{imported} user(s) imported{there}.");
    if failed > 0 {
        output.note(&summary);
    } else {
        output.success(&summary);
    }
    let without = imported - with_hash;
    if without > 0 {
        output.note(&format!(
            "{without} without a password: each sets one by a code (ForgotPassword) before signing in."
        ));
    }
    if with_hash > 0 {
        output.note(&format!(
            "{with_hash} with the password that they had: the first sign-in must be by password; until then, \
             SRP is answered by PasswordResetRequiredException."
        ));
    }
    if failed == 0 {
        return Ok(());
    }
    let mut table = Table::new().whole_column("Row").column("Username").column("Refused because");
    for result in results {
        table.row(&[result.row.to_string(), result.username, result.error.unwrap_or_default()]);
    }
    output.table(table)?;
    if failed > SHOWN {
        output.note(&format!("... and {} more.", failed - SHOWN));
    }
    Err(refused(failed, total, failed_rows))
}

fn refused(failed: usize, total: usize, failed_rows: Option<&FailedRows>) -> Failure {
    let failure = Failure::new("partly-refused", format!("{failed} of {total} rows were refused."));
    failure.hint(match failed_rows {
        Some(FailedRows { path, .. }) => {
            format!("correct them in {}, and import that file", path.display())
        }
        None => "`--failed-rows FILE` writes them to a file, to be corrected and imported again".to_owned(),
    })
}

/// The import stopped before its end.
fn broken_off(failure: Failure, tally: &Tally, total: usize) -> Failure {
    let Tally { imported, existing, failed, .. } = tally;
    // The file may have grown since its rows were counted.
    let unsent = total.saturating_sub(imported + existing + failed);
    let done = format!(
        "{imported} users were imported, {existing} there already, {failed} refused, {unsent} not tried; the \
         same command goes on from there"
    );
    let message = format!("{} ({done})", failure.message);
    let members = [("imported", imported), ("existing", existing), ("failed", failed), ("notTried", &unsent)];
    let failure = Failure { message, ..failure };
    members.into_iter().fold(failure, |failure, (name, count)| failure.member(name, *count))
}

impl Tally {
    fn add(&mut self, context: &Context, result: RowResult, has_hash: bool) {
        match result.outcome {
            "created" => {
                self.imported += 1;
                self.with_hash += usize::from(has_hash);
            }
            "exists" => self.existing += 1,
            _ => self.failed += 1,
        }
        if context.output.json || (result.error.is_some() && self.results.len() < SHOWN) {
            self.results.push(result);
        }
    }
}

/// Where the rows come from. What can't be read twice is kept.
enum Source {
    File(PathBuf),
    Stdin(Vec<u8>),
}

impl Source {
    fn of(file: &str) -> Result<Self> {
        if file != "-" {
            return Ok(Self::File(PathBuf::from(file)));
        }
        let mut bytes = Vec::new();
        let read = io::stdin().lock().read_to_end(&mut bytes);
        read.map_err(|error| Failure::new("file", format!("stdin couldn't be read: {error}.")))?;
        Ok(Self::Stdin(bytes))
    }

    fn open(&self) -> Result<Reader<Box<dyn BufRead + '_>>> {
        Ok(Reader::new(match self {
            Self::Stdin(bytes) => Box::new(Cursor::new(bytes)),
            Self::File(path) => {
                let opened = File::open(path);
                let file =
                    opened.map_err(|error| Failure::file("The file couldn't be read", path, &error))?;
                Box::new(BufReader::with_capacity(64 * 1024, file))
            }
        }))
    }
}

/// The header, and how many rows follow it. Nothing is sent of a file that can't be read to its end.
fn survey(source: &Source) -> Result<(Vec<String>, usize)> {
    let mut reader = source.open()?;
    let header = reader.record().map_err(broken)?.map(|record| record.fields).unwrap_or_default();
    let mut total = 0;
    while reader.record().map_err(broken)?.is_some() {
        total += 1;
    }
    if total == 0 {
        return Err(Failure::new("invalid-input", "The file names no users."));
    }
    Ok((header.into_iter().map(|name| name.trim().to_owned()).collect(), total))
}

fn broken(fault: Fault) -> Failure {
    match fault {
        Fault::File(error) => Failure::new("file", format!("The file couldn't be read: {error}.")),
        Fault::Record { row, why, .. } => {
            Failure::new("invalid-input", format!("Row {row} {why}. Nothing was imported."))
        }
    }
}

fn check_header(header: &[String], columns: &[String]) -> Result<()> {
    let wrong = |message: String| {
        Failure::new("invalid-input", message)
            .hint("`keyward user export` writes a file with the right header; the order doesn't matter")
    };
    if let [one] = header
        && one.contains([';', '\t'])
    {
        return Err(wrong("The file's columns must be separated by commas.".to_owned()));
    }
    let own = [PASSWORD_HASH, ERROR];
    let known = || columns.iter().map(String::as_str).chain(own);
    for (index, name) in header.iter().enumerate() {
        if !known().any(|column| column == name) {
            let nearest = known()
                .filter(|column| *column != ERROR)
                .map(|column| (likeness(name, column), column))
                .filter(|(likeness, _)| *likeness > 0.7)
                .max_by(|one, other| one.0.total_cmp(&other.0));
            let meant = match nearest {
                Some((_, column)) => format!(" Did you mean {column}?"),
                None if name.starts_with("custom:") => {
                    " AddCustomAttributes (`aws cognito-idp add-custom-attributes`) gives them one."
                        .to_owned()
                }
                None => String::new(),
            };
            return Err(wrong(format!("The pool's users have no {name:?}.{meant}")));
        }
        if header.iter().take(index).any(|before| before == name) {
            return Err(wrong(format!("The header has the column {name} twice.")));
        }
    }
    if header.iter().any(|name| name == USERNAME) {
        return Ok(());
    }
    Err(wrong(format!("The header must have the column {USERNAME}.")))
}

/// How much alike two names of columns are: 1 where they differ in no more than their prefixes and case.
fn likeness(one: &str, other: &str) -> f64 {
    let bare = |name: &str| {
        let name = name.trim_start_matches("cognito:").trim_start_matches("custom:");
        name.to_lowercase().replace([' ', '-'], "_")
    };
    strsim::jaro_winkler(&bare(one), &bare(other))
}

fn has_hash(header: &[String], fields: &[String]) -> bool {
    header.iter().zip(fields).any(|(name, field)| name == PASSWORD_HASH && !field.trim().is_empty())
}

/// The rows of the file, in pieces for the server.
struct Rows<'a> {
    reader: Reader<Box<dyn BufRead + 'a>>,
    header: &'a [String],
}

/// What of a piece can be sent, and what can't.
#[derive(Default)]
struct Batch {
    good: Vec<Sent>,
    wrong: Vec<(Vec<String>, RowResult)>,
}

impl<'a> Rows<'a> {
    fn of(source: &'a Source, header: &'a [String]) -> Result<Self> {
        let mut reader = source.open()?;
        reader.record().map_err(broken)?;
        Ok(Self { reader, header })
    }

    fn batch(&mut self) -> Result<Option<Batch>> {
        let mut batch = Batch::default();
        let mut size = 0;
        while batch.good.len() + batch.wrong.len() < BATCH_ROWS && size < BATCH_BYTES {
            let Some(record) = self.reader.record().map_err(broken)? else { break };
            size += record.fields.iter().map(String::len).sum::<usize>();
            batch.add(self.header, record);
        }
        let is_empty = batch.good.is_empty() && batch.wrong.is_empty();
        Ok(if is_empty { None } else { Some(batch) })
    }
}

impl Batch {
    fn add(&mut self, header: &[String], Record { row, fields, .. }: Record) {
        match user(header, &fields) {
            Ok(user) => self.good.push(Sent { row, fields, user }),
            Err((field, why)) => {
                let named = header.iter().position(|name| name == USERNAME);
                let username = named.and_then(|index| fields.get(index)).cloned().unwrap_or_default();
                let (field, error) = (Some(field.to_owned()), Some(why));
                self.wrong.push((fields, RowResult { row, username, outcome: "refused", field, error }));
            }
        }
    }

    /// Each row's fields with what became of it, in the file's order.
    fn outcomes(self, answered: Vec<UserImportResult>) -> Vec<(Vec<String>, RowResult)> {
        let sent = self.good.into_iter().zip(answered).map(|(sent, answer)| {
            let outcome = match answer.outcome.as_str() {
                "created" => "created",
                "exists" => "exists",
                _ => "refused",
            };
            let error = (outcome == "refused").then(|| answer.error.unwrap_or_default().replace('\n', "; "));
            let (row, username) = (sent.row, answer.username);
            (sent.fields, RowResult { row, username, outcome, field: answer.field, error })
        });
        let mut outcomes: Vec<_> = sent.chain(self.wrong).collect();
        outcomes.sort_by_key(|(_, result)| result.row);
        outcomes
    }
}

/// The user of a row, or the column that is wrong, and why.
fn user(header: &[String], fields: &[String]) -> Result<PortableUser, (&'static str, String)> {
    if fields.len() != header.len() {
        let why = format!("The row has {} columns instead of {}.", fields.len(), header.len());
        return Err(("row", why));
    }
    if fields.iter().map(|field| field.chars().count()).sum::<usize>() > LONGEST_ROW {
        return Err(("row", format!("A row can have {LONGEST_ROW} characters at most.")));
    }
    let mut user = PortableUser {
        username: String::new(),
        attributes: BTreeMap::new(),
        mfa_enabled: false,
        password_hash: None,
        enabled: true,
    };
    for (name, field) in header.iter().zip(fields).filter(|(_, field)| !field.is_empty()) {
        match name.as_str() {
            USERNAME => user.username.clone_from(field),
            MFA_ENABLED => {
                user.mfa_enabled = match field.trim().to_ascii_lowercase().as_str() {
                    "true" => true,
                    "false" | "" => false,
                    _ => return Err((MFA_ENABLED, format!("{MFA_ENABLED} must be TRUE or FALSE."))),
                };
            }
            PASSWORD_HASH => user.password_hash = Some(Secret::from(field.trim())),
            ERROR => (),
            _ => drop(user.attributes.insert(name.clone(), field.clone())),
        }
    }
    if user.username.is_empty() {
        return Err((USERNAME, format!("{USERNAME} is missing.")));
    }
    Ok(user)
}

/// The file of the refused rows. It may hold hashes: nobody else may read it.
struct FailedRows {
    path: PathBuf,
    file: BufWriter<File>,
    /// Where the reason of an earlier time stands.
    error_at: Option<usize>,
}

impl FailedRows {
    fn create(path: PathBuf, source: &Source, header: &[String]) -> Result<Self> {
        let same = |one: &Path, other: &Path| {
            one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
        };
        if let Source::File(read) = source
            && same(read, &path)
        {
            return Err(Failure::usage("--failed-rows must name another file than the one that is read."));
        }
        let created = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = created.map_err(|error| Failure::file("The file couldn't be written", &path, &error))?;
        let error_at = header.iter().position(|name| name == ERROR);
        let mut failed_rows = Self { path, file: BufWriter::new(file), error_at };
        failed_rows.add(header, ERROR)?;
        Ok(failed_rows)
    }

    fn add(&mut self, fields: &[String], error: &str) -> Result<()> {
        // A row with too few or too many columns has as many too few or too many here.
        let fields = fields.iter().enumerate().filter(|(index, _)| Some(*index) != self.error_at);
        let line = csv::line(fields.map(|(_, field)| field.as_str()).chain([error]));
        self.file.write_all(line.as_bytes()).map_err(|error| self.unwritten(&error))
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|error| self.unwritten(&error))
    }

    fn unwritten(&self, error: &io::Error) -> Failure {
        Failure::file("The file couldn't be written", &self.path, error)
    }
}
