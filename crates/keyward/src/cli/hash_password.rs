//! `keyward hash-password`: what stands for a password in a file of users.

use clap::Args;
use keyward_core::local_pool::password::{HashingCost, Line, PasswordHasher};
use keyward_core::random::Random;
use serde_json::json;

use super::failure::{Failure, Result};
use super::output::Output;
use super::prompt;
use crate::complaint::Complaint;

/// Hash a password for a file of users, where it is `password_hash`
///
/// Asks for the password, or reads it from stdin, its first line, when that is no terminal. Prints an Argon2id
/// hash in PHC form, another one each time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward hash-password
  keyward hash-password < password.txt")]
pub(super) struct HashPassword {}

pub(super) fn run(output: &Output, _: &HashPassword) -> Result<()> {
    let password = if prompt::can_ask() {
        prompt::new_secret("Password", "")?
    } else {
        prompt::secret_from_stdin("Password")?
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| {
        Failure::new("internal", format!("The program couldn't start its work: {error}."))
    })?;
    let random = Random::System;
    let hash = runtime.block_on(async {
        let hasher = PasswordHasher::new(&random, HashingCost::default(), None, 0)?;
        hasher.hash(Line::Administration, &random, &password).await
    });
    let hash = hash.map_err(Complaint::from)?;
    if output.json {
        return output.json(&json!({ "password_hash": hash }));
    }
    output.line(&hash)
}
