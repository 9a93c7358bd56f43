//! What comes in, before and after the model is asked about it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use keyward_core::error::{Error, Result};
use keyward_core::secret::Secret;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::cognito::fault::Fault;
use crate::http::{Failure, HttpFailure};

/// `AuthParameters` or `ChallengeResponses`: any of them may be a secret.
pub(super) type Parameters = BTreeMap<String, Secret>;

/// Takes out the members that are null, however deep: they count as absent, as with AWS.
pub(super) fn remove_nulls(input: &mut Value) {
    match input {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(remove_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

/// The members of an input that an operation wants. What the model requires is there, and of the right type;
/// what it doesn't may be absent.
///
/// # Errors
/// `SerializationException`, should the operation want what the model doesn't promise.
pub(super) fn read<T: DeserializeOwned>(input: Value) -> Result<T, Fault> {
    // Without serde's own sentence: it quotes the value.
    let unread = |_| HttpFailure::BodyMalformed(Cow::Borrowed("The members can't be read."));
    serde_json::from_value(input).map_err(|error| Failure::from(unread(error)).into())
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
