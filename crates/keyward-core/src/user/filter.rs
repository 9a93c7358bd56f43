//! The filter of `ListUsers`: one attribute, and what its value is or begins with.
//!
//! Source: the documentation of `Filter` in the service model of `ListUsers`.

use crate::error::{Error, Result};
use crate::user::UserStatus;

/// What users can be searched by, of their attributes.
const ATTRIBUTES: [&str; 8] =
    ["username", "email", "phone_number", "name", "given_name", "family_name", "preferred_username", "sub"];

/// Which of a pool's accounts to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserFilter {
    /// Those whose attribute has this value, or one that begins with it.
    Attribute {
        /// Which attribute.
        name: &'static str,
        /// The value, or its beginning.
        value: String,
        /// Whether it is the beginning.
        is_prefix: bool,
    },
    /// Those whose status is one of these, sorted by their names.
    Status(Vec<UserStatus>),
    /// Those who may sign in, those who may not, or both.
    Enabled(Vec<bool>),
}

impl UserFilter {
    /// Reads a filter: `attribute = "value"` or `attribute ^= "beginning"`, with spaces or without. An empty one
    /// is none.
    ///
    /// # Errors
    /// `InvalidInput("filter")` in AWS' words.
    pub fn parse(text: &str) -> Result<Option<Self>> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = || Error::invalid("filter", "Error while parsing filter");
        let end = text.find(|character: char| character.is_whitespace() || "=^\"".contains(character));
        let (name, rest) = text.split_at_checked(end.ok_or_else(wrong)?).ok_or_else(wrong)?;
        let rest = rest.trim_start();
        let (is_prefix, rest) = match rest.strip_prefix("^=") {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix('=').ok_or_else(wrong)?),
        };
        let value = quoted(rest.trim_start()).ok_or_else(wrong)?;
        if name.is_empty() {
            return Err(wrong());
        }
        let fits = |word: &str, value: &str| if is_prefix { word.starts_with(value) } else { word == value };
        Ok(Some(match name {
            "cognito:user_status" => {
                let value = value.to_uppercase();
                let mut statuses = UserStatus::ALL.to_vec();
                statuses.sort_unstable_by_key(|status| status.as_str());
                statuses.retain(|status| fits(status.as_str(), &value));
                Self::Status(statuses)
            }
            "status" => {
                let mut enabled = vec![false, true];
                enabled.retain(|enabled| fits(if *enabled { "Enabled" } else { "Disabled" }, &value));
                Self::Enabled(enabled)
            }
            name => {
                let Some(name) = ATTRIBUTES.into_iter().find(|known| *known == name) else {
                    // What is no name may be anything, and isn't repeated.
                    let named: String =
                        name.chars().filter(|character| !character.is_control()).take(64).collect();
                    return Err(Error::invalid("filter", format!("Invalid search attribute: {named}")));
                };
                Self::Attribute { name, value, is_prefix }
            }
        }))
    }
}

/// What stands between two quotes, and nothing after them; a backslash takes the next character as it is.
fn quoted(text: &str) -> Option<String> {
    let mut characters = text.strip_prefix('"')?.chars();
    let mut value = String::new();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(value),
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attribute(name: &'static str, value: &str, is_prefix: bool) -> UserFilter {
        UserFilter::Attribute { name, value: value.to_owned(), is_prefix }
    }

    fn refusal(text: &str) -> String {
        UserFilter::parse(text).unwrap_err().message.into_owned()
    }

    #[test]
    fn a_filter_is_an_attribute_an_operator_and_a_value() {
        let parse = |text: &str| UserFilter::parse(text).unwrap();

        assert_eq!(parse(""), None);
        assert_eq!(parse(" "), None);
        for text in [r#"email="a=b""#, r#"email = "a=b""#, r#"  email  =  "a=b"  "#] {
            assert_eq!(parse(text), Some(attribute("email", "a=b", false)), "{text}");
        }
        for text in [r#"name^="Ada L""#, r#"name ^= "Ada L""#, r#"name^= "Ada L""#] {
            assert_eq!(parse(text), Some(attribute("name", "Ada L", true)), "{text}");
        }
        assert_eq!(parse(r#"name = "a \"b\" \\c""#), Some(attribute("name", r#"a "b" \c"#, false)));
        assert_eq!(parse(r#"sub = """#), Some(attribute("sub", "", false)));
    }

    #[test]
    fn a_status_is_searched_whatever_its_case_and_enabled_is_not() {
        let parse = |text: &str| UserFilter::parse(text).unwrap();
        let status = |statuses: &[UserStatus]| Some(UserFilter::Status(statuses.to_vec()));
        let enabled = |enabled: &[bool]| Some(UserFilter::Enabled(enabled.to_vec()));

        let (confirmed, unconfirmed) = (UserStatus::Confirmed, UserStatus::Unconfirmed);
        assert_eq!(parse(r#"cognito:user_status = "confirmed""#), status(&[confirmed]));
        assert_eq!(parse(r#"cognito:user_status ^= "U""#), status(&[unconfirmed]));
        assert_eq!(parse(r#"cognito:user_status = "ARCHIVED""#), status(&[]));
        let all = [confirmed, UserStatus::ForceChangePassword, UserStatus::ResetRequired, unconfirmed];
        assert_eq!(parse(r#"cognito:user_status ^= """#), status(&all));
        assert_eq!(parse(r#"status = "Enabled""#), enabled(&[true]));
        assert_eq!(parse(r#"status = "enabled""#), enabled(&[]));
        assert_eq!(parse(r#"status ^= "Dis""#), enabled(&[false]));
        assert_eq!(parse(r#"status ^= """#), enabled(&[false, true]));
    }

    #[test]
    fn what_is_no_filter_is_refused_in_awss_words() {
        for text in [
            "email",
            "email = ",
            "email = ann",
            r#"email = "ann"#,
            r#"email = "ann" x"#,
            r#"email = "ann" and name = "x""#,
            r#"email "ann""#,
            r#"email == "ann""#,
            r#"email ^ = "ann""#,
            r#"email = "ann\"#,
            r#"= "ann""#,
            r#""email" = "ann""#,
        ] {
            assert_eq!(refusal(text), "Error while parsing filter", "{text}");
        }
        assert_eq!(refusal(r#"custom:foo = "x""#), "Invalid search attribute: custom:foo");
        assert_eq!(refusal(r#"Email = "x""#), "Invalid search attribute: Email");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = UserFilter::parse(&text);
        }

        #[test]
        fn any_value_is_found_again(value in any::<String>(), is_prefix: bool, spaces in " {0,2}") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            let operator = if is_prefix { "^=" } else { "=" };
            let text = format!("name{spaces}{operator}{spaces}\"{escaped}\"{spaces}");
            prop_assert_eq!(UserFilter::parse(&text).unwrap(), Some(attribute("name", &value, is_prefix)));
        }
    }
}
