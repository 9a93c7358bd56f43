//! What the service model demands of inputs, and how it is said: through the router, as a client sees it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use keyward::cognito::{MODEL, OPERATIONS, SIGNED_OPERATIONS};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::cognito_support::example_input;
use crate::support::App;

/// The good input, with these members put in; null takes one out.
fn with(changes: &Value) -> Value {
    let mut input = example_input();
    input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    input
}

const POOL_ID: &str = r"Member must satisfy regular expression pattern: [\w-]+_[0-9a-zA-Z]+";
const NAME: &str = r"Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+";
const NOT_NULL: &str = "Member must not be null";

fn at_least(least: u32) -> String {
    format!("Member must have length greater than or equal to {least}")
}

fn at_most(most: u32) -> String {
    format!("Member must have length less than or equal to {most}")
}

fn pattern(pattern: &str) -> String {
    format!("Member must satisfy regular expression pattern: {pattern}")
}

fn enumeration(words: &str) -> String {
    format!("Member must satisfy enum value set: [{words}]")
}

/// An operation, what is changed in its input, and what is said of it: `Value '61' at 'limit'` and the
/// constraint, for each fault.
type Case = (&'static str, Value, Vec<(String, String)>);

fn one(
    operation: &'static str,
    changes: Value,
    place: impl Into<String>,
    constraint: impl Into<String>,
) -> Case {
    (operation, changes, vec![(place.into(), constraint.into())])
}

fn many(operation: &'static str, changes: Value, faults: &[(&str, &str)]) -> Case {
    let faults = faults.iter().map(|(place, constraint)| ((*place).to_owned(), (*constraint).to_owned()));
    (operation, changes, faults.collect())
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let long = |count: usize| "a".repeat(count);
    let sink = json!({ "LogLevel": "INFO", "EventSource": "userNotification" });
    vec![
        // What is missing.
        one("AdminGetUser", json!({ "UserPoolId": null }), "Value null at 'userPoolId'", NOT_NULL),
        one("AdminGetUser", json!({ "Username": null }), "Value null at 'username'", NOT_NULL),
        many(
            "AdminAddUserToGroup",
            json!({ "UserPoolId": null, "Username": null, "GroupName": null }),
            &[
                ("Value null at 'userPoolId'", NOT_NULL),
                ("Value null at 'username'", NOT_NULL),
                ("Value null at 'groupName'", NOT_NULL),
            ],
        ),
        one("ListUserPools", json!({ "MaxResults": null }), "Value null at 'maxResults'", NOT_NULL),
        one("CreateUserPool", json!({ "PoolName": null }), "Value null at 'poolName'", NOT_NULL),
        one("SetUserSettings", json!({ "MFAOptions": null }), "Value null at 'mFAOptions'", NOT_NULL),
        one(
            "CompleteWebAuthnRegistration",
            json!({ "Credential": null }),
            "Value null at 'credential'",
            NOT_NULL,
        ),
        one("TagResource", json!({ "Tags": null }), "Value null at 'tags'", NOT_NULL),
        // What is missing further in.
        one(
            "AdminCreateUser",
            json!({ "UserAttributes": [{ "Name": "email" }, { "Value": "x" }] }),
            "Value null at 'userAttributes.2.member.name'",
            NOT_NULL,
        ),
        one(
            "UpdateUserAttributes",
            json!({ "UserAttributes": [null] }),
            "Value null at 'userAttributes.1.member'",
            NOT_NULL,
        ),
        one(
            "AdminDeleteUserAttributes",
            json!({ "UserAttributeNames": ["email", null] }),
            "Value null at 'userAttributeNames.2.member'",
            NOT_NULL,
        ),
        one(
            "CreateUserPool",
            json!({ "LambdaConfig": { "CustomSMSSender": { "LambdaVersion": "V1_0" } } }),
            "Value null at 'lambdaConfig.customSMSSender.lambdaArn'",
            NOT_NULL,
        ),
        one(
            "CreateUserPool",
            json!({ "AcrConfiguration": { "Level1": {} } }),
            "Value null at 'acrConfiguration.Level1.member.acrValue'",
            NOT_NULL,
        ),
        one(
            "SetRiskConfiguration",
            json!({ "AccountTakeoverRiskConfiguration": { "Actions": { "LowAction": { "Notify": true } } } }),
            "Value null at 'accountTakeoverRiskConfiguration.actions.lowAction.eventAction'",
            NOT_NULL,
        ),
        one(
            "AdminInitiateAuth",
            json!({ "ContextData": { "IpAddress": "::1", "ServerName": "x", "ServerPath": "/" } }),
            "Value null at 'contextData.httpHeaders'",
            NOT_NULL,
        ),
        one(
            "SetUserPoolSessionConfiguration",
            json!({ "TokenSession": {} }),
            "Value null at 'tokenSession.maxPerUser'",
            NOT_NULL,
        ),
        // Numbers.
        one(
            "ListUsers",
            json!({ "Limit": 61 }),
            "Value '61' at 'limit'",
            "Member must have value less than or equal to 60",
        ),
        one(
            "ListUsers",
            json!({ "Limit": -1 }),
            "Value '-1' at 'limit'",
            "Member must have value greater than or equal to 0",
        ),
        one(
            "ListUserPools",
            json!({ "MaxResults": 0 }),
            "Value '0' at 'maxResults'",
            "Member must have value greater than or equal to 1",
        ),
        one(
            "ListResourceServers",
            json!({ "MaxResults": 51 }),
            "Value '51' at 'maxResults'",
            "Member must have value less than or equal to 50",
        ),
        one(
            "ListWebAuthnCredentials",
            json!({ "MaxResults": 21 }),
            "Value '21' at 'maxResults'",
            "Member must have value less than or equal to 20",
        ),
        one(
            "CreateGroup",
            json!({ "Precedence": -7 }),
            "Value '-7' at 'precedence'",
            "Member must have value greater than or equal to 0",
        ),
        one(
            "CreateUserPool",
            json!({ "Policies": { "PasswordPolicy": { "MinimumLength": 5 } } }),
            "Value '5' at 'policies.passwordPolicy.minimumLength'",
            "Member must have value greater than or equal to 6",
        ),
        one(
            "CreateUserPoolClient",
            json!({ "AuthSessionValidity": 16 }),
            "Value '16' at 'authSessionValidity'",
            "Member must have value less than or equal to 15",
        ),
        one(
            "UpdateUserPoolClient",
            json!({ "RefreshTokenRotation": { "Feature": "ENABLED", "RetryGracePeriodSeconds": 61 } }),
            "Value '61' at 'refreshTokenRotation.retryGracePeriodSeconds'",
            "Member must have value less than or equal to 60",
        ),
        // Lengths.
        one(
            "AdminGetUser",
            json!({ "UserPoolId": format!("x_{}", long(54)) }),
            format!("Value 'x_{}' at 'userPoolId'", long(54)),
            at_most(55),
        ),
        one("AdminGetUser", json!({ "Username": long(129) }), "Value at 'username'", at_most(128)),
        one("AdminSetUserPassword", json!({ "Password": long(257) }), "Value at 'password'", at_most(256)),
        one("VerifySoftwareToken", json!({ "UserCode": "12345" }), "Value at 'userCode'", at_least(6)),
        one("InitiateAuth", json!({ "Session": long(19) }), "Value at 'session'", at_least(20)),
        one("AdminInitiateAuth", json!({ "Session": long(4097) }), "Value at 'session'", at_most(4096)),
        one(
            "ListUsers",
            json!({ "Filter": long(512) }),
            format!("Value '{}' at 'filter'", long(512)),
            at_most(256),
        ),
        one("ListUsers", json!({ "Filter": long(513) }), "Value at 'filter'", at_most(256)),
        one("CreateGroup", json!({ "Description": long(2049) }), "Value at 'description'", at_most(2048)),
        one(
            "DeleteUserPoolReplica",
            json!({ "RegionName": "mars" }),
            "Value 'mars' at 'regionName'",
            at_least(5),
        ),
        one(
            "AdminUpdateUserAttributes",
            json!({ "UserAttributes": [{ "Name": "email", "Value": long(2049) }] }),
            "Value at 'userAttributes.1.member.value'",
            at_most(2048),
        ),
        one(
            "AddCustomAttributes",
            json!({ "CustomAttributes": [{ "Name": "phone_number_verified" }] }),
            "Value 'phone_number_verified' at 'customAttributes.1.member.name'",
            at_most(20),
        ),
        one(
            "AddCustomAttributes",
            json!({ "CustomAttributes": [] }),
            "Value at 'customAttributes'",
            at_least(1),
        ),
        one(
            "SetLogDeliveryConfiguration",
            json!({ "LogConfigurations": vec![sink.clone(); 3] }),
            "Value at 'logConfigurations'",
            at_most(2),
        ),
        one("CreateTerms", json!({ "Links": {} }), "Value '{}' at 'links'", at_least(1)),
        one(
            "CreateUserPoolClient",
            json!({ "AllowedOAuthFlows": ["code", "code", "code", "code"] }),
            "Value '[code, code, code, code]' at 'allowedOAuthFlows'",
            at_most(3),
        ),
        // Patterns.
        one(
            "AdminConfirmSignUp",
            json!({ "UserPoolId": "YOUR-USER-POOL" }),
            "Value 'YOUR-USER-POOL' at 'userPoolId'",
            POOL_ID,
        ),
        one("AdminGetUser", json!({ "UserPoolId": "us-east-1_abc\n" }), "Value at 'userPoolId'", POOL_ID),
        one("AdminGetUser", json!({ "Username": "two words" }), "Value at 'username'", NAME),
        one("GetGroup", json!({ "GroupName": "two words" }), "Value 'two words' at 'groupName'", NAME),
        one("InitiateAuth", json!({ "ClientId": "a-b" }), "Value at 'clientId'", pattern(r"[\w+]+")),
        one(
            "GetUser",
            json!({ "AccessToken": "a b" }),
            "Value at 'accessToken'",
            pattern("[A-Za-z0-9-_=.]+"),
        ),
        one(
            "ConfirmSignUp",
            json!({ "ConfirmationCode": "1 2" }),
            "Value '1 2' at 'confirmationCode'",
            pattern(r"[\S]+"),
        ),
        one("SignUp", json!({ "SecretHash": "é" }), "Value at 'secretHash'", pattern(r"[\w+=/]+")),
        one(
            "CreateUserPool",
            json!({ "PoolName": "a/b" }),
            "Value 'a/b' at 'poolName'",
            pattern(r"[\w\s+=,.@-]+"),
        ),
        one(
            "StartUserImportJob",
            json!({ "JobId": "job-1" }),
            "Value 'job-1' at 'jobId'",
            pattern("import-[0-9a-zA-Z-]+"),
        ),
        one(
            "ForgetDevice",
            json!({ "DeviceKey": "key" }),
            "Value 'key' at 'deviceKey'",
            pattern(r"[\w-]+_[0-9a-f-]+"),
        ),
        one(
            "CreateUserPool",
            json!({ "SmsVerificationMessage": "no code in it" }),
            "Value 'no code in it' at 'smsVerificationMessage'",
            pattern(r".*\{####\}.*"),
        ),
        one(
            "CreateTerms",
            json!({ "TermsName": "terms" }),
            "Value 'terms' at 'termsName'",
            pattern("^(terms-of-use|privacy-policy)$"),
        ),
        one(
            "CreateUserPoolDomain",
            json!({ "Domain": "-a" }),
            "Value '-a' at 'domain'",
            pattern(r"^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$"),
        ),
        one(
            "CreateIdentityProvider",
            json!({ "ProviderName": "_Login" }),
            "Value '_Login' at 'providerName'",
            pattern(r"[^_\p{Z}][\p{L}\p{M}\p{S}\p{N}\p{P}][^_\p{Z}]+"),
        ),
        // Length and pattern at once.
        many(
            "AdminSetUserPassword",
            json!({ "UserPoolId": "", "Username": "", "Password": "" }),
            &[
                ("Value '' at 'userPoolId'", &at_least(1)),
                ("Value '' at 'userPoolId'", POOL_ID),
                ("Value at 'username'", &at_least(1)),
                ("Value at 'username'", NAME),
                ("Value at 'password'", &pattern(r"[\S]+")),
            ],
        ),
        many(
            "VerifySoftwareToken",
            json!({ "UserCode": "1234567a" }),
            &[("Value at 'userCode'", &at_most(6)), ("Value at 'userCode'", &pattern("[0-9]+"))],
        ),
        // Words.
        one(
            "AdminCreateUser",
            json!({ "MessageAction": "IGNORE" }),
            "Value 'IGNORE' at 'messageAction'",
            enumeration("RESEND, SUPPRESS"),
        ),
        one(
            "SetUserPoolMfaConfig",
            json!({ "MfaConfiguration": "false" }),
            "Value 'false' at 'mfaConfiguration'",
            enumeration("OFF, ON, OPTIONAL"),
        ),
        one(
            "CreateUserPool",
            json!({ "UserPoolTier": "" }),
            "Value '' at 'userPoolTier'",
            enumeration("LITE, ESSENTIALS, PLUS"),
        ),
        one(
            "UpdateAuthEventFeedback",
            json!({ "FeedbackValue": "valid" }),
            "Value 'valid' at 'feedbackValue'",
            enumeration("Valid, Invalid"),
        ),
        one(
            "CreateUserPool",
            json!({ "AccountRecoverySetting": { "RecoveryMechanisms": [{ "Priority": 1, "Name": "x" }] } }),
            "Value 'x' at 'accountRecoverySetting.recoveryMechanisms.1.member.name'",
            enumeration("verified_email, verified_phone_number, admin_only"),
        ),
        // What each item of a list, each key and each value of a map must be.
        one(
            "AdminCreateUser",
            json!({ "DesiredDeliveryMediums": ["EMAIL", "PIGEON"] }),
            "Value '[EMAIL, PIGEON]' at 'desiredDeliveryMediums'",
            format!("Member must satisfy constraint: [{}]", enumeration("SMS, EMAIL")),
        ),
        one(
            "CreateUserPoolClient",
            json!({ "CallbackURLs": ["https://a b"] }),
            "Value '[https://a b]' at 'callbackURLs'",
            format!("Member must satisfy constraint: [{}, {}, {NAME}]", at_most(1024), at_least(1)),
        ),
        one(
            "UntagResource",
            json!({ "TagKeys": [""] }),
            "Value '[]' at 'tagKeys'",
            format!("Member must satisfy constraint: [{}, {}]", at_most(128), at_least(1)),
        ),
        one(
            "TagResource",
            json!({ "Tags": { "": "x" } }),
            "Value '{=x}' at 'tags'",
            format!("Map keys must satisfy constraint: [{}, {}]", at_most(128), at_least(1)),
        ),
        one(
            "TagResource",
            json!({ "Tags": { "stage": long(257) } }),
            format!("Value '{{stage={}}}' at 'tags'", long(257)),
            format!("Map value must satisfy constraint: [{}, {}]", at_most(256), at_least(0)),
        ),
        one(
            "InitiateAuth",
            json!({ "AuthParameters": { "PASSWORD": long(131_073) } }),
            "Value at 'authParameters'",
            format!("Map value must satisfy constraint: [{}, {}]", at_most(131_072), at_least(0)),
        ),
        one(
            "CreateUserPool",
            json!({ "AcrConfiguration": { "Level9": { "AcrValue": "x" } } }),
            "Value at 'acrConfiguration'",
            format!("Map keys must satisfy constraint: [{}]", pattern("Level[1-4]")),
        ),
        // Within what is sensitive, everything is.
        one(
            "SignUp",
            json!({ "UserContextData": { "IpAddress": long(131_073) } }),
            "Value at 'userContextData.ipAddress'",
            at_most(131_072),
        ),
    ]
}

/// One that asks for no signature, which would come before the input.
async fn unsigned_app() -> App {
    App::with_settings(&[("KEYWARD_DEV", "true")]).await
}

#[tokio::test]
async fn what_the_model_does_not_allow_is_said_in_the_words_of_aws() {
    let app = unsigned_app().await;
    let cases = cases();
    assert!(cases.len() > 60);

    let mut wrong = Vec::new();
    for (operation, changes, faults) in cases {
        let answer = app.cognito(operation, with(&changes)).await.expect(400);
        let plural = if faults.len() == 1 { "" } else { "s" };
        let count = faults.len();
        let faults: Vec<String> = faults
            .into_iter()
            .map(|(place, constraint)| format!("{place} failed to satisfy constraint: {constraint}"))
            .collect();
        let message = format!("{count} validation error{plural} detected: {}", faults.join("; "));
        if answer["__type"] != "InvalidParameterException" || answer["message"] != message {
            wrong.push(format!("{operation} {changes}:\n{}\n{message}", answer.text));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn a_value_of_another_type_is_a_serialization_exception_whatever_else_is_wrong() {
    let app = unsigned_app().await;
    let list = "Start of list found where not expected";
    let object = "Start of structure or map found where not expected.";
    let field = "Unexpected field type";
    let secret = "hunter2";

    for (operation, changes, sentence) in [
        (
            "AdminGetUser",
            json!({ "UserPoolId": null, "Username": 7 }),
            "NUMBER_VALUE can not be converted to a String",
        ),
        ("AdminGetUser", json!({ "Username": true }), "TRUE_VALUE can not be converted to a String"),
        ("AdminGetUser", json!({ "Username": [secret] }), list),
        ("ConfirmForgotPassword", json!({ "ConfirmationCode": { "verificationCode": secret } }), object),
        ("ListUsers", json!({ "Limit": "60" }), "STRING_VALUE can not be converted to an Integer"),
        ("ListUsers", json!({ "Limit": 1.5 }), "NUMBER_VALUE can not be converted to an Integer"),
        (
            "ListUsers",
            json!({ "Limit": 4_294_967_296_i64 }),
            "NUMBER_VALUE can not be converted to an Integer",
        ),
        ("ListUsers", json!({ "AttributesToGet": secret }), field),
        ("ListUsers", json!({ "AttributesToGet": { "a": secret } }), object),
        (
            "ListUsers",
            json!({ "AttributesToGet": ["email", 7] }),
            "NUMBER_VALUE can not be converted to a String",
        ),
        (
            "AdminSetUserPassword",
            json!({ "Permanent": "yes" }),
            "STRING_VALUE can not be converted to a Boolean",
        ),
        ("AdminSetUserPassword", json!({ "Permanent": 1 }), "NUMBER_VALUE can not be converted to a Boolean"),
        ("AdminCreateUser", json!({ "UserAttributes": [secret] }), field),
        ("AdminCreateUser", json!({ "UserAttributes": [[secret]] }), list),
        (
            "AdminCreateUser",
            json!({ "UserAttributes": [{ "Name": "x", "Value": false }] }),
            "FALSE_VALUE can not be converted to a String",
        ),
        ("AdminCreateUser", json!({ "ClientMetadata": secret }), field),
        ("AdminCreateUser", json!({ "ClientMetadata": [secret] }), list),
        ("AdminCreateUser", json!({ "ClientMetadata": { "a": { "b": secret } } }), object),
        ("CreateUserPool", json!({ "Policies": { "PasswordPolicy": secret } }), field),
        (
            "SetUICustomization",
            json!({ "ImageFile": "not base64!" }),
            "STRING_VALUE can not be converted to a Blob",
        ),
        ("SetUICustomization", json!({ "ImageFile": 7 }), "NUMBER_VALUE can not be converted to a Blob"),
    ] {
        println!("{operation}: {changes}");
        app.cognito(operation, with(&changes)).await.expect_refusal("SerializationException", sentence);
    }
}

#[tokio::test]
async fn members_that_are_null_or_that_the_model_does_not_have_are_ignored() {
    let app = unsigned_app().await;
    for changes in [
        json!({ "Nonsense": [{ "a": null }], "username": 7 }),
        json!({ "ClientMetadata": null, "MessageAction": null, "UserAttributes": null }),
        json!({ "ClientMetadata": { "a": null }, "UserAttributes": [{ "Name": "a", "Value": null }] }),
    ] {
        let answer = app.cognito("AdminCreateUser", with(&changes)).await;
        assert!(!answer.text.contains("validation error"), "{changes}: {}", answer.text);
        assert_ne!(answer["__type"], "SerializationException", "{changes}: {}", answer.text);
    }
    // Null isn't enough where something is required, also further in.
    let answer = app.cognito("AdminCreateUser", with(&json!({ "UserAttributes": [{ "Name": null }] }))).await;
    answer.expect_refusal(
        "InvalidParameterException",
        "1 validation error detected: \
         Value null at 'userAttributes.1.member.name' failed to satisfy constraint: Member must not be null",
    );
}

#[tokio::test]
async fn an_input_that_is_wrong_everywhere_is_answered_shortly() {
    let app = unsigned_app().await;
    let mut attributes = vec![json!({ "Name": "a b\u{1}" }); 20_000];

    let input = with(&json!({ "UserAttributes": attributes }));
    let answer = app.cognito("AdminCreateUser", input).await.expect(400);

    let message = answer.str("message");
    assert!(message.starts_with("20000 validation errors detected: Value at 'userAttributes.1.member.name'"));
    assert_eq!(message.matches("Value at").count(), 16);
    assert_eq!(answer.header("x-amzn-errormessage"), message);
    attributes.push(json!({ "Name": 7 }));
    let input = with(&json!({ "UserAttributes": attributes }));
    let sentence = "NUMBER_VALUE can not be converted to a String";
    app.cognito("AdminCreateUser", input).await.expect_refusal("SerializationException", sentence);

    // A message that is longer than headers may be is in the body alone.
    let long = "/ ".repeat(250);
    let names =
        ["UserPoolId", "ClientName", "DefaultRedirectURI", "ReadAttributes", "CallbackURLs", "LogoutURLs"];
    let changes: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), if name.ends_with('s') { json!([long]) } else { json!(long) }))
        .collect();
    let answer = app.cognito("CreateUserPoolClient", with(&Value::Object(changes))).await.expect(400);
    assert!(answer.str("message").len() > 4096);
    assert_eq!(answer.header("x-amzn-errormessage"), "");
    assert_eq!(answer.header("x-amzn-errortype"), "InvalidParameterException");

    let long = "é".repeat(250_000);
    for (operation, member) in
        [("ListUsers", "PaginationToken"), ("GetUser", "AccessToken"), ("TagResource", "ResourceArn")]
    {
        app.cognito(operation, with(&json!({ (member): long }))).await.expect(400);
    }
}

/// Every member's name that the good input has, and some more.
static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut names: BTreeSet<String> = example_input().as_object().unwrap().keys().cloned().collect();
    let more =
        ["AuthParameters", "Session", "UserContextData", "Limit", "Name", "Value", "PASSWORD", "", "\0"];
    names.extend(more.map(str::to_owned));
    names.into_iter().collect()
});

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[a-zA-Z0-9_]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(select(NAMES.as_slice()), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

#[test]
fn whatever_comes_for_whichever_operation_is_answered_in_the_protocol() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let app = runtime.block_on(unsigned_app());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let operations: Vec<&str> = MODEL.iter().map(|operation| operation.name).collect();
    // Any text, any JSON, or a good input of which some members were replaced by anything.
    let body = prop_oneof![
        1 => any::<String>(),
        2 => any_json().prop_map(|json| json.to_string()),
        5 => proptest::collection::btree_map(select(NAMES.as_slice()), any_json(), 0..4).prop_map(|changes| {
            with(&Value::Object(changes.into_iter().collect::<Map<_, _>>())).to_string()
        }),
    ];

    let outcome = runner.run(&(select(operations), body), |(operation, body)| {
        let answer = runtime.block_on(async { app.cognito_raw(operation, body).await });
        let status = answer.status.as_u16();
        let is_served = OPERATIONS.iter().chain(SIGNED_OPERATIONS).any(|served| *served == operation);
        prop_assert!(status == 400 || (status == 200 && is_served), "{}", answer.text);
        if status == 400 {
            prop_assert!(answer["__type"].as_str().is_some_and(|name| name.ends_with("Exception")));
            prop_assert!(answer["message"].as_str().is_some_and(|message| !message.is_empty()));
            prop_assert!(answer.text.len() < 16_384);
        }
        Ok(())
    });

    outcome.unwrap();
}
