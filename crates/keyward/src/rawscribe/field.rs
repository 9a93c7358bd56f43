//! Bodies, read member by member: whoever sends one hears of all that is wrong with it at once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::http::{Body, Failure};
use crate::rawscribe::failure::{Fault, Refusal};

/// The members of a body that were not read yet, and what was wrong with those that were. What nobody reads
/// is ignored.
pub(super) struct Fields {
    members: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Fields {
    pub(super) fn of(body: Result<Body<Value>, Failure>) -> Result<Self, Refusal> {
        let Body(Value::Object(members)) = body? else {
            let msg = "Input should be a valid dictionary or object to extract fields from";
            return Err(Refusal::Invalid(vec![Fault::in_body("model_attributes_type", None, msg)]));
        };
        Ok(Self { members, faults: Vec::new() })
    }

    /// The text of this member; an empty one stands for what [`Fields::end`] refuses.
    pub(super) fn text(&mut self, name: &'static str) -> String {
        self.read(name).unwrap_or_default()
    }

    /// The same of a member that need not be there.
    pub(super) fn optional_text(&mut self, name: &'static str) -> Option<String> {
        self.members.get(name).filter(|value| !value.is_null())?;
        self.read(name)
    }

    /// An email address; whether it is one in full is for the core to say.
    pub(super) fn address(&mut self, name: &'static str) -> String {
        const REASON: &str = "An email address must have an @-sign.";
        const MESSAGE: &str = "value is not a valid email address: An email address must have an @-sign.";
        let Some(text) = self.read(name) else { return String::new() };
        if !text.contains('@') {
            self.faults.push(Fault::in_body("value_error", Some(name), MESSAGE).because(REASON));
        }
        text
    }

    /// Texts by their names; none where it is null or not there.
    pub(super) fn texts(&mut self, name: &'static str) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        match self.members.remove(name) {
            None | Some(Value::Null) => {}
            Some(Value::Object(members)) => {
                for (member, value) in members {
                    match value {
                        Value::String(text) => drop(texts.insert(member, text)),
                        _ => self.refuse("string_type", name, "Every value should be a valid string"),
                    }
                }
            }
            Some(_) => self.refuse("dict_type", name, "Input should be a valid dictionary"),
        }
        texts
    }

    /// Refuses a body with anything wrong in it.
    pub(super) fn end(self) -> Result<(), Refusal> {
        if self.faults.is_empty() { Ok(()) } else { Err(Refusal::Invalid(self.faults)) }
    }

    fn read(&mut self, name: &'static str) -> Option<String> {
        match self.members.remove(name) {
            Some(Value::String(text)) => return Some(text),
            Some(_) => self.refuse("string_type", name, "Input should be a valid string"),
            None => self.refuse("missing", name, "Field required"),
        }
        None
    }

    fn refuse(&mut self, kind: &'static str, name: &'static str, msg: &'static str) {
        self.faults.push(Fault::in_body(kind, Some(name), msg));
    }
}
