//! `--json-input`: JSON itself, a file of it, or `-` for stdin.

use std::io::Read as _;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::failure::{Failure, Result};

/// Reads `input`; the error says what is wrong with it, and is a usage error.
pub(crate) fn read<T: DeserializeOwned>(input: &str) -> Result<T> {
    // What begins as an object is meant as one: its own mistake is told then, not that there is no such file.
    if input.trim_start().starts_with('{') {
        return parse(input, "--json-input");
    }
    if input == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().read_to_string(&mut text);
        read.map_err(|error| Failure::new("file", format!("stdin couldn't be read: {error}.")))?;
        return parse(&text, "stdin");
    }
    let text = std::fs::read_to_string(input).map_err(|error| {
        Failure::usage(format!(
            "Invalid JSON input: '{input}' is neither valid JSON nor a readable file path ({error})."
        ))
    })?;
    parse(&text, &Path::new(input).display().to_string())
}

fn parse<T: DeserializeOwned>(text: &str, place: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| Failure::usage(format!("The JSON of {place} doesn't fit: {error}.")))
}
