//! `keyward api-key import`: keys that exist elsewhere, taken over by their SHA-256.

use std::io::Read as _;

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cli::context::Context;
use crate::cli::csv::{self, Fault, Record};
use crate::cli::failure::{Failure, Result};
use crate::cli::output::Table;
use crate::client::ImportedKey;

/// How many keys go in one request: well below the server's 1000, and its megabyte.
const BATCH: usize = 500;

/// Take over existing keys by their SHA-256
///
/// FILE is CSV with a first line of column names, or JSON, one object a line. Columns: name, user, sha256 (64
/// hex digits, of the whole key), and optionally description, `expires_at`, active. The keys then work as
/// they are. Exit code 1 when any row was refused; the others are taken over.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  keyward api-key import keys.csv\n\nwith, in that file:\n  name,user,sha256
  CI,bot@example.com,9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
)]
pub(crate) struct Import {
    /// The file, or - for stdin
    #[arg(value_name = "FILE")]
    file: String,
}

/// A row of the file. The names of VAMS's own tables are understood, too.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Row {
    #[serde(alias = "apiKeyName")]
    name: String,
    #[serde(alias = "userId", alias = "user_id")]
    user: String,
    #[serde(alias = "hash")]
    sha256: String,
    description: Option<String>,
    #[serde(alias = "expiresAt")]
    expires_at: Option<String>,
    #[serde(alias = "isActive")]
    active: Option<Active>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Active {
    Flag(bool),
    Word(String),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    imported: usize,
    failed: usize,
    results: Vec<RowResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowResult {
    line: usize,
    api_key_name: String,
    api_key_id: Option<String>,
    error: Option<String>,
}

pub(super) async fn run(context: &Context, Import { file }: Import) -> Result<()> {
    let output = &context.output;
    let keys = parse(&read(&file)?)?;
    let client = context.client()?;
    let total = u64::try_from(keys.len()).unwrap_or(u64::MAX);
    let bar = output.bar("Importing", total);
    let mut results = Vec::with_capacity(keys.len());
    let mut broken = None;
    for batch in keys.chunks(BATCH) {
        let rows: Vec<ImportedKey> = batch.iter().map(|(_, key)| key.clone()).collect();
        match client.import_api_keys(&rows).await {
            Ok(answered) if answered.len() == batch.len() => {
                results.extend(batch.iter().zip(answered).map(|((line, _), result)| RowResult {
                    line: *line,
                    api_key_name: result.name,
                    api_key_id: result.id,
                    error: result.error,
                }));
                bar.inc(u64::try_from(batch.len()).unwrap_or(0));
            }
            Ok(answered) => {
                let message = format!("The server answered {} of {} rows.", answered.len(), batch.len());
                broken = Some(Failure::new("unexpected-answer", message));
                break;
            }
            Err(error) => {
                broken = Some(error.into());
                break;
            }
        }
    }
    bar.finish_and_clear();
    tell(context, results, keys.len(), broken)
}

fn tell(context: &Context, results: Vec<RowResult>, total: usize, broken: Option<Failure>) -> Result<()> {
    let output = &context.output;
    let failed = results.iter().filter(|result| result.error.is_some()).count();
    let imported = results.len() - failed;
    let unsent = total - results.len();
    if let Some(failure) = broken {
        let done = format!("{imported} keys were imported, {failed} refused, {unsent} not tried");
        let message = format!("{} ({done})", failure.message);
        let members = [("imported", imported), ("failed", failed), ("notTried", unsent)];
        let failure = Failure { message, ..failure };
        return Err(members.into_iter().fold(failure, |failure, (name, count)| failure.member(name, count)));
    }
    if output.json {
        let answer = Answer { imported, failed, results };
        if failed == 0 {
            return output.json(&answer);
        }
        let results = serde_json::to_value(&answer.results).unwrap_or_default();
        let failure = refused(failed, total).member("imported", imported).member("failed", failed);
        return Err(failure.member("results", results));
    }
    if failed > 0 {
        let mut table = Table::new().whole_column("Line").column("Name").column("Refused because");
        for result in results {
            if let Some(error) = result.error {
                table.row(&[result.line.to_string(), result.api_key_name, error]);
            }
        }
        output.table(table)?;
        return Err(refused(failed, total));
    }
    output.success(&format!("{imported} API key(s) imported; they work as they are."));
    Ok(())
}

fn refused(failed: usize, total: usize) -> Failure {
    let others = if failed == total { "nothing was imported" } else { "the others were imported" };
    Failure::new("partly-refused", format!("{failed} of {total} keys were refused; {others}."))
}

fn read(file: &str) -> Result<String> {
    if file == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| Failure::new("file", format!("stdin couldn't be read: {error}.")))?;
        return Ok(text);
    }
    let path = std::path::Path::new(file);
    std::fs::read_to_string(path).map_err(|error| Failure::file("The file couldn't be read", path, &error))
}

/// The keys of the file, each with its line. Nothing is sent of a file that can't be read to its end.
fn parse(text: &str) -> Result<Vec<(usize, ImportedKey)>> {
    let text = text.trim_start_matches('\u{feff}');
    let rows = if text.trim_start().starts_with('{') { json_lines(text)? } else { csv_rows(text)? };
    if rows.is_empty() {
        return Err(Failure::new("invalid-input", "The file names no keys."));
    }
    rows.into_iter().map(|(line, row)| Ok((line, row.into_key(line)?))).collect()
}

impl Row {
    fn into_key(self, line: usize) -> Result<ImportedKey> {
        let missing = [("name", &self.name), ("user", &self.user), ("sha256", &self.sha256)]
            .into_iter()
            .find(|(_, value)| value.trim().is_empty());
        if let Some((column, _)) = missing {
            return Err(wrong(line, &format!("{column} is missing")));
        }
        let active = match self.active {
            None => None,
            Some(Active::Flag(flag)) => Some(flag),
            Some(Active::Word(word)) => match word.trim().to_ascii_lowercase().as_str() {
                "" => None,
                "true" => Some(true),
                "false" => Some(false),
                _ => return Err(wrong(line, "active must be true or false")),
            },
        };
        let given = |value: Option<String>| value.filter(|value| !value.trim().is_empty());
        Ok(ImportedKey {
            name: self.name,
            user: self.user,
            description: given(self.description),
            sha256: self.sha256.trim().to_ascii_lowercase(),
            expires_at: given(self.expires_at),
            active,
        })
    }
}

fn json_lines(text: &str) -> Result<Vec<(usize, Row)>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let row = serde_json::from_str(line).map_err(|error| wrong(index + 1, &error.to_string()))?;
            Ok((index + 1, row))
        })
        .collect()
}

fn csv_rows(text: &str) -> Result<Vec<(usize, Row)>> {
    let mut reader = csv::Reader::new(text.as_bytes());
    let mut header: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    while let Some(Record { line, fields, .. }) = reader.record().map_err(broken)? {
        let Some(header) = &header else {
            header = Some(fields.iter().map(|name| name.trim().to_owned()).collect());
            continue;
        };
        if fields.len() != header.len() {
            return Err(wrong(line, &format!("{} columns instead of {}", fields.len(), header.len())));
        }
        let members = header.iter().cloned().zip(fields.into_iter().map(serde_json::Value::String));
        let row = serde_json::from_value(serde_json::Value::Object(members.collect()));
        rows.push((line, row.map_err(|error| wrong(line, &error.to_string()))?));
    }
    Ok(rows)
}

fn broken(fault: Fault) -> Failure {
    match fault {
        Fault::File(error) => Failure::new("file", format!("The file couldn't be read: {error}.")),
        Fault::Record { line, why, .. } => wrong(line, &format!("it {why}")),
    }
}

fn wrong(line: usize, why: &str) -> Failure {
    Failure::new(
        "invalid-input",
        format!("Line {line} of the file doesn't fit: {why}. Nothing was imported."),
    )
    .hint("`keyward api-key import --help` shows what a line looks like")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_may_be_csv_or_json_in_the_words_of_either_system() {
        let csv = parse("name,user,sha256,expires_at\nCI,bot@example.com,ABCDEF,\n").unwrap();
        let json =
            parse(r#"{"apiKeyName":"CI","userId":"bot@example.com","sha256":"abcdef","isActive":"true"}"#);

        let (line, key) = &csv[0];
        assert_eq!((*line, key.name.as_str(), key.sha256.as_str()), (2, "CI", "abcdef"));
        assert_eq!(key.expires_at, None);
        assert_eq!(json.unwrap()[0].1.active, Some(true));
    }

    #[test]
    fn a_file_that_does_not_fit_is_refused_with_its_line() {
        let why = |text: &str| parse(text).unwrap_err().message;

        assert!(why("").contains("no keys"));
        assert!(why("name,user,sha256\nCI,bot\n").contains("Line 2"));
        assert!(why("name,user,sha256\n\"CI\n\",bot,\"ab").contains("Line 2"));
        assert!(why("name,user,sha256\nCI,,ab\n").contains("user is missing"));
        assert!(why("name,user,secret\nCI,bot,vams_x\n").contains("unknown field `secret`"));
        assert!(why("{\"name\":1}").contains("Line 1"));
        assert!(why("name,user,sha256,active\na,b,c,maybe").contains("true or false"));
    }
}
