//! What comes in: the members of an operation's input, held against what the service model says of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use keyward_core::error::{Error, Result};
use keyward_core::secret::Secret;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cognito::fault::Fault;
use crate::http::{Failure, HttpFailure};

/// The longest value that a sentence repeats, characters.
const REPEATED_LENGTH: usize = 64;

/// `AuthParameters` or `ChallengeResponses`: any of them may be a secret.
pub(super) type Parameters = BTreeMap<String, Secret>;

/// The members of an input, by their types. Members that nobody knows are ignored, as AWS does.
///
/// # Errors
/// `SerializationException` for a member of another type.
pub(super) fn read<T: DeserializeOwned>(input: Value) -> Result<T, Fault> {
    let malformed = |sentence: String| Failure::from(HttpFailure::BodyMalformed(Cow::Owned(sentence)));
    if !input.is_object() {
        return Err(malformed("The body must be a JSON object.".to_owned()).into());
    }
    serde_json::from_value(input).map_err(|error| malformed(conversion(&error.to_string())).into())
}

/// What serde says of a wrong type, in AWS' words and without the value that it quotes.
fn conversion(found: &str) -> String {
    let source = match found.strip_prefix("invalid type: ").and_then(|rest| rest.split([' ', ',']).next()) {
        Some("string") => "STRING_VALUE",
        Some("integer" | "floating") => "NUMBER_VALUE",
        Some("boolean") => "BOOLEAN_VALUE",
        Some("map") => "START_OBJECT",
        Some("sequence") => "START_ARRAY",
        _ => "VALUE",
    };
    let wanted = match found.rsplit_once(", expected ").map(|(_, expected)| expected) {
        Some("a string") => "a String",
        Some("a boolean") => "a Boolean",
        Some("a map") => "a Map",
        _ => "what is expected there",
    };
    format!("{source} can not be converted to {wanted}")
}

/// One or more of some characters: the pattern as the model has it, and which characters it takes.
type Pattern = (&'static str, fn(char) -> bool);

/// What the model demands of a text.
pub(super) struct Shape {
    least: usize,
    most: usize,
    pattern: Option<Pattern>,
}

pub(super) const CLIENT_ID: Shape = Shape {
    least: 1,
    most: 128,
    pattern: Some(("[\\w+]+", |character| is_word(character) || character == '+')),
};
pub(super) const SESSION: Shape = Shape { least: 20, most: 4096, pattern: None };
/// The model sets no bound to a token's length; the body's is one.
pub(super) const TOKEN: Shape = Shape {
    least: 0,
    most: usize::MAX,
    pattern: Some(("[A-Za-z0-9-_=.]+", |character| {
        character.is_ascii_alphanumeric() || "-_=.".contains(character)
    })),
};
pub(super) const USER_CODE: Shape =
    Shape { least: 6, most: 6, pattern: Some(("[0-9]+", |character| character.is_ascii_digit())) };
const PARAMETER: Shape = Shape { least: 0, most: 131_072, pattern: None };

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// A member's text.
pub(super) trait Text: Default {
    fn text(&self) -> &str;
}

impl Text for String {
    fn text(&self) -> &str {
        self
    }
}

impl Text for Secret {
    fn text(&self) -> &str {
        self.expose()
    }
}

/// Holds members against their shapes, and gathers what is wrong, to be said all at once.
#[derive(Default)]
pub(super) struct Checks {
    faults: Vec<String>,
}

impl Checks {
    /// A member that must be there. What is wrong with it is said by [`Checks::finish`].
    pub(super) fn required<T: Text>(&mut self, name: &str, value: Option<T>, shape: &Shape) -> T {
        if value.is_none() {
            self.missing(name);
        }
        self.optional(name, value, shape).unwrap_or_default()
    }

    /// A member that may be there.
    pub(super) fn optional<T: Text>(&mut self, name: &str, value: Option<T>, shape: &Shape) -> Option<T> {
        if let Some(value) = &value {
            let length = value.text().chars().count();
            let mut fault = |constraint: String| self.fault(&format!("Value at '{name}'"), &constraint);
            if length < shape.least {
                fault(format!("Member must have length greater than or equal to {}", shape.least));
            }
            if length > shape.most {
                fault(format!("Member must have length less than or equal to {}", shape.most));
            }
            if let Some((pattern, takes)) = shape.pattern
                && (length == 0 || !value.text().chars().all(takes))
            {
                fault(format!("Member must satisfy regular expression pattern: {pattern}"));
            }
        }
        value
    }

    /// A member that must be there and be one of these words.
    pub(super) fn one_of(
        &mut self,
        name: &str,
        value: Option<String>,
        words: &[&'static str],
    ) -> &'static str {
        let Some(value) = value else {
            self.missing(name);
            return "";
        };
        if let Some(word) = words.iter().find(|word| **word == value) {
            return word;
        }
        let is_repeated = value.chars().count() <= REPEATED_LENGTH && value.chars().all(is_word);
        let place =
            if is_repeated { format!("Value '{value}' at '{name}'") } else { format!("Value at '{name}'") };
        let constraint = format!("Member must satisfy enum value set: [{}]", words.join(", "));
        self.fault(&place, &constraint);
        ""
    }

    /// A map of parameters; none is an empty one.
    pub(super) fn parameters(&mut self, name: &str, value: Option<Parameters>) -> Parameters {
        let value = value.unwrap_or_default();
        let is_long = |text: &str| text.chars().count() > PARAMETER.most;
        if value.iter().any(|(name, value)| is_long(name) || is_long(value.expose())) {
            let constraint = format!(
                "Map value must satisfy constraint: [Member must have length less than or equal to {}]",
                PARAMETER.most
            );
            self.fault(&format!("Value at '{name}'"), &constraint);
        }
        value
    }

    /// # Errors
    /// `InvalidInput` with AWS' validation sentence, when anything was wrong.
    pub(super) fn finish(self) -> Result<()> {
        let count = self.faults.len();
        if count == 0 {
            return Ok(());
        }
        let plural = if count == 1 { "" } else { "s" };
        let faults = self.faults.join("; ");
        Err(Error::invalid("input", format!("{count} validation error{plural} detected: {faults}")))
    }

    fn missing(&mut self, name: &str) {
        self.fault(&format!("Value null at '{name}'"), "Member must not be null");
    }

    fn fault(&mut self, place: &str, constraint: &str) {
        self.faults.push(format!("{place} failed to satisfy constraint: {constraint}"));
    }
}

/// A parameter that this flow, or this challenge, can't do without.
///
/// # Errors
/// `InvalidInput` in AWS' words.
pub(super) fn parameter<'a>(parameters: &'a Parameters, name: &'static str) -> Result<&'a Secret> {
    parameters.get(name).ok_or_else(|| missing_parameter(name))
}

pub(super) fn missing_parameter(name: &'static str) -> Error {
    Error::invalid("parameters", format!("Missing required parameter {name}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Input {
        client_id: Option<String>,
        enabled: Option<bool>,
        parameters: Option<Parameters>,
    }

    fn refused(input: Value) -> String {
        match read::<Input>(input) {
            Err(Fault::Failure(failure)) => failure.message().to_owned(),
            _ => panic!("it was read"),
        }
    }

    #[test]
    fn members_that_are_null_absent_or_unknown_are_all_right() {
        let input: Input = read(json!({ "ClientId": null, "Unknown": [1] })).unwrap();

        assert!(input.client_id.is_none() && input.enabled.is_none() && input.parameters.is_none());
    }

    #[test]
    fn a_member_of_another_type_is_refused_without_its_value() {
        for (input, sentence) in [
            (json!({ "ClientId": 4711 }), "NUMBER_VALUE can not be converted to a String"),
            (json!({ "ClientId": ["4711"] }), "START_ARRAY can not be converted to a String"),
            (json!({ "Enabled": "4711" }), "STRING_VALUE can not be converted to a Boolean"),
            (json!({ "Parameters": "4711" }), "STRING_VALUE can not be converted to a Map"),
            (json!({ "Parameters": { "PASSWORD": 4711 } }), "NUMBER_VALUE can not be converted to a String"),
            (
                json!({ "Parameters": { "PASSWORD": {"a": 1} } }),
                "START_OBJECT can not be converted to a String",
            ),
            (json!(["4711"]), "The body must be a JSON object."),
        ] {
            assert_eq!(refused(input), sentence);
        }
    }

    #[test]
    fn all_that_is_wrong_is_said_at_once() {
        let mut checks = Checks::default();
        checks.required::<Secret>("accessToken", None, &TOKEN);
        checks.required("clientId", Some("a-b".to_owned()), &CLIENT_ID);
        checks.optional("session", Some(Secret::from("short")), &SESSION);
        checks.one_of("authFlow", Some("PASSWORD".to_owned()), &["ONE", "OTHER"]);
        checks.one_of("authFlow", Some("not a word".to_owned()), &["ONE"]);

        assert_eq!(
            checks.finish().unwrap_err().message,
            "5 validation errors detected: \
             Value null at 'accessToken' failed to satisfy constraint: Member must not be null; \
             Value at 'clientId' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w+]+; \
             Value at 'session' failed to satisfy constraint: \
             Member must have length greater than or equal to 20; \
             Value 'PASSWORD' at 'authFlow' failed to satisfy constraint: \
             Member must satisfy enum value set: [ONE, OTHER]; \
             Value at 'authFlow' failed to satisfy constraint: Member must satisfy enum value set: [ONE]"
        );
    }

    #[test]
    fn what_fits_is_handed_on() {
        let mut checks = Checks::default();
        assert_eq!(checks.required("clientId", Some("a+b_1".to_owned()), &CLIENT_ID), "a+b_1");
        assert_eq!(checks.optional::<String>("session", None, &SESSION), None);
        assert_eq!(checks.one_of("authFlow", Some("ONE".to_owned()), &["ONE"]), "ONE");
        checks.finish().unwrap();
    }
}
