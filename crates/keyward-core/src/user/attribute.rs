//! Changes of a user's attributes, by Cognito's names.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::user::{User, email_address};
use crate::user_pool::{Occasion, UserPoolSettings};

/// What is to become of attributes: a value, or none.
pub type AttributeChanges = BTreeMap<String, Option<String>>;

impl User {
    /// Makes these changes, all or none. An address whose value changes counts as unproven, unless they say
    /// that it is.
    ///
    /// # Errors
    /// `InvalidInput("attributes")` in AWS' words.
    pub(crate) fn change_attributes(
        &mut self,
        changes: &AttributeChanges,
        settings: &UserPoolSettings,
        occasion: Occasion,
    ) -> Result<()> {
        let values = changes.iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()));
        settings.check_attributes(&values.collect(), occasion)?;
        let mut user = self.clone();
        for (name, value) in changes {
            user.set_attribute(name, value.as_deref())?;
        }
        *self = user;
        Ok(())
    }

    fn set_attribute(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let wrong = |message: &'static str| Err(Error::invalid("attributes", message));
        let is_true = value.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        match name {
            "email" => {
                let email = value.map(str::to_owned);
                if email.as_deref().is_some_and(|email| email_address("email", email).is_err()) {
                    return wrong("Invalid email address format.");
                }
                self.email_verified = self.email_verified && self.email == email;
                self.email = email;
            }
            "phone_number" => {
                let phone = value.map(str::to_owned);
                if phone.as_deref().is_some_and(|phone| !is_phone_number(phone)) {
                    return wrong("Invalid phone number format.");
                }
                self.phone_verified = self.phone_verified && self.phone == phone;
                self.phone = phone;
            }
            "email_verified" if value.is_some() && self.email.is_none() => {
                return wrong("Email is required to verify/un-verify an email");
            }
            "email_verified" => self.email_verified = is_true,
            "phone_number_verified" if value.is_some() && self.phone.is_none() => {
                return wrong("Phone Number is required to verify/un-verify a phone number");
            }
            "phone_number_verified" => self.phone_verified = is_true,
            _ if value.is_some_and(|value| value.contains('\0')) => {
                return wrong("An attribute must not have the character NUL in it.");
            }
            _ => match value {
                Some(value) => drop(self.attributes.insert(name.to_owned(), value.to_owned())),
                None => drop(self.attributes.remove(name)),
            },
        }
        Ok(())
    }
}

/// Whether it is a telephone number in E.164 (<https://www.itu.int/rec/T-REC-E.164>): `+` and at most 15 digits.
pub(crate) fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
