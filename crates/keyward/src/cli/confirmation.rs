//! What can't be undone needs `--confirm`; with it, nothing more is asked.

use super::failure::{Failure, Result};

/// Fails unless `confirmed`. `act` is what is done ("User deletion"), `again` the command that would do it.
pub(crate) fn require(confirmed: bool, act: &str, subject: (&str, &str), again: &str) -> Result<()> {
    if confirmed {
        return Ok(());
    }
    let (member, name) = subject;
    let mut lower = act.to_owned();
    if let Some(first) = lower.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    Err(Failure::new("confirmation-required", format!("Confirmation required for {lower}"))
        .hint(format!("`{again} --confirm`"))
        .member("error", "Confirmation required")
        .member("message", format!("{act} requires the --confirm flag"))
        .member(member, name))
}

/// `text` as one word of a shell's line, to be put into a hint.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "@._-+:/,".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_for_the_shell_is_quoted_where_it_must_be() {
        assert_eq!(quoted("ada@example.com"), "ada@example.com");
        assert_eq!(quoted("my role"), "'my role'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
