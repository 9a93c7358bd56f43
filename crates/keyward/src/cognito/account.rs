//! The account of whoever shows an access token: `GetUser`, `UpdateUserAttributes`, `DeleteUserAttributes`,
//! `GetUserAttributeVerificationCode`, `VerifyUserAttribute`, `DeleteUser`, `GlobalSignOut`.

use std::collections::BTreeMap;

use keyward_core::caller::Origin;
use keyward_core::code::CodeDelivery;
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::factor::SecondFactor;
use keyward_core::message::Channel;
use keyward_core::secret::Secret;
use keyward_core::user::User;
use serde::{Deserialize, Serialize};

use crate::cognito::fault::Fault;
use crate::cognito::users::NamedValue;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Bearer {
    pub(super) access_token: Secret,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateAttributes {
    access_token: Secret,
    user_attributes: Vec<NamedValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CodesSent {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    code_delivery_details_list: Vec<CodeDeliveryDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteAttributes {
    access_token: Secret,
    user_attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendAttributeCode {
    access_token: Secret,
    attribute_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VerifyAttribute {
    access_token: Secret,
    attribute_name: String,
    code: Secret,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetUserAnswer {
    username: String,
    user_attributes: Vec<Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_mfa_setting: Option<&'static str>,
    #[serde(rename = "UserMFASettingList", skip_serializing_if = "<[_]>::is_empty")]
    user_mfa_setting_list: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attribute {
    pub(super) name: String,
    value: String,
}

/// An answer that says where a code went.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CodeSent {
    code_delivery_details: CodeDeliveryDetails,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CodeDeliveryDetails {
    attribute_name: &'static str,
    delivery_medium: &'static str,
    destination: String,
}

impl From<CodeDelivery> for CodeSent {
    fn from(delivery: CodeDelivery) -> Self {
        Self { code_delivery_details: delivery.into() }
    }
}

impl From<CodeDelivery> for CodeDeliveryDetails {
    fn from(delivery: CodeDelivery) -> Self {
        let (attribute_name, delivery_medium) = match delivery.channel {
            Channel::Sms => ("phone_number", "SMS"),
            Channel::Email | Channel::Nowhere => ("email", "EMAIL"),
        };
        Self { attribute_name, delivery_medium, destination: delivery.masked }
    }
}

/// An answer without members.
#[derive(Serialize)]
pub(super) struct Nothing {}

pub(super) async fn get_user(keyward: &Keyward, _: &Origin, input: Bearer) -> Result<GetUserAnswer, Fault> {
    let (user, readable) = keyward.own_attributes(&input.access_token).await?;
    Ok(GetUserAnswer {
        user_attributes: with_sub(&user, readable),
        preferred_mfa_setting: preferred_factor(&user),
        user_mfa_setting_list: factors(&user),
        username: user.username,
    })
}

/// All that is known of the user, the `sub` first.
pub(super) fn attributes(user: &User) -> Vec<Attribute> {
    with_sub(user, user.all_attributes())
}

fn with_sub(user: &User, attributes: BTreeMap<String, String>) -> Vec<Attribute> {
    let sub = ("sub".to_owned(), user.id.clone());
    std::iter::once(sub).chain(attributes).map(|(name, value)| Attribute { name, value }).collect()
}

/// The second factor that signing in asks for first.
pub(super) fn preferred_factor(user: &User) -> Option<&'static str> {
    user.mfa_preference.preferred.map(SecondFactor::as_str)
}

/// The second factors that are on.
pub(super) fn factors(user: &User) -> Vec<&'static str> {
    user.mfa_preference.enabled().map(SecondFactor::as_str).collect()
}

pub(super) async fn global_sign_out(
    keyward: &Keyward,
    origin: &Origin,
    input: Bearer,
) -> Result<Nothing, Fault> {
    keyward.sign_out_everywhere(origin, &input.access_token).await?;
    Ok(Nothing {})
}

pub(super) async fn update_attributes(
    keyward: &Keyward,
    origin: &Origin,
    input: UpdateAttributes,
) -> Result<CodesSent, Fault> {
    let given = input.user_attributes.into_iter();
    let attributes = given.map(|given| (given.name, given.value.unwrap_or_default())).collect();
    let sent = keyward.update_own_attributes(origin, &input.access_token, attributes).await?;
    Ok(CodesSent { code_delivery_details_list: sent.into_iter().map(CodeDeliveryDetails::from).collect() })
}

pub(super) async fn delete_attributes(
    keyward: &Keyward,
    origin: &Origin,
    input: DeleteAttributes,
) -> Result<Nothing, Fault> {
    keyward.delete_own_attributes(origin, &input.access_token, input.user_attribute_names).await?;
    Ok(Nothing {})
}

pub(super) async fn send_attribute_code(
    keyward: &Keyward,
    origin: &Origin,
    input: SendAttributeCode,
) -> Result<CodeSent, Fault> {
    Ok(keyward.send_attribute_code(origin, &input.access_token, &input.attribute_name).await?.into())
}

pub(super) async fn verify_attribute(
    keyward: &Keyward,
    origin: &Origin,
    input: VerifyAttribute,
) -> Result<Nothing, Fault> {
    keyward.verify_attribute(origin, &input.access_token, &input.attribute_name, &input.code).await?;
    Ok(Nothing {})
}

pub(super) async fn delete_user(keyward: &Keyward, origin: &Origin, input: Bearer) -> Result<Nothing, Fault> {
    keyward.delete_own_account(origin, &input.access_token).await?;
    Ok(Nothing {})
}
