//! Amazon's types, read into Keyward's.

use std::collections::BTreeMap;

use aws_sdk_cognitoidentityprovider::operation::admin_get_user::AdminGetUserOutput;
use aws_sdk_cognitoidentityprovider::primitives::DateTime;
use aws_sdk_cognitoidentityprovider::types::{
    AttributeType, PasswordPolicyType, SchemaAttributeType, UserPoolMfaType, UserPoolType, UserStatusType,
    UserType,
};
use keyward_core::local_pool::factor::{MfaPreference, SecondFactor};
use keyward_core::local_pool::password::PasswordPolicy;
use keyward_core::remote_pool::{RemoteFilter, RemotePoolFacts, RemoteUser};
use keyward_core::user::UserStatus;
use keyward_core::user_pool::{Identifiers, MfaMode, SchemaAttribute, UserPoolSettings};

/// What no schema says anything of: Cognito's own business.
const BUILT_IN: [&str; 4] = ["sub", "email_verified", "phone_number_verified", "identities"];

pub(crate) fn one_user(answer: AdminGetUserOutput) -> RemoteUser {
    let factors = answer.user_mfa_setting_list.unwrap_or_default();
    let mut mfa = MfaPreference::default();
    for factor in SecondFactor::ALL {
        mfa.set(factor, factors.iter().any(|name| name == factor.as_str()));
    }
    let preferred = answer.preferred_mfa_setting.unwrap_or_default();
    mfa.preferred = SecondFactor::ALL.into_iter().find(|factor| factor.as_str() == preferred);
    RemoteUser {
        name: answer.username,
        attributes: attributes(answer.user_attributes),
        status: status(answer.user_status.as_ref()),
        enabled: answer.enabled,
        mfa: Some(mfa),
        created_at_ms: millis(answer.user_create_date),
        updated_at_ms: millis(answer.user_last_modified_date),
    }
}

pub(crate) fn user(user: UserType) -> RemoteUser {
    RemoteUser {
        name: user.username.unwrap_or_default(),
        attributes: attributes(user.attributes),
        status: status(user.user_status.as_ref()),
        enabled: user.enabled,
        mfa: None,
        created_at_ms: millis(user.user_create_date),
        updated_at_ms: millis(user.user_last_modified_date),
    }
}

pub(crate) fn pool(pool: UserPoolType) -> RemotePoolFacts {
    let policy = pool.policies.and_then(|policies| policies.password_policy);
    let is_required = |mfa: &UserPoolMfaType| match mfa {
        UserPoolMfaType::On => MfaMode::On,
        UserPoolMfaType::Optional => MfaMode::Optional,
        _ => MfaMode::Off,
    };
    let mfa = pool.mfa_configuration.as_ref().map_or(MfaMode::Off, is_required);
    let username_attributes = pool.username_attributes.unwrap_or_default();
    let alias_attributes = pool.alias_attributes.unwrap_or_default();
    let settings = UserPoolSettings {
        password_policy: policy.as_ref().map(password_policy).unwrap_or_default(),
        identifiers: Identifiers {
            case_sensitive: pool.username_configuration.is_some_and(|names| names.case_sensitive),
            username_attributes: username_attributes.iter().map(|name| name.as_str().to_owned()).collect(),
            alias_attributes: alias_attributes.iter().map(|name| name.as_str().to_owned()).collect(),
        },
        mfa,
        // Which ones there are takes another call; who has one switched on has one that the pool knows.
        software_token_mfa: mfa != MfaMode::Off,
        schema: pool.schema_attributes.unwrap_or_default().into_iter().filter_map(schema_attribute).collect(),
        ..UserPoolSettings::default()
    };
    RemotePoolFacts { name: pool.name.unwrap_or_default(), settings }
}

/// As Cognito takes it
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/how-to-manage-user-accounts.html>).
pub(crate) fn filter(RemoteFilter { attribute, value, is_prefix }: RemoteFilter<'_>) -> String {
    let operator = if is_prefix { "^=" } else { "=" };
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    format!("{attribute} {operator} \"{value}\"")
}

fn password_policy(policy: &PasswordPolicyType) -> PasswordPolicy {
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    let default = PasswordPolicy::default();
    PasswordPolicy {
        minimum_length: number(policy.minimum_length).unwrap_or(default.minimum_length),
        require_uppercase: policy.require_uppercase,
        require_lowercase: policy.require_lowercase,
        require_numbers: policy.require_numbers,
        require_symbols: policy.require_symbols,
        temporary_validity_days: u32::try_from(policy.temporary_password_validity_days).unwrap_or_default(),
        history_size: number(policy.password_history_size).unwrap_or_default(),
        refuses_common: false,
    }
}

fn schema_attribute(attribute: SchemaAttributeType) -> Option<SchemaAttribute> {
    let name = attribute.name.filter(|name| !BUILT_IN.contains(&name.as_str()))?;
    let texts = attribute.string_attribute_constraints;
    let numbers = attribute.number_attribute_constraints;
    let (least, most) = match (texts, numbers) {
        (Some(texts), _) => (texts.min_length, texts.max_length),
        (None, Some(numbers)) => (numbers.min_value, numbers.max_value),
        (None, None) => (None, None),
    };
    Some(SchemaAttribute {
        name,
        data_type: attribute.attribute_data_type.map_or("String".to_owned(), |kind| kind.as_str().to_owned()),
        mutable: attribute.mutable.unwrap_or(true),
        required: attribute.required.unwrap_or(false),
        minimum: least,
        maximum: most,
    })
}

fn attributes(attributes: Option<Vec<AttributeType>>) -> BTreeMap<String, String> {
    let named = |attribute: AttributeType| (attribute.name, attribute.value.unwrap_or_default());
    attributes.unwrap_or_default().into_iter().map(named).collect()
}

/// A status that no sign-in comes of is as if the account weren't confirmed.
fn status(status: Option<&UserStatusType>) -> UserStatus {
    match status {
        Some(UserStatusType::Confirmed | UserStatusType::ExternalProvider) => UserStatus::Confirmed,
        Some(UserStatusType::ForceChangePassword) => UserStatus::ForceChangePassword,
        Some(UserStatusType::ResetRequired) => UserStatus::ResetRequired,
        _ => UserStatus::Unconfirmed,
    }
}

fn millis(moment: Option<DateTime>) -> i64 {
    moment.and_then(|moment| moment.to_millis().ok()).unwrap_or_default()
}
