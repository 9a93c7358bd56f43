//! Asking the person at the terminal, and reading secrets from stdin. Nothing here waits for a person who
//! isn't there: a closed stdin is an answer, and a secret is only asked of a terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use keyward_core::secret::Secret;
use zeroize::Zeroizing;

use super::failure::{Failure, Result};

/// Whether there is a person to ask for a secret.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a question that is answered by yes or no; no unless the answer is yes.
pub(crate) fn confirm(question: &str) -> Result<bool> {
    let answer = line(&format!("{question} [y/N]: "))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a line of text that needs no hiding.
pub(crate) fn line(prompt: &str) -> Result<Zeroizing<String>> {
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{prompt}").and_then(|()| stderr.flush());
    read_line()?.ok_or_else(|| {
        let _ = writeln!(anstream::stderr());
        Failure::aborted()
    })
}

/// Asks for a secret, without showing what is typed. `otherwise` says how to give it without a terminal.
pub(crate) fn secret(prompt: &str, otherwise: &str) -> Result<Secret> {
    ask(dialoguer::Password::new().with_prompt(prompt), prompt, otherwise)
}

/// Asks for a secret twice.
pub(crate) fn new_secret(prompt: &str, otherwise: &str) -> Result<Secret> {
    let twice = dialoguer::Password::new()
        .with_prompt(prompt)
        .with_confirmation(format!("{prompt}, again"), "These two differ; try again.");
    ask(twice, prompt, otherwise)
}

fn ask(password: dialoguer::Password<'_>, prompt: &str, otherwise: &str) -> Result<Secret> {
    if !can_ask() {
        let missing = format!("{prompt} is needed, and there is no terminal to ask at.");
        return Err(Failure::new("input-needed", missing).hint(otherwise));
    }
    // Nothing typed is a change of mind, and so is the end of input.
    let typed = password.report(false).allow_empty_password(true).interact();
    typed.map(Secret::from).ok().filter(|typed| !typed.is_empty()).ok_or_else(Failure::aborted)
}

/// Reads a secret as one line of stdin; the next call reads the next line. From a terminal it is asked for.
pub(crate) fn secret_from_stdin(what: &str) -> Result<Secret> {
    if can_ask() {
        return secret(what, "");
    }
    let line = read_line()?.filter(|line| !line.is_empty());
    line.map(|line| Secret::from(line.as_str())).ok_or_else(|| {
        Failure::new("input-needed", format!("{what} was to come by stdin, but nothing came."))
    })
}

fn read_line() -> Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new("file", format!("stdin couldn't be read: {error}.")))?;
    if read == 0 {
        return Ok(None);
    }
    let length = line.trim_end_matches(['\n', '\r']).len();
    line.truncate(length);
    Ok(Some(line))
}
