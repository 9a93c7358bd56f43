//! Pools of users, made and changed: `CreateUserPool` and its like.

use std::collections::BTreeMap;

use keyward_core::caller::Caller;
use keyward_core::error::{Code, Error};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::password::PasswordPolicy;
use keyward_core::page::Cursor;
use keyward_core::user_pool::{
    FirstFactor, Identifiers, MessageTexts, Messages, MfaMode, NewUserPool, RecoveryMechanism,
    SchemaAttribute, UserPool, UserPoolSettings,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::cognito::account::Nothing;
use crate::cognito::fault::Fault;
use crate::cognito::input::remove_nulls;
use crate::cognito::users::epoch_seconds;

/// The account of a pool's ARN: there is none.
const ACCOUNT: &str = "000000000000";
/// What is kept as it came, and has no effect here.
const KEPT: [&str; 8] = [
    "DcrConfiguration",
    "DeviceConfiguration",
    "EmailConfiguration",
    "IssuerConfiguration",
    "KeyConfiguration",
    "SmsConfiguration",
    "UserPoolAddOns",
    "UserPoolTier",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateUserPool {
    pool_name: String,
    #[serde(default)]
    alias_attributes: Vec<String>,
    #[serde(default)]
    username_attributes: Vec<String>,
    username_configuration: Option<UsernameConfiguration>,
    #[serde(default)]
    schema: Vec<WireAttribute>,
    #[serde(flatten)]
    members: PoolMembers,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateUserPool {
    user_pool_id: String,
    pool_name: Option<String>,
    #[serde(flatten)]
    members: PoolMembers,
}

/// What both a new pool and a changed one are told.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct PoolMembers {
    policies: Policies,
    deletion_protection: Option<String>,
    auto_verified_attributes: Vec<String>,
    sms_verification_message: Option<String>,
    email_verification_message: Option<String>,
    email_verification_subject: Option<String>,
    verification_message_template: VerificationTemplate,
    sms_authentication_message: Option<String>,
    mfa_configuration: Option<MfaMode>,
    user_attribute_update_settings: UpdateSettings,
    user_pool_tags: BTreeMap<String, String>,
    admin_create_user_config: AdminCreateUserConfig,
    account_recovery_setting: RecoverySetting,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Policies {
    password_policy: Option<WirePasswordPolicy>,
    sign_in_policy: SignInPolicy,
}

/// What isn't said in a policy that is given isn't required.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "the model has them")]
struct WirePasswordPolicy {
    minimum_length: Option<u32>,
    require_uppercase: bool,
    require_lowercase: bool,
    require_numbers: bool,
    require_symbols: bool,
    password_history_size: u32,
    temporary_password_validity_days: u32,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct SignInPolicy {
    allowed_first_auth_factors: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct VerificationTemplate {
    sms_message: Option<String>,
    email_message: Option<String>,
    email_subject: Option<String>,
    email_message_by_link: Option<String>,
    email_subject_by_link: Option<String>,
    default_email_option: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct UpdateSettings {
    attributes_require_verification_before_update: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct AdminCreateUserConfig {
    allow_admin_create_user_only: Option<bool>,
    unused_account_validity_days: u32,
    invite_message_template: InviteTemplate,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct InviteTemplate {
    #[serde(rename = "SMSMessage")]
    sms_message: Option<String>,
    email_message: Option<String>,
    email_subject: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct RecoverySetting {
    recovery_mechanisms: Vec<Recovery>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Recovery {
    priority: u8,
    name: RecoveryMechanism,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UsernameConfiguration {
    case_sensitive: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AddCustomAttributes {
    user_pool_id: String,
    custom_attributes: Vec<WireAttribute>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct WireAttribute {
    name: String,
    #[serde(default = "text")]
    attribute_data_type: String,
    #[serde(default)]
    developer_only_attribute: bool,
    #[serde(default = "yes")]
    mutable: bool,
    #[serde(default)]
    required: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    number_attribute_constraints: Option<NumberConstraints>,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_attribute_constraints: Option<StringConstraints>,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "PascalCase")]
struct NumberConstraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    min_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_value: Option<String>,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "PascalCase")]
struct StringConstraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    min_length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfPool {
    pub(super) user_pool_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PoolAnswer {
    user_pool: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListUserPools {
    max_results: usize,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PoolList {
    user_pools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

fn text() -> String {
    "String".to_owned()
}

fn yes() -> bool {
    true
}

pub(super) async fn create(
    keyward: &Keyward,
    caller: &Caller,
    input: CreateUserPool,
) -> Result<PoolAnswer, Fault> {
    let mut settings = input.members.settings(UserPoolSettings::default())?;
    settings.identifiers = Identifiers {
        case_sensitive: input.username_configuration.is_none_or(|configuration| configuration.case_sensitive),
        username_attributes: input.username_attributes,
        alias_attributes: input.alias_attributes,
    };
    settings.schema = input.schema.into_iter().map(|attribute| attribute.into_schema(false)).collect();
    let new = NewUserPool { region: caller.origin.region.clone(), name: input.pool_name, settings };
    let pool = keyward.create_user_pool(caller, new).await.map_err(limit_exceeded)?;
    Ok(PoolAnswer { user_pool: described(&pool, 0) })
}

pub(super) async fn describe(keyward: &Keyward, caller: &Caller, input: OfPool) -> Result<PoolAnswer, Fault> {
    let pool = keyward.described_user_pool(caller, &input.user_pool_id).await?;
    let accounts = keyward.count_accounts(caller, &pool.id).await?;
    Ok(PoolAnswer { user_pool: described(&pool, accounts) })
}

pub(super) async fn update(
    keyward: &Keyward,
    caller: &Caller,
    input: UpdateUserPool,
) -> Result<Nothing, Fault> {
    let (id, name) = (&input.user_pool_id, input.pool_name.as_deref());
    // What nobody says of the home pool must not open it to strangers, nor to passwords alone.
    let is_home = id == keyward.local_pool().id();
    let base = if is_home { UserPoolSettings::of_home() } else { UserPoolSettings::default() };
    let settings = input.members.settings(base)?;
    let updated = keyward.update_user_pool(caller, id, name, settings).await;
    updated.map_err(concurrent_modification)?;
    Ok(Nothing {})
}

pub(super) async fn delete(keyward: &Keyward, caller: &Caller, input: OfPool) -> Result<Nothing, Fault> {
    keyward.delete_user_pool(caller, &input.user_pool_id, None).await?;
    Ok(Nothing {})
}

pub(super) async fn add_attributes(
    keyward: &Keyward,
    caller: &Caller,
    input: AddCustomAttributes,
) -> Result<Nothing, Fault> {
    let attributes = input.custom_attributes.into_iter().map(|attribute| attribute.into_schema(true));
    keyward.add_pool_attributes(caller, &input.user_pool_id, attributes.collect()).await?;
    Ok(Nothing {})
}

pub(super) async fn list(
    keyward: &Keyward,
    caller: &Caller,
    input: ListUserPools,
) -> Result<PoolList, Fault> {
    let page = cursor(input.max_results, input.next_token.as_deref())?;
    let pools = keyward.user_pools(caller, &page).await?;
    let description = |pool: &UserPool| {
        json!({
            "Id": pool.id,
            "Name": pool.name,
            "LambdaConfig": {},
            "LastModifiedDate": epoch_seconds(pool.updated_at_ms),
            "CreationDate": epoch_seconds(pool.created_at_ms),
        })
    };
    Ok(PoolList { user_pools: pools.items.iter().map(description).collect(), next_token: pools.next })
}

/// Where a page begins, and how long it is.
pub(super) fn cursor(limit: usize, token: Option<&str>) -> Result<Cursor, Error> {
    let invalid = |_| Error::invalid("NextToken", "Invalid pagination token given.");
    Cursor::new(Some(limit), token).map_err(invalid)
}

/// There are as many as there may be.
pub(super) fn limit_exceeded(error: Error) -> Fault {
    if error.code == Code::Conflict { Fault::Named("LimitExceededException", error) } else { error.into() }
}

/// Another change came first.
pub(super) fn concurrent_modification(error: Error) -> Fault {
    if error.is_changed_meanwhile() {
        Fault::Named("ConcurrentModificationException", error)
    } else {
        error.into()
    }
}

impl PoolMembers {
    /// The settings; what isn't said is as in `base`.
    fn settings(mut self, base: UserPoolSettings) -> Result<UserPoolSettings, Fault> {
        self.refuse_what_would_be_a_lie()?;
        let others = std::mem::take(&mut self.others);
        let mut kept: Map<String, Value> =
            others.into_iter().filter(|(name, _)| KEPT.contains(&name.as_str())).collect();
        let template = self.verification_message_template;
        for (name, text) in [
            ("EmailMessageByLink", template.email_message_by_link),
            ("EmailSubjectByLink", template.email_subject_by_link),
        ] {
            kept.extend(text.map(|text| (name.to_owned(), text.into())));
        }
        let config = self.admin_create_user_config;
        let invitation = config.invite_message_template;
        let mut recovery = self.account_recovery_setting.recovery_mechanisms;
        recovery.sort_by_key(|mechanism| mechanism.priority);
        let mfa = self.mfa_configuration.unwrap_or(base.mfa);
        Ok(UserPoolSettings {
            password_policy: password_policy(
                self.policies.password_policy,
                config.unused_account_validity_days,
            ),
            first_factors: first_factors(&self.policies.sign_in_policy.allowed_first_auth_factors)?,
            mfa,
            sms_mfa: mfa != MfaMode::Off && kept.contains_key("SmsConfiguration"),
            admin_create_only: config.allow_admin_create_user_only.unwrap_or(base.admin_create_only),
            deletion_protection: self
                .deletion_protection
                .map_or(base.deletion_protection, |word| word == "ACTIVE"),
            auto_verified: self.auto_verified_attributes,
            verified_before_update: self
                .user_attribute_update_settings
                .attributes_require_verification_before_update,
            recovery_mechanisms: recovery.iter().map(|mechanism| mechanism.name).collect(),
            messages: Messages {
                verification: MessageTexts {
                    email_subject: template.email_subject.or(self.email_verification_subject),
                    email_body: template.email_message.or(self.email_verification_message),
                    sms: template.sms_message.or(self.sms_verification_message),
                },
                invitation: MessageTexts {
                    email_subject: invitation.email_subject,
                    email_body: invitation.email_message,
                    sms: invitation.sms_message,
                },
                sms_authentication: self.sms_authentication_message,
            },
            tags: self.user_pool_tags,
            kept,
            ..base
        })
    }

    /// Refuses what somebody would rely on, and nothing here does.
    fn refuse_what_would_be_a_lie(&self) -> Result<(), Fault> {
        let at = |pointer: &str| {
            let (name, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
            let value = self.others.get(name)?;
            if rest.is_empty() { Some(value) } else { value.pointer(&format!("/{rest}")) }
        };
        let is_given = |name: &str| {
            at(name).is_some_and(|value| value.as_object().is_none_or(|members| !members.is_empty()))
        };
        let invalid = |message: &'static str| Err(Error::new(Code::Unsupported, message).into());
        if is_given("LambdaConfig") {
            return invalid("Keyward calls no Lambda triggers; leave LambdaConfig out.");
        }
        if is_given("AcrConfiguration") {
            return invalid("Keyward knows no authentication context classes; leave AcrConfiguration out.");
        }
        let is = |pointer: &str, word: &str| at(pointer).and_then(Value::as_str) == Some(word);
        if is("KeyConfiguration/KeyType", "CUSTOMER_MANAGED_KEY") {
            return invalid("Keyward seals secrets under its own master key; leave KeyConfiguration out.");
        }
        if is("DcrConfiguration/EnableStatus", "Enabled") {
            return invalid("Keyward lets no clients register themselves; leave DcrConfiguration out.");
        }
        if self.verification_message_template.default_email_option.as_deref() == Some("CONFIRM_WITH_LINK") {
            return invalid("Keyward confirms by codes alone; take CONFIRM_WITH_CODE.");
        }
        let modes = [
            "UserPoolAddOns/AdvancedSecurityMode",
            "UserPoolAddOns/AdvancedSecurityAdditionalFlows/CustomAuthMode",
        ];
        if modes.iter().any(|mode| is(mode, "ENFORCED")) {
            let message = "Keyward has no threat protection that could be enforced; take OFF.";
            return Err(Fault::Named(
                "FeatureUnavailableInTierException",
                Error::new(Code::Unsupported, message),
            ));
        }
        Ok(())
    }
}

fn password_policy(given: Option<WirePasswordPolicy>, unused_days: u32) -> PasswordPolicy {
    let default = PasswordPolicy::default();
    let Some(given) = given else {
        let days = if unused_days == 0 { default.temporary_validity_days } else { unused_days };
        return PasswordPolicy { temporary_validity_days: days, ..default };
    };
    // The older setting counts while the newer one isn't said; 0 is as if it weren't.
    let days = [given.temporary_password_validity_days, unused_days, default.temporary_validity_days];
    PasswordPolicy {
        minimum_length: given.minimum_length.unwrap_or(default.minimum_length),
        require_uppercase: given.require_uppercase,
        require_lowercase: given.require_lowercase,
        require_numbers: given.require_numbers,
        require_symbols: given.require_symbols,
        temporary_validity_days: days.into_iter().find(|days| *days > 0).unwrap_or_default(),
        history_size: given.password_history_size,
        refuses_common: default.refuses_common,
    }
}

fn first_factors(names: &[String]) -> Result<Vec<FirstFactor>, Error> {
    let factor = |name: &String| {
        serde_json::from_value(json!(name)).map_err(|_| {
            Error::invalid(
                "AllowedFirstAuthFactors",
                format!("{name} is not currently supported as a first auth factor."),
            )
        })
    };
    names.iter().map(factor).collect()
}

impl WireAttribute {
    /// Of a custom attribute when `is_custom`; else it may be a standard one, which is told by its name.
    fn into_schema(self, is_custom: bool) -> SchemaAttribute {
        let (minimum, maximum) = match (self.number_attribute_constraints, self.string_attribute_constraints)
        {
            (Some(number), _) if self.attribute_data_type == "Number" => (number.min_value, number.max_value),
            (_, Some(text)) if self.attribute_data_type == "String" => (text.min_length, text.max_length),
            _ => (None, None),
        };
        let is_standard = !is_custom && SchemaAttribute::is_standard_name(&self.name);
        let name = match (self.developer_only_attribute, is_standard) {
            (true, _) => format!("dev:{}", self.name),
            (false, false) => format!("custom:{}", self.name),
            (false, true) => self.name,
        };
        SchemaAttribute {
            name,
            data_type: self.attribute_data_type,
            mutable: self.mutable,
            required: self.required,
            minimum,
            maximum,
        }
    }
}

impl From<SchemaAttribute> for WireAttribute {
    fn from(attribute: SchemaAttribute) -> Self {
        let (minimum, maximum) = (attribute.minimum.clone(), attribute.maximum.clone());
        let is = |data_type: &str| attribute.data_type == data_type;
        Self {
            number_attribute_constraints: is("Number")
                .then(|| NumberConstraints { min_value: minimum.clone(), max_value: maximum.clone() }),
            string_attribute_constraints: is("String")
                .then_some(StringConstraints { min_length: minimum, max_length: maximum }),
            developer_only_attribute: attribute.is_developer_only(),
            name: attribute.name,
            attribute_data_type: attribute.data_type,
            mutable: attribute.mutable,
            required: attribute.required,
        }
    }
}

/// The ARN of a pool.
pub(super) fn arn(pool_id: &str) -> String {
    let region = pool_id.split('_').next().unwrap_or_default();
    format!("arn:aws:cognito-idp:{region}:{ACCOUNT}:userpool/{pool_id}")
}

/// A pool as AWS describes it.
fn described(pool: &UserPool, accounts: i64) -> Value {
    let UserPoolSettings { password_policy: policy, identifiers, messages, kept, .. } = &pool.settings;
    let settings = &pool.settings;
    let (verification, invitation) = (&messages.verification, &messages.invitation);
    let filled = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let recovery = settings.recovery_mechanisms.iter().zip(1..);
    let recovery: Vec<_> = recovery.map(|(&name, priority)| Recovery { priority, name }).collect();
    let schema: Vec<_> = settings.attributes().into_iter().map(WireAttribute::from).collect();
    let invite_template = (*invitation != MessageTexts::default()).then(|| {
        json!({
            "SMSMessage": invitation.sms,
            "EmailMessage": invitation.email_body,
            "EmailSubject": invitation.email_subject,
        })
    });
    let mut described = json!({
        "Id": pool.id,
        "Name": pool.name,
        "Policies": {
            "PasswordPolicy": {
                "MinimumLength": policy.minimum_length,
                "RequireUppercase": policy.require_uppercase,
                "RequireLowercase": policy.require_lowercase,
                "RequireNumbers": policy.require_numbers,
                "RequireSymbols": policy.require_symbols,
                "PasswordHistorySize": (policy.history_size > 0).then_some(policy.history_size),
                "TemporaryPasswordValidityDays": policy.temporary_validity_days,
            },
            "SignInPolicy": { "AllowedFirstAuthFactors": settings.first_factors() },
        },
        "DeletionProtection": if settings.deletion_protection { "ACTIVE" } else { "INACTIVE" },
        "LambdaConfig": {},
        "LastModifiedDate": epoch_seconds(pool.updated_at_ms),
        "CreationDate": epoch_seconds(pool.created_at_ms),
        "SchemaAttributes": schema,
        "AutoVerifiedAttributes": filled(&settings.auto_verified),
        "AliasAttributes": filled(&identifiers.alias_attributes),
        "UsernameAttributes": filled(&identifiers.username_attributes),
        "SmsVerificationMessage": verification.sms,
        "EmailVerificationMessage": verification.email_body,
        "EmailVerificationSubject": verification.email_subject,
        "VerificationMessageTemplate": {
            "SmsMessage": verification.sms,
            "EmailMessage": verification.email_body,
            "EmailSubject": verification.email_subject,
            "EmailMessageByLink": kept.get("EmailMessageByLink"),
            "EmailSubjectByLink": kept.get("EmailSubjectByLink"),
            "DefaultEmailOption": "CONFIRM_WITH_CODE",
        },
        "SmsAuthenticationMessage": messages.sms_authentication,
        "UserAttributeUpdateSettings": {
            "AttributesRequireVerificationBeforeUpdate": settings.verified_before_update,
        },
        "MfaConfiguration": settings.mfa,
        "EstimatedNumberOfUsers": accounts,
        "EmailConfiguration": { "EmailSendingAccount": "COGNITO_DEFAULT" },
        "UserPoolTags": settings.tags,
        "AdminCreateUserConfig": {
            "AllowAdminCreateUserOnly": settings.admin_create_only,
            "UnusedAccountValidityDays": policy.temporary_validity_days,
            "InviteMessageTemplate": invite_template,
        },
        "UsernameConfiguration": { "CaseSensitive": identifiers.case_sensitive },
        "Arn": arn(&pool.id),
        "AccountRecoverySetting":
            (!recovery.is_empty()).then(|| json!({ "RecoveryMechanisms": recovery })),
        "UserPoolTier": "ESSENTIALS",
    });
    if let Some(members) = described.as_object_mut() {
        let kept = kept.iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
        members.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
    }
    remove_nulls(&mut described);
    described
}
