//! Values in requests, as VAMS' models take and check them
//! (awslabs/visual-asset-management-system, `backend/backend/common/validators.py`).

use std::fmt;

use keyward_core::error::{Error, Result};
use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

const USER_ID: &str = r"^[\w\-\.\+\@]{3,256}$";
/// As VAMS has it, but for a top-level domain of more than four letters, which VAMS refuses.
const EMAIL: &str = r"^[\w\-\.\+]+@([\w-]+\.)+[\w-]{2,}$";
const OBJECT_NAME: &str = r"^[a-zA-Z0-9\-._\s]{1,256}$";
const UUID: &str =
    r"^[0-9a-fA-F]{8}\b\-[0-9a-fA-F]{4}\b\-[0-9a-fA-F]{4}\b\-[0-9a-fA-F]{4}\b\-[0-9a-fA-F]{12}$";

/// A text; numbers and booleans are taken for the text that they are written as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

/// `true` or `false`, also as a text or as 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Text, E> {
                Ok(Text(text))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Text, E> {
                Ok(Text(Number::from_f64(number).map_or_else(String::new, |number| number.to_string())))
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(Self(true)),
            "false" | "0" => Ok(Self(false)),
            _ => Err(serde::de::Error::invalid_value(Unexpected::Other("a text"), &"true or false")),
        }
    }
}

/// For a member whose absence and whose `null` mean two things.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A value that must be there.
pub(super) fn required(field: &'static str, text: Option<Text>) -> Result<String> {
    match text {
        Some(Text(text)) if !text.is_empty() => Ok(text),
        _ => Err(Error::invalid(field, format!("{field} is a required field."))),
    }
}

/// Whoever may have roles and keys.
pub(super) fn user_id(field: &'static str, text: Option<Text>) -> Result<String> {
    let text = not_global(field, required(field, text)?)?;
    let is_user_id = (3..=256).contains(&text.chars().count())
        && text.chars().all(|character| is_word(character) || "-.+@".contains(character));
    matching(field, text, is_user_id, USER_ID)
}

/// Who can sign in: in the home pool, names are email addresses.
pub(super) fn account_id(field: &'static str, text: Option<Text>) -> Result<String> {
    let text = user_id(field, text)?;
    if is_email(&text) {
        return Ok(text);
    }
    Err(Error::invalid(field, format!("{field} must be an email address, such as ada@example.com.")))
}

/// Where mail goes to.
pub(super) fn email(field: &'static str, text: Option<Text>) -> Result<String> {
    let text = not_global(field, required(field, text)?)?;
    let is_email = is_email(&text);
    matching(field, text, is_email, EMAIL)
}

/// The name of a role.
pub(super) fn object_name(field: &'static str, text: String) -> Result<String> {
    let text = not_global(field, text)?;
    let is_name = (1..=256).contains(&text.chars().count())
        && text.chars().all(|character| {
            character.is_ascii_alphanumeric() || character.is_whitespace() || "-._".contains(character)
        });
    matching(field, text, is_name, OBJECT_NAME)
}

/// A list of at least one role's name.
pub(super) fn role_names(field: &'static str, value: Option<Value>) -> Result<Vec<String>> {
    let names = match value {
        None => return required(field, None).map(|_| Vec::new()),
        Some(Value::Array(names)) => names,
        Some(_) => return Err(Error::invalid(field, format!("{field}: value is not a valid list"))),
    };
    if names.is_empty() {
        return Err(Error::invalid(field, "At least one role name is required"));
    }
    let name = |value: Value| {
        let text = serde_json::from_value::<Option<Text>>(value)
            .map_err(|_| Error::invalid(field, format!("{field} must be a list of texts.")))?;
        object_name(field, required(field, text)?)
    };
    names.into_iter().map(name).collect()
}

/// An id of ours, in the letters that we write it in.
pub(super) fn uuid(field: &'static str, text: &str) -> Result<String> {
    let is_uuid = text.len() == 36
        && text.char_indices().all(|(place, character)| match place {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit(),
        });
    matching(field, text.to_ascii_lowercase(), is_uuid, UUID)
}

/// A text of at most 256 characters.
pub(super) fn string_256(field: &'static str, text: String) -> Result<String> {
    if text.chars().count() <= 256 {
        return Ok(text);
    }
    Err(Error::invalid(field, format!("{field} must be lower than 256 characters")))
}

/// VAMS keeps this word for what belongs to everybody. It refuses it in descriptions too, which nobody needs.
pub(super) fn not_global(field: &'static str, text: String) -> Result<String> {
    if text.trim().eq_ignore_ascii_case("global") {
        return Err(Error::invalid(
            field,
            format!("{field} is invalid. GLOBAL is not allowed for this field."),
        ));
    }
    Ok(text)
}

fn matching(field: &'static str, text: String, matches: bool, pattern: &str) -> Result<String> {
    if matches {
        return Ok(text);
    }
    Err(Error::invalid(field, format!("{field} is invalid. Must follow the regexp {pattern}")))
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_local =
        !local.is_empty() && local.chars().all(|character| is_word(character) || "-.+".contains(character));
    let is_label = |label: &str| {
        !label.is_empty() && label.chars().all(|character| is_word(character) || character == '-')
    };
    let has_top_level = domain.rsplit_once('.').is_some_and(|(_, top)| top.chars().count() >= 2);
    is_local && has_top_level && domain.split('.').all(is_label) && (3..=256).contains(&text.chars().count())
}

/// `\w` of Python's regular expressions.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as it comes out of a body")]
    fn text(text: &str) -> Option<Text> {
        Some(Text(text.to_owned()))
    }

    #[test]
    fn scalars_are_taken_for_the_text_that_they_are_written_as() {
        for (value, written) in
            [(json!(12), "12"), (json!(-1.5), "-1.5"), (json!(1000.0), "1000.0"), (json!(true), "true")]
        {
            assert_eq!(serde_json::from_value::<Text>(value).unwrap().0, written);
        }
        assert!(serde_json::from_value::<Text>(json!({})).is_err());
        assert!(serde_json::from_value::<Text>(json!(["x"])).is_err());
    }

    #[test]
    fn a_flag_may_be_written_as_a_text_or_a_digit() {
        for (value, meant) in
            [(json!(true), true), (json!("False"), false), (json!(1), true), (json!("0"), false)]
        {
            assert_eq!(serde_json::from_value::<Flag>(value).unwrap().0, meant);
        }
        assert!(serde_json::from_value::<Flag>(json!("maybe")).is_err());
    }

    #[test]
    fn an_address_may_end_in_a_long_domain() {
        for address in ["x@corp.technology", "a.b+c-d_e@x.co", "é@exämple.org"] {
            assert!(email("email", text(address)).is_ok(), "{address}");
        }
        for address in ["x", "x@y", "@x.co", "x@.co", "x@x.c", "x@x..co", "x y@x.co", "x@y@x.co", "x@x.co\n"]
        {
            assert!(email("email", text(address)).is_err(), "{address}");
        }
    }

    #[test]
    fn an_account_is_named_by_an_address_and_a_program_by_any_user_id() {
        assert!(user_id("userId", text("SYSTEM_USER")).is_ok());
        assert!(account_id("userId", text("SYSTEM_USER")).is_err());
        for wrong in ["ab", "a b", "a/b", "", &"x".repeat(257)] {
            assert!(user_id("userId", text(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(
            user_id("userId", text(" Global ")).unwrap_err().message,
            "userId is invalid. GLOBAL is not allowed for this field."
        );
    }

    #[test]
    fn a_uuid_is_read_in_capitals_too() {
        let id = uuid("apiKeyId", "0190C7C5-6E2C-4B1F-8F7F-2C1D5A9E0B11").unwrap();

        assert_eq!(id, "0190c7c5-6e2c-4b1f-8f7f-2c1d5a9e0b11");
        for wrong in ["", "x", "0190C7C56E2C-4B1F-8F7F-2C1D5A9E0B111-", "0190C7C5-6E2C-4B1F-8F7F-2C1D5A9E0Bé"]
        {
            assert!(uuid("apiKeyId", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn role_names_come_as_a_list() {
        assert_eq!(role_names("roleName", Some(json!(["a", 1]))).unwrap(), ["a", "1"]);
        let message = |value| role_names("roleName", value).unwrap_err().message;
        assert_eq!(message(None), "roleName is a required field.");
        assert_eq!(message(Some(json!("a"))), "roleName: value is not a valid list");
        assert_eq!(message(Some(json!([]))), "At least one role name is required");
        assert_eq!(message(Some(json!([{}]))), "roleName must be a list of texts.");
        assert_eq!(message(Some(json!([null]))), "roleName is a required field.");
    }
}
