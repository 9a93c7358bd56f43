//! Holds an input against what the model says of it, in AWS' words.
//!
//! The sentences are those of public reports of what Cognito answered:
//! - several at once, sensitive values left out:
//!   <https://github.com/amazon-archives/amazon-cognito-identity-js/issues/388>
//! - a member within a list: <https://github.com/aws/aws-cdk/pull/14699>
//! - the words in a list: <https://github.com/aws-solutions/media-insights-on-aws/pull/199>
//! - the values of a map: <https://github.com/aws/aws-cdk/issues/31795>

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::error::Error;
use serde_json::{Map, Value};

use crate::cognito::model::{Kind, Pattern, Shape};
use crate::http::{Failure, HttpFailure};

/// How many faults are told at most; all are counted. An input may have a hundred thousand.
const MOST_FAULTS: usize = 16;
/// The longest value that a sentence repeats, characters.
const REPEATED_LENGTH: usize = 512;
/// The longest key of a map that a path repeats, characters.
const KEY_LENGTH: usize = 64;

/// Holds an input against its shape. Members that the model doesn't have are left alone, as AWS does.
///
/// # Errors
/// `SerializationException` for a value of another type, `InvalidInput` with all that is wrong otherwise.
pub(super) fn check(shape: &'static Shape, input: &Value) -> Result<(), Failure> {
    if !input.is_object() {
        return Err(malformed("The body must be a JSON object."));
    }
    let mut faults = Faults::default();
    let subject = Subject { shape, value: input, place: Place::Input, is_sensitive: shape.is_sensitive };
    faults.look_at(&subject).map_err(|OtherType(sentence)| malformed(sentence))?;
    Ok(faults.finish()?)
}

fn malformed(sentence: impl Into<Cow<'static, str>>) -> Failure {
    HttpFailure::BodyMalformed(sentence.into()).into()
}

/// A value is of another type; the sentence says so. Whatever else is wrong doesn't matter then.
struct OtherType(String);

/// Where a value is, written as AWS does: `userAttributes.1.member.name`.
#[derive(Clone, Copy)]
enum Place<'a> {
    Input,
    Member(&'a Place<'a>, &'static str),
    /// In a list; the first is 1.
    Element(&'a Place<'a>, usize),
    Entry(&'a Place<'a>, &'a str),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => Ok(()),
            Self::Member(parent, name) => {
                let dot = if matches!(parent, Self::Input) { "" } else { "." };
                let (first, rest) = name.split_at(1);
                write!(formatter, "{parent}{dot}{}{rest}", first.to_ascii_lowercase())
            }
            Self::Element(parent, number) => write!(formatter, "{parent}.{number}.member"),
            Self::Entry(parent, key) => write!(formatter, "{parent}.{}.member", fit(key, KEY_LENGTH)),
        }
    }
}

/// The beginning of a text of the client's making, fit to be repeated.
fn fit(text: &str, length: usize) -> String {
    text.chars().filter(|character| !character.is_control()).take(length).collect()
}

/// One thing that a shape demands of a value.
#[derive(Clone, Copy)]
enum Constraint {
    AtMost(&'static str, i64),
    AtLeast(&'static str, i64),
    Pattern(&'static Pattern),
    OneOf(&'static [&'static str]),
}

impl Constraint {
    /// In the order in which AWS tells them.
    fn all(shape: &Shape) -> impl Iterator<Item = Self> + use<> {
        let what = if matches!(shape.kind, Kind::Integer) { "value" } else { "length" };
        let of_kind = match shape.kind {
            Kind::Text(pattern) => pattern.map(Self::Pattern),
            Kind::OneOf(words) => Some(Self::OneOf(words)),
            _ => None,
        };
        let at_most = shape.most.map(|most| Self::AtMost(what, most));
        let at_least = shape.least.map(|least| Self::AtLeast(what, least));
        [at_most, at_least, of_kind].into_iter().flatten()
    }

    fn is_met_by(self, measured: &Measured<'_>) -> bool {
        match self {
            Self::AtMost(_, most) => measured.size <= most,
            Self::AtLeast(_, least) => measured.size >= least,
            Self::Pattern(pattern) => pattern.matches(measured.text),
            Self::OneOf(words) => words.contains(&measured.text),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(what, most) => {
                write!(formatter, "Member must have {what} less than or equal to {most}")
            }
            Self::AtLeast(what, least) => {
                write!(formatter, "Member must have {what} greater than or equal to {least}")
            }
            Self::Pattern(pattern) => {
                write!(formatter, "Member must satisfy regular expression pattern: {}", pattern.text)
            }
            Self::OneOf(words) => {
                write!(formatter, "Member must satisfy enum value set: [{}]", words.join(", "))
            }
        }
    }
}

/// What constraints look at.
#[derive(Default)]
struct Measured<'a> {
    size: i64,
    text: &'a str,
}

impl<'a> Measured<'a> {
    fn of_text(text: &'a str) -> Self {
        Self { text, ..Self::of_length(text.chars().count()) }
    }

    fn of_length(length: usize) -> Self {
        Self { size: i64::try_from(length).unwrap_or(i64::MAX), text: "" }
    }
}

/// A value that has no others in it; nothing for one that has.
fn measured<'a>(shape: &Shape, value: &'a Value) -> Result<Measured<'a>, OtherType> {
    match (shape.kind, value) {
        (Kind::Text(_) | Kind::OneOf(_), Value::String(text)) => Some(Measured::of_text(text)),
        (Kind::Integer, Value::Number(number)) => number
            .as_i64()
            .filter(|number| i32::try_from(*number).is_ok())
            .map(|size| Measured { size, text: "" }),
        (Kind::Boolean, Value::Bool(_)) | (Kind::Document, _) => Some(Measured::default()),
        (Kind::Blob, Value::String(text)) => {
            STANDARD.decode(text).ok().map(|bytes| Measured::of_length(bytes.len()))
        }
        _ => None,
    }
    .ok_or_else(|| OtherType(conversion(shape, value)))
}

/// What AWS says of a value of another type. The value itself isn't repeated.
///
/// Source: <https://github.com/aws-amplify/amplify-js/issues/5165>,
/// <https://github.com/aws/aws-sdk-js-v3/issues/2831> and <https://github.com/floci-io/floci/pull/2869>.
fn conversion(shape: &Shape, value: &Value) -> String {
    let wanted = match shape.kind {
        Kind::Text(_) | Kind::OneOf(_) => Some("a String"),
        Kind::Integer => Some("an Integer"),
        Kind::Boolean => Some("a Boolean"),
        Kind::Blob => Some("a Blob"),
        Kind::Structure(_) | Kind::List(_) | Kind::Map { .. } | Kind::Document => None,
    };
    let found = match value {
        Value::Object(_) => return "Start of structure or map found where not expected.".to_owned(),
        Value::Array(_) => return "Start of list found where not expected".to_owned(),
        Value::String(_) => "STRING_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Null => "NULL_VALUE",
    };
    match wanted {
        Some(wanted) => format!("{found} can not be converted to {wanted}"),
        None => "Unexpected field type".to_owned(),
    }
}

/// A value, and what is to be said of it.
#[derive(Clone, Copy)]
struct Subject<'a> {
    shape: &'static Shape,
    value: &'a Value,
    place: Place<'a>,
    /// Whether its shape, or that of anything around it, is sensitive.
    is_sensitive: bool,
}

impl<'a> Subject<'a> {
    fn part(&self, shape: &'static Shape, value: &'a Value, place: Place<'a>) -> Self {
        Self { shape, value, place, is_sensitive: self.is_sensitive || shape.is_sensitive }
    }

    /// The value as a sentence may repeat it: if nothing in it is sensitive, it is short, and one line.
    fn repeated(&self) -> Option<String> {
        let may_repeat =
            |parts: &[&Shape]| !parts.iter().any(|shape| shape.is_sensitive || shape.has_parts());
        let text = match (self.shape.kind, self.value) {
            _ if self.is_sensitive => None,
            (Kind::List(element), Value::Array(values)) if may_repeat(&[element]) => {
                let values: Option<Vec<_>> = values.iter().map(scalar).collect();
                Some(format!("[{}]", values?.join(", ")))
            }
            (Kind::Map { key, value }, Value::Object(entries)) if may_repeat(&[key, value]) => {
                let entry = |(key, value)| Some(format!("{key}={}", scalar(value)?));
                let entries: Option<Vec<_>> = entries.iter().map(entry).collect();
                Some(format!("{{{}}}", entries?.join(", ")))
            }
            (_, value) => scalar(value).map(Cow::into_owned),
        };
        text.filter(|text| text.chars().nth(REPEATED_LENGTH).is_none() && !text.chars().any(char::is_control))
    }
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

/// What is wrong with an input, told all at once.
#[derive(Default)]
struct Faults {
    count: usize,
    /// Of the first of them.
    sentences: Vec<String>,
}

impl Faults {
    fn look_at(&mut self, subject: &Subject<'_>) -> Result<(), OtherType> {
        match (subject.shape.kind, subject.value) {
            (Kind::Structure(members), Value::Object(object)) => {
                for member in members {
                    let place = Place::Member(&subject.place, member.name);
                    match object.get(member.name) {
                        Some(value) => self.look_at(&subject.part(member.shape, value, place))?,
                        None if member.is_required => self.missing(place),
                        None => {}
                    }
                }
                Ok(())
            }
            (Kind::List(element), Value::Array(values)) => self.look_at_list(subject, element, values),
            (Kind::Map { key, value }, Value::Object(entries)) => {
                self.look_at_map(subject, key, value, entries)
            }
            _ => {
                self.hold(subject, &measured(subject.shape, subject.value)?);
                Ok(())
            }
        }
    }

    fn look_at_list(
        &mut self,
        subject: &Subject<'_>,
        element: &'static Shape,
        values: &[Value],
    ) -> Result<(), OtherType> {
        self.hold(subject, &Measured::of_length(values.len()));
        let mut are_good = true;
        for (index, value) in values.iter().enumerate() {
            let place = Place::Element(&subject.place, index + 1);
            if value.is_null() {
                self.missing(place);
            } else if element.has_parts() {
                self.look_at(&subject.part(element, value, place))?;
            } else {
                are_good &= is_met(element, &measured(element, value)?);
            }
        }
        if !are_good {
            self.fault(subject, format_args!("Member must satisfy constraint: {}", all_of(element)));
        }
        Ok(())
    }

    fn look_at_map(
        &mut self,
        subject: &Subject<'_>,
        key_shape: &'static Shape,
        value_shape: &'static Shape,
        entries: &Map<String, Value>,
    ) -> Result<(), OtherType> {
        self.hold(subject, &Measured::of_length(entries.len()));
        let (mut are_keys_good, mut are_values_good) = (true, true);
        for (key, value) in entries {
            are_keys_good &= is_met(key_shape, &Measured::of_text(key));
            if value_shape.has_parts() {
                let place = Place::Entry(&subject.place, key);
                self.look_at(&subject.part(value_shape, value, place))?;
            } else {
                are_values_good &= is_met(value_shape, &measured(value_shape, value)?);
            }
        }
        if !are_keys_good {
            self.fault(subject, format_args!("Map keys must satisfy constraint: {}", all_of(key_shape)));
        }
        if !are_values_good {
            self.fault(subject, format_args!("Map value must satisfy constraint: {}", all_of(value_shape)));
        }
        Ok(())
    }

    /// Holds the value itself, without its parts, against what its shape demands.
    fn hold(&mut self, subject: &Subject<'_>, measured: &Measured<'_>) {
        for constraint in Constraint::all(subject.shape).filter(|it| !it.is_met_by(measured)) {
            self.fault(subject, format_args!("{constraint}"));
        }
    }

    fn missing(&mut self, place: Place<'_>) {
        self.tell(|| {
            format!("Value null at '{place}' failed to satisfy constraint: Member must not be null")
        });
    }

    fn fault(&mut self, subject: &Subject<'_>, constraint: fmt::Arguments<'_>) {
        self.tell(|| {
            let value = subject.repeated().map_or_else(String::new, |value| format!(" '{value}'"));
            format!("Value{value} at '{}' failed to satisfy constraint: {constraint}", subject.place)
        });
    }

    fn tell(&mut self, sentence: impl FnOnce() -> String) {
        self.count += 1;
        if self.sentences.len() < MOST_FAULTS {
            self.sentences.push(sentence());
        }
    }

    fn finish(self) -> Result<(), Error> {
        if self.count == 0 {
            return Ok(());
        }
        let plural = if self.count == 1 { "" } else { "s" };
        let faults = self.sentences.join("; ");
        Err(Error::invalid("input", format!("{} validation error{plural} detected: {faults}", self.count)))
    }
}

fn is_met(shape: &Shape, measured: &Measured<'_>) -> bool {
    Constraint::all(shape).all(|constraint| constraint.is_met_by(measured))
}

/// What is demanded of each of the items of a list, or the keys or values of a map.
fn all_of(shape: &Shape) -> String {
    let constraints: Vec<_> = Constraint::all(shape).map(|constraint| constraint.to_string()).collect();
    format!("[{}]", constraints.join(", "))
}

#[cfg(test)]
mod tests;
