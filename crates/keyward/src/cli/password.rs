//! Where a command takes a password from that isn't typed.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use keyward_core::secret::Secret;
use zeroize::Zeroizing;

use super::failure::{Failure, Result};
use super::prompt;
use crate::config;

/// The options of a command that needs a password; none of them has it in the list of processes.
#[derive(Debug, Default, Args)]
#[expect(clippy::struct_field_names, reason = "the names of the options")]
#[group(id = "password_source", multiple = false)]
pub(crate) struct PasswordSource {
    /// Read the password from stdin, its first line
    #[arg(long)]
    password_stdin: bool,
    /// Read the password from this environment variable
    #[arg(long, value_name = "VARIABLE")]
    password_env: Option<String>,
    /// Read the password from this file; a line break at its end is no part of it
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordSource {
    /// Whether an option says where it is.
    pub(crate) fn is_given(&self) -> bool {
        self.password_stdin || self.password_env.is_some() || self.password_file.is_some()
    }

    /// The password; none where no option says where it is.
    pub(crate) fn read(&self) -> Result<Option<Secret>> {
        if self.password_stdin {
            return prompt::secret_from_stdin("Password").map(Some);
        }
        if let Some(variable) = &self.password_env {
            let password = config::environment(variable).map(Secret::from);
            return password.map(Some).ok_or_else(|| {
                Failure::new(
                    "input-needed",
                    format!("The environment variable {variable} holds no password."),
                )
            });
        }
        let Some(path) = &self.password_file else { return Ok(None) };
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::file("The file of the password couldn't be read", path, &error))?;
        let text = Zeroizing::new(text);
        let password = text.strip_suffix('\n').unwrap_or(&text);
        let password = password.strip_suffix('\r').unwrap_or(password);
        if password.is_empty() {
            return Err(Failure::new("input-needed", format!("The file {} is empty.", path.display())));
        }
        Ok(Some(Secret::from(password)))
    }

    /// The password, asked for at the terminal where no option says where it is.
    pub(crate) fn read_or_ask(&self) -> Result<Secret> {
        let otherwise = "`--password-stdin`, `--password-env` or `--password-file` gives it";
        self.read()?.map_or_else(|| prompt::secret("Password", otherwise), Ok)
    }

    /// The same of a new password, which is asked for twice.
    pub(crate) fn read_or_ask_twice(&self) -> Result<Secret> {
        let otherwise = "`--password-stdin`, `--password-env` or `--password-file` gives it";
        self.read()?.map_or_else(|| prompt::new_secret("New password", otherwise), Ok)
    }
}
