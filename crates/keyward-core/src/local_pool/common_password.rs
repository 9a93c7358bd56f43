//! The passwords that most people choose, which whoever guesses tries first.

use std::sync::LazyLock;

use crate::secret::Secret;

/// Sorted, in lower case; where they come from stands before them.
static COMMONEST: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let (_, list) = include_str!("common_passwords.txt").split_once("\n\n").unwrap_or_default();
    list.lines().collect()
});

/// Whether it is one of the 10,000 commonest, whatever the case of its letters.
pub(super) fn is_common(password: &Secret) -> bool {
    let password = Secret::from(password.expose().to_lowercase());
    COMMONEST.binary_search(&password.expose()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_whole_and_sorted() {
        assert_eq!(COMMONEST.len(), 10_000);
        assert!(COMMONEST.is_sorted());
        assert!(COMMONEST.iter().all(|password| password.len() >= 6 && *password == password.to_lowercase()));
    }

    #[test]
    fn a_common_password_is_known_in_any_case() {
        let (first, last) = (COMMONEST[0], COMMONEST[9_999]);
        for common in ["password", "PassWord", "QWERTY", "1qaz2wsx", "letmein", first, last] {
            assert!(is_common(&Secret::from(common)), "{common}");
        }
        for rare in ["", "passwordq", "passwordd", "Correct-Horse-9!", "pässword", "#", "# Source"] {
            assert!(!is_common(&Secret::from(rare)), "{rare}");
        }
    }
}
