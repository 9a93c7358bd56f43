//! Which attributes a pool's users may have, and what values.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::settings::UserPoolSettings;
use crate::error::{Error, Result};

/// The most custom attributes of a pool
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/quotas.html>).
const MAXIMUM_CUSTOM: usize = 50;
/// The longest value of any attribute, in characters.
const LONGEST_VALUE: usize = 2048;

/// An attribute that a pool's users have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaAttribute {
    /// With `custom:` in front where it isn't a standard one, or `dev:` where only administrators write it.
    pub name: String,
    /// `String`, `Number`, `DateTime` or `Boolean`.
    pub data_type: String,
    /// Whether it may change.
    pub mutable: bool,
    /// Whether every user must have it.
    pub required: bool,
    /// The shortest text or smallest number, as it was written.
    pub minimum: Option<String>,
    /// The longest text or largest number, as it was written.
    pub maximum: Option<String>,
}

/// When a user is given attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// The user makes themselves: what is required must be there.
    Creation,
    /// An administrator makes the user: what is required may be told at the first sign-in.
    Invitation,
    /// The user is there: what isn't mutable stays.
    Change,
}

/// A standard attribute that nothing was said of. Source: `DescribeUserPool` of a pool made without `Schema`
/// (<https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_CreateUserPool.html>).
fn standard(name: &'static str) -> SchemaAttribute {
    let (data_type, minimum, maximum) = match name {
        "sub" => ("String", Some("1"), Some("2048")),
        "birthdate" => ("String", Some("10"), Some("10")),
        "email_verified" | "phone_number_verified" => ("Boolean", None, None),
        "updated_at" => ("Number", Some("0"), None),
        "identities" => ("String", None, None),
        _ => ("String", Some("0"), Some("2048")),
    };
    SchemaAttribute {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        mutable: name != "sub",
        required: name == "sub",
        minimum: minimum.map(str::to_owned),
        maximum: maximum.map(str::to_owned),
    }
}

/// In the order in which Cognito tells them.
const STANDARD: [&str; 21] = [
    "sub",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
    "identities",
];

/// What is Cognito's own business, of the standard attributes: a schema says nothing of them.
const BUILT_IN: [&str; 4] = ["sub", "email_verified", "phone_number_verified", "identities"];

impl SchemaAttribute {
    /// Whether it is one that every pool has.
    pub fn is_standard(&self) -> bool {
        Self::is_standard_name(&self.name)
    }

    /// Whether every pool has an attribute of this name.
    pub fn is_standard_name(name: &str) -> bool {
        STANDARD.contains(&name)
    }

    /// Whether administrators alone write it.
    pub fn is_developer_only(&self) -> bool {
        self.name.starts_with("dev:")
    }

    /// What is wrong with this value.
    fn fault(&self, value: &str) -> Option<String> {
        let length = value.chars().count();
        let bound = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<i128>().ok());
        let (least, most) = (bound(&self.minimum), bound(&self.maximum));
        if length > LONGEST_VALUE {
            return Some(format!("String must be no longer than {LONGEST_VALUE} characters"));
        }
        match self.data_type.as_str() {
            "Number" => match value.parse::<i128>() {
                Err(_) => Some("Value must be a number".to_owned()),
                Ok(number) if least.is_some_and(|least| number < least) => {
                    Some(format!("Number must be no smaller than {}", least.unwrap_or_default()))
                }
                Ok(number) if most.is_some_and(|most| number > most) => {
                    Some(format!("Number must be no larger than {}", most.unwrap_or_default()))
                }
                Ok(_) => None,
            },
            "Boolean" if !matches!(value.to_ascii_lowercase().as_str(), "true" | "false") => {
                Some("Value must be true or false".to_owned())
            }
            "DateTime" if value.parse::<Timestamp>().is_err() && value.parse::<Date>().is_err() => {
                Some("Value must be a date and time of ISO 8601".to_owned())
            }
            "String" => {
                let length = i128::try_from(length).unwrap_or(i128::MAX);
                match (least.filter(|least| length < *least), most.filter(|most| length > *most)) {
                    (Some(least), _) => Some(format!("String must be no shorter than {least} characters")),
                    (_, Some(most)) => Some(format!("String must be no longer than {most} characters")),
                    _ if self.name == "birthdate" && value.parse::<Date>().is_err() => {
                        Some("Birthdate must have the format YYYY-MM-DD".to_owned())
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn validate(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::invalid("schema", message));
        let Self { name, data_type, .. } = self;
        if !matches!(data_type.as_str(), "String" | "Number" | "DateTime" | "Boolean") {
            return wrong(
                "Invalid AttributeDataType input, consider using the provided AttributeDataType enum."
                    .to_owned(),
            );
        }
        let custom = name.strip_prefix("custom:").or_else(|| name.strip_prefix("dev:"));
        if let Some(custom) = custom {
            if custom.is_empty() || custom.chars().count() > 20 {
                return wrong(format!("The name of {name} must have 1 to 20 characters."));
            }
            if self.required {
                return wrong("Required custom attributes are not supported currently.".to_owned());
            }
        } else if !self.is_standard() || BUILT_IN.contains(&name.as_str()) {
            return wrong(format!("{name} is no attribute that can be in a schema."));
        } else if STANDARD.iter().any(|known| *known == name && standard(known).data_type != *data_type) {
            return wrong(format!(
                "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute {name}"
            ));
        }
        let (minimum, maximum) = (self.minimum.as_deref(), self.maximum.as_deref());
        let bounds = [minimum, maximum].map(|bound| bound.map(str::parse::<i128>));
        let is_text = data_type == "String";
        match bounds {
            [Some(Err(_)), _] | [_, Some(Err(_))] => {
                wrong(format!("The bounds of {name} must be whole numbers."))
            }
            [Some(Ok(least)), Some(Ok(most))] if least > most => {
                wrong(format!("The minimum of {name} must not be above its maximum."))
            }
            [least, most] => {
                let is_length = |bound: i128| (0..=2048).contains(&bound);
                if is_text && ![least, most].into_iter().flatten().flatten().all(is_length) {
                    return wrong(format!("The length of {name} must be 0 to 2048."));
                }
                Ok(())
            }
        }
    }
}

impl UserPoolSettings {
    /// All attributes that a user may have here, the standard ones first.
    pub fn attributes(&self) -> Vec<SchemaAttribute> {
        let told = |name: &str| self.schema.iter().find(|attribute| attribute.name == name).cloned();
        let standard = STANDARD.into_iter().map(|name| told(name).unwrap_or_else(|| standard(name)));
        let custom = self.schema.iter().filter(|attribute| !attribute.is_standard()).cloned();
        standard.chain(custom).collect()
    }

    /// Refuses names of attributes that no user can have here.
    ///
    /// # Errors
    /// `InvalidInput("attributes")` in AWS' words.
    pub fn check_names(&self, names: &[String]) -> Result<()> {
        if names.iter().all(|name| self.attribute(name).is_some()) {
            return Ok(());
        }
        Err(Error::invalid("attributes", "One or more requested attributes do not exist."))
    }

    fn attribute(&self, name: &str) -> Option<SchemaAttribute> {
        let told = self.schema.iter().find(|attribute| attribute.name == name).cloned();
        told.or_else(|| STANDARD.into_iter().find(|known| *known == name).map(standard))
    }

    /// Holds the attributes that a user is to have, or that are to change, against the schema. An empty value
    /// takes an attribute away.
    ///
    /// What concerns the email address and telephone number beyond their length is for [`User`] to check.
    ///
    /// [`User`]: crate::user::User
    ///
    /// # Errors
    /// `InvalidInput("attributes")` in AWS' words.
    pub fn check_attributes(&self, attributes: &BTreeMap<String, String>, occasion: Occasion) -> Result<()> {
        let mut faults = Vec::new();
        for (name, value) in attributes {
            let Some(attribute) = self.attribute(name) else {
                faults.push(format!("{name}: Attribute does not exist in the schema."));
                continue;
            };
            // Nobody says them: the pool makes the one, and there is no federation to know the other.
            if matches!(name.as_str(), "sub" | "identities") {
                return Err(Error::invalid(
                    "attributes",
                    format!("Cannot modify the non-mutable attribute {name}"),
                ));
            }
            if occasion == Occasion::Change && !attribute.mutable {
                return Err(Error::invalid(
                    "attributes",
                    format!("user.{name}: Attribute cannot be updated."),
                ));
            }
            if value.is_empty() {
                if attribute.required {
                    faults.push(format!("{name}: The attribute is required"));
                }
            } else if let Some(fault) = attribute.fault(value) {
                faults.push(format!("{name}: {fault}"));
            }
        }
        if occasion == Occasion::Creation {
            let missing = self
                .schema
                .iter()
                .filter(|attribute| attribute.required && !attributes.contains_key(&attribute.name));
            faults.extend(missing.map(|attribute| format!("{}: The attribute is required", attribute.name)));
        }
        if faults.is_empty() {
            return Ok(());
        }
        let faults = faults.join("\n");
        Err(Error::invalid("attributes", format!("Attributes did not conform to the schema: {faults}")))
    }

    /// Refuses to let a user be without attributes that every user must have, or that never change.
    ///
    /// # Errors
    /// `InvalidInput("attributes")`.
    pub fn check_removal<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let without = names.into_iter().map(|name| (name.to_owned(), String::new())).collect();
        self.check_attributes(&without, Occasion::Change)
    }

    /// Checks a new pool's schema.
    pub(super) fn validate_schema(&self) -> Result<()> {
        let names: BTreeSet<_> = self.schema.iter().map(|attribute| &attribute.name).collect();
        if names.len() != self.schema.len() {
            return Err(Error::invalid("schema", "An attribute must not be in the schema twice."));
        }
        if self.schema.iter().filter(|attribute| !attribute.is_standard()).count() > MAXIMUM_CUSTOM {
            return Err(Error::invalid(
                "schema",
                format!("A pool can have {MAXIMUM_CUSTOM} custom attributes at most."),
            ));
        }
        self.schema.iter().try_for_each(SchemaAttribute::validate)
    }
}
