//! Pools of users and app clients over the protocol: made, told, changed, deleted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_core::user_pool::UserPoolSettings;
use serde_json::{Value, json};

use crate::cognito_support::Signing;
use crate::support::{ADMIN, ADMIN_BOT, ADMIN_PASSWORD, App, Request};

/// An admin who signs what AWS signs.
struct Admin {
    app: App,
    signing: Signing,
}

impl Admin {
    async fn new() -> Self {
        let app = App::new().await;
        let signing = app.signing(ADMIN_BOT).await;
        Self { app, signing }
    }

    async fn ask(&self, operation: &str, input: Value) -> Value {
        self.app.signed(&self.signing, operation, input).await.expect(200).json
    }

    async fn refused(&self, operation: &str, input: Value, name: &str, message: &str) {
        self.app.signed(&self.signing, operation, input).await.expect_refusal(name, message);
    }

    /// The id of a new pool.
    async fn pool(&self, input: Value) -> String {
        let mut all = json!({ "PoolName": "pool" });
        all.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        self.ask("CreateUserPool", all).await["UserPool"]["Id"].as_str().unwrap().to_owned()
    }

    async fn described(&self, pool_id: &str) -> Value {
        self.ask("DescribeUserPool", json!({ "UserPoolId": pool_id })).await["UserPool"].clone()
    }
}

#[tokio::test]
async fn a_pool_that_nothing_is_said_of_is_as_with_aws() {
    let admin = Admin::new().await;

    let created = admin.ask("CreateUserPool", json!({ "PoolName": "My pool" })).await;

    let id = created["UserPool"]["Id"].as_str().unwrap();
    assert!(id.starts_with("us-east-1_") && id.len() == 19, "{id}");
    let described = admin.described(id).await;
    assert_eq!(created["UserPool"], described);
    let mut rest = described.clone();
    let schema = rest.as_object_mut().unwrap().remove("SchemaAttributes").unwrap();
    assert_eq!(
        rest,
        json!({
            "Id": id,
            "Name": "My pool",
            "Policies": {
                "PasswordPolicy": {
                    "MinimumLength": 8,
                    "RequireUppercase": true,
                    "RequireLowercase": true,
                    "RequireNumbers": true,
                    "RequireSymbols": true,
                    "TemporaryPasswordValidityDays": 7,
                },
                "SignInPolicy": { "AllowedFirstAuthFactors": ["PASSWORD"] },
            },
            "DeletionProtection": "INACTIVE",
            "LambdaConfig": {},
            "LastModifiedDate": 1_800_014_400.0,
            "CreationDate": 1_800_014_400.0,
            "VerificationMessageTemplate": { "DefaultEmailOption": "CONFIRM_WITH_CODE" },
            "UserAttributeUpdateSettings": { "AttributesRequireVerificationBeforeUpdate": [] },
            "MfaConfiguration": "OFF",
            "EstimatedNumberOfUsers": 0,
            "EmailConfiguration": { "EmailSendingAccount": "COGNITO_DEFAULT" },
            "UserPoolTags": {},
            "AdminCreateUserConfig": { "AllowAdminCreateUserOnly": false, "UnusedAccountValidityDays": 7 },
            "UsernameConfiguration": { "CaseSensitive": true },
            "Arn": format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{id}"),
            "UserPoolTier": "ESSENTIALS",
        })
    );
    assert_eq!(schema.as_array().unwrap().len(), 21);
    assert_eq!(
        schema[0],
        json!({
            "Name": "sub", "AttributeDataType": "String", "DeveloperOnlyAttribute": false, "Mutable": false,
            "Required": true, "StringAttributeConstraints": { "MinLength": "1", "MaxLength": "2048" },
        })
    );
}

#[tokio::test]
async fn a_pool_is_told_as_it_was_set() {
    let admin = Admin::new().await;
    let said = json!({
        "Policies": {
            "PasswordPolicy": {
                "MinimumLength": 12, "RequireUppercase": true, "RequireLowercase": false,
                "RequireNumbers": true, "RequireSymbols": false, "PasswordHistorySize": 3,
                "TemporaryPasswordValidityDays": 2,
            },
            "SignInPolicy": { "AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP", "WEB_AUTHN"] },
        },
        "DeletionProtection": "ACTIVE",
        "AutoVerifiedAttributes": ["email"],
        "UsernameAttributes": ["email"],
        "SmsVerificationMessage": "Code {####}",
        "EmailVerificationMessage": "Your code: {####}",
        "EmailVerificationSubject": "Code",
        "VerificationMessageTemplate": {
            "SmsMessage": "Code {####}",
            "EmailMessage": "Your code: {####}",
            "EmailSubject": "Code",
            "EmailMessageByLink": "{##Click##}",
            "DefaultEmailOption": "CONFIRM_WITH_CODE",
        },
        "SmsAuthenticationMessage": "Sign in: {####}",
        "UserAttributeUpdateSettings": { "AttributesRequireVerificationBeforeUpdate": ["email"] },
        "MfaConfiguration": "OPTIONAL",
        "EmailConfiguration": { "EmailSendingAccount": "DEVELOPER", "From": "a@example.com" },
        "SmsConfiguration": { "SnsCallerArn": "arn:aws:iam::123456789012:role/sms" },
        "DeviceConfiguration": { "ChallengeRequiredOnNewDevice": true },
        "UserPoolTags": { "stage": "test" },
        "AdminCreateUserConfig": {
            "AllowAdminCreateUserOnly": true,
            "UnusedAccountValidityDays": 2,
            "InviteMessageTemplate": {
                "SMSMessage": "{username} {####}", "EmailMessage": "{username}: {####}", "EmailSubject": "In",
            },
        },
        "UsernameConfiguration": { "CaseSensitive": false },
        "AccountRecoverySetting": { "RecoveryMechanisms": [
            { "Priority": 1, "Name": "verified_phone_number" }, { "Priority": 2, "Name": "verified_email" },
        ] },
        "UserPoolTier": "LITE",
        "UserPoolAddOns": { "AdvancedSecurityMode": "AUDIT" },
    });

    let id = admin.pool(said.clone()).await;

    let described = admin.described(&id).await;
    for (name, value) in said.as_object().unwrap() {
        assert_eq!(&described[name], value, "{name}");
    }

    // What an update doesn't name is as if nothing had ever been said of it.
    admin.ask("UpdateUserPool", json!({ "UserPoolId": id, "MfaConfiguration": "OPTIONAL" })).await;

    let updated = admin.described(&id).await;
    let nothing_said = admin.described(&admin.pool(json!({})).await).await;
    let never_changes = ["Id", "Name", "Arn", "UsernameAttributes", "UsernameConfiguration"];
    for (name, value) in updated.as_object().unwrap() {
        if !never_changes.contains(&name.as_str()) && name != "MfaConfiguration" {
            assert_eq!(&nothing_said[name], value, "{name}");
        }
    }
    for name in never_changes {
        assert_eq!(updated[name], described[name], "{name}");
    }
    assert_eq!(updated["MfaConfiguration"], "OPTIONAL");
}

#[tokio::test]
async fn what_would_be_a_lie_is_refused() {
    let admin = Admin::new().await;
    for (members, name, message) in [
        (
            json!({ "LambdaConfig": { "PreSignUp": "arn:aws:lambda:us-east-1:123456789012:function:f" } }),
            "InvalidParameterException",
            "Keyward calls no Lambda triggers; leave LambdaConfig out.",
        ),
        (
            json!({ "UserPoolAddOns": { "AdvancedSecurityMode": "ENFORCED" } }),
            "FeatureUnavailableInTierException",
            "Keyward has no threat protection that could be enforced; take OFF.",
        ),
        (
            json!({ "KeyConfiguration": { "KeyType": "CUSTOMER_MANAGED_KEY" } }),
            "InvalidParameterException",
            "Keyward seals secrets under its own master key; leave KeyConfiguration out.",
        ),
        (
            json!({ "DcrConfiguration": { "EnableStatus": "Enabled" } }),
            "InvalidParameterException",
            "Keyward lets no clients register themselves; leave DcrConfiguration out.",
        ),
        (
            json!({ "VerificationMessageTemplate": { "DefaultEmailOption": "CONFIRM_WITH_LINK" } }),
            "InvalidParameterException",
            "Keyward confirms by codes alone; take CONFIRM_WITH_CODE.",
        ),
        (
            json!({ "MfaConfiguration": "ON" }),
            "InvalidParameterException",
            "SMS configuration and Auto verification for phone_number are required when MFA is \
             required/optional",
        ),
        (
            json!({ "AliasAttributes": ["email"], "UsernameAttributes": ["email"] }),
            "InvalidParameterException",
            "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.",
        ),
        (
            json!({ "Schema": [{ "Name": "colour", "AttributeDataType": "String", "Required": true }] }),
            "InvalidParameterException",
            "Required custom attributes are not supported currently.",
        ),
    ] {
        let mut input = json!({ "PoolName": "pool" });
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        admin.refused("CreateUserPool", input, name, message).await;
    }
    // An empty one says nothing.
    admin.pool(json!({ "LambdaConfig": {} })).await;
}

#[tokio::test]
async fn a_protected_pool_and_the_home_pool_stay() {
    let admin = Admin::new().await;
    let protected = admin.pool(json!({ "DeletionProtection": "ACTIVE" })).await;
    let home = admin.app.keyward.local_pool().id();

    let delete = |id: &str| json!({ "UserPoolId": id });
    let message = "The user pool cannot be deleted because deletion protection is activated. Deletion protection \
        must be inactivated first.";
    admin.refused("DeleteUserPool", delete(&protected), "InvalidParameterException", message).await;
    let message = "The home pool, whose users have roles and keys, can't be deleted.";
    admin.refused("DeleteUserPool", delete(home), "InvalidParameterException", message).await;

    admin.ask("UpdateUserPool", delete(&protected)).await;
    assert_eq!(admin.ask("DeleteUserPool", delete(&protected)).await, json!({}));
    let message = format!("User pool {protected} does not exist.");
    for operation in ["DescribeUserPool", "DeleteUserPool", "UpdateUserPool"] {
        admin.refused(operation, delete(&protected), "ResourceNotFoundException", &message).await;
    }
}

#[tokio::test]
async fn what_is_not_said_of_the_home_pool_does_not_open_it() {
    let admin = Admin::new().await;
    let home = admin.app.keyward.local_pool().id().to_owned();
    let before = admin.described(&home).await;

    admin.ask("UpdateUserPool", json!({ "UserPoolId": home })).await;

    let after = admin.described(&home).await;
    for (name, value) in [
        ("MfaConfiguration", json!("OPTIONAL")),
        ("DeletionProtection", json!("ACTIVE")),
        (
            "AdminCreateUserConfig",
            json!({ "AllowAdminCreateUserOnly": true, "UnusedAccountValidityDays": 7 }),
        ),
    ] {
        assert_eq!((&before[name], &after[name]), (&value, &value));
    }
    // Who says it, means it.
    let said = json!({ "AllowAdminCreateUserOnly": false });
    let input = json!({ "UserPoolId": home, "MfaConfiguration": "OFF", "AdminCreateUserConfig": said });
    admin.ask("UpdateUserPool", input).await;
    let after = admin.described(&home).await;
    assert_eq!(after["MfaConfiguration"], "OFF");
    assert_eq!(after["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"], false);
}

#[tokio::test]
async fn what_is_not_said_of_the_first_client_locks_nobody_out() {
    let admin = Admin::new().await;
    let home = admin.app.keyward.local_pool().id().to_owned();
    let of_client = json!({ "UserPoolId": home, "ClientId": admin.app.client_id() });
    let before = admin.ask("DescribeUserPoolClient", of_client.clone()).await["UserPoolClient"].clone();

    let mut renaming = of_client.clone();
    renaming["ClientName"] = json!("ours");
    let after = admin.ask("UpdateUserPoolClient", renaming).await["UserPoolClient"].clone();

    assert_eq!(after["ClientName"], "ours");
    for name in ["ExplicitAuthFlows", "PreventUserExistenceErrors"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    admin.app.password_auth(ADMIN, ADMIN_PASSWORD).await.expect(200);
    let mut closing = of_client;
    closing["ExplicitAuthFlows"] = json!(["ALLOW_CUSTOM_AUTH"]);
    let message = "Keyward's own command line signs in through this app client; leave ALLOW_USER_PASSWORD_AUTH \
        and ALLOW_REFRESH_TOKEN_AUTH on.";
    admin.refused("UpdateUserPoolClient", closing, "InvalidParameterException", message).await;
    admin.app.password_auth(ADMIN, ADMIN_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn pools_and_clients_are_listed_in_pages() {
    let admin = Admin::new().await;
    let home = admin.app.keyward.local_pool().id().to_owned();
    let mut pools = vec![home];
    for _ in 0..3 {
        pools.push(admin.pool(json!({})).await);
    }
    let mut clients = Vec::new();
    for _ in 0..3 {
        let input = json!({ "UserPoolId": pools[1], "ClientName": "client" });
        let client = admin.ask("CreateUserPoolClient", input).await;
        clients.push(client["UserPoolClient"]["ClientId"].as_str().unwrap().to_owned());
    }
    pools.sort();
    clients.sort();

    let of_pool = json!({ "UserPoolId": admin.pool_of(&clients[0]).await });
    for (operation, list, id, expected, more) in [
        ("ListUserPools", "UserPools", "Id", pools, json!({})),
        ("ListUserPoolClients", "UserPoolClients", "ClientId", clients, of_pool),
    ] {
        let (mut found, mut token) = (Vec::new(), Value::Null);
        loop {
            let mut input = json!({ "MaxResults": 2, "NextToken": token });
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let page = admin.ask(operation, input).await;
            let items = page[list].as_array().unwrap().clone();
            assert!((1..=2).contains(&items.len()));
            found.extend(items.iter().map(|item| item[id].as_str().unwrap().to_owned()));
            token = page["NextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        assert_eq!(found, expected);
    }
    let message = "Invalid pagination token given.";
    let input = json!({ "MaxResults": 2, "NextToken": "%" });
    admin.refused("ListUserPools", input, "InvalidParameterException", message).await;
}

impl Admin {
    async fn pool_of(&self, client_id: &str) -> String {
        self.app.keyward.pool_client(client_id).await.unwrap().pool.id().to_owned()
    }
}

#[tokio::test]
async fn a_client_that_nothing_is_said_of_is_as_with_aws() {
    let admin = Admin::new().await;
    let pool_id = admin.pool(json!({})).await;

    let input = json!({ "UserPoolId": pool_id, "ClientName": "My app" });
    let created = admin.ask("CreateUserPoolClient", input).await["UserPoolClient"].clone();

    let id = created["ClientId"].as_str().unwrap();
    let expected = json!({
        "UserPoolId": pool_id,
        "ClientName": "My app",
        "ClientId": id,
        "LastModifiedDate": 1_800_014_400.0,
        "CreationDate": 1_800_014_400.0,
        "RefreshTokenValidity": 30,
        "TokenValidityUnits": {},
        "ExplicitAuthFlows": ["ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
        "PreventUserExistenceErrors": "LEGACY",
        "EnableTokenRevocation": true,
        "AuthSessionValidity": 3,
        "AllowedOAuthFlowsUserPoolClient": false,
        "EnablePropagateAdditionalUserContextData": false,
        "ClientType": "REGULAR",
    });
    assert_eq!(created, expected);

    let said = json!({
        "RefreshTokenValidity": 90,
        "AccessTokenValidity": 10,
        "IdTokenValidity": 2,
        "TokenValidityUnits": { "AccessToken": "minutes", "RefreshToken": "hours" },
        "ReadAttributes": ["email", "name"],
        "WriteAttributes": ["name"],
        "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"],
        "PreventUserExistenceErrors": "ENABLED",
        "EnableTokenRevocation": false,
        "AuthSessionValidity": 15,
        "RefreshTokenRotation": { "Feature": "ENABLED", "RetryGracePeriodSeconds": 10 },
        "CallbackURLs": ["https://example.com"],
        "SupportedIdentityProviders": ["COGNITO"],
    });
    let mut input = json!({ "UserPoolId": pool_id, "ClientId": id });
    input.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    let updated = admin.ask("UpdateUserPoolClient", input).await["UserPoolClient"].clone();
    let of_client = json!({ "UserPoolId": pool_id, "ClientId": id });
    assert_eq!(admin.ask("DescribeUserPoolClient", of_client.clone()).await["UserPoolClient"], updated);
    for (name, value) in said.as_object().unwrap() {
        assert_eq!(&updated[name], value, "{name}");
    }

    // What an update doesn't name is as if nothing had ever been said of it.
    let reset = admin.ask("UpdateUserPoolClient", of_client.clone()).await;
    assert_eq!(reset["UserPoolClient"], expected);

    assert_eq!(admin.ask("DeleteUserPoolClient", of_client.clone()).await, json!({}));
    let message = format!("User pool client {id} does not exist.");
    admin.refused("DescribeUserPoolClient", of_client, "ResourceNotFoundException", &message).await;
}

#[tokio::test]
async fn a_client_is_found_in_its_own_pool_alone() {
    let admin = Admin::new().await;
    let (one, other) = (admin.pool(json!({})).await, admin.pool(json!({})).await);
    let input = json!({ "UserPoolId": one, "ClientName": "app" });
    let created = admin.ask("CreateUserPoolClient", input).await;
    let id = created["UserPoolClient"]["ClientId"].as_str().unwrap();

    let input = json!({ "UserPoolId": other, "ClientId": id });

    let message = format!("User pool client {id} does not exist.");
    for operation in ["DescribeUserPoolClient", "UpdateUserPoolClient", "DeleteUserPoolClient"] {
        admin.refused(operation, input.clone(), "ResourceNotFoundException", &message).await;
    }
    let home = admin.app.keyward.local_pool().id();
    let input = json!({ "UserPoolId": home, "ClientId": admin.app.client_id() });
    let message = "Keyward's own command line signs in through this app client; it can't be deleted.";
    admin.refused("DeleteUserPoolClient", input, "InvalidParameterException", message).await;
}

#[tokio::test]
async fn factors_are_told_as_they_were_set() {
    let admin = Admin::new().await;
    let id = admin.pool(json!({})).await;
    let of_pool = json!({ "UserPoolId": id });
    assert_eq!(
        admin.ask("GetUserPoolMfaConfig", of_pool.clone()).await,
        json!({ "MfaConfiguration": "OFF" })
    );
    let said = json!({
        "SmsMfaConfiguration": {
            "SmsAuthenticationMessage": "SMS {####}",
            "SmsConfiguration": { "SnsCallerArn": "arn:aws:iam::123456789012:role/sms" },
        },
        "SoftwareTokenMfaConfiguration": { "Enabled": true },
        "EmailMfaConfiguration": { "Message": "Code {####}", "Subject": "Code" },
        "MfaConfiguration": "OPTIONAL",
        "WebAuthnConfiguration": {
            "RelyingPartyId": "example.com",
            "UserVerification": "required",
            "FactorConfiguration": "MULTI_FACTOR_WITH_USER_VERIFICATION",
        },
    });

    let mut input = said.clone();
    input["UserPoolId"] = json!(id);
    let answer = admin.ask("SetUserPoolMfaConfig", input).await;

    assert_eq!(answer, said);
    assert_eq!(admin.ask("GetUserPoolMfaConfig", of_pool).await, said);
    let off = json!({ "UserPoolId": id, "MfaConfiguration": "OFF" });
    let told = admin.ask("SetUserPoolMfaConfig", off).await;
    let members: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["MfaConfiguration", "WebAuthnConfiguration"]);
}

#[tokio::test]
async fn attributes_of_a_schema_are_told_with_their_prefixes() {
    let admin = Admin::new().await;
    let constraints = json!({ "MinLength": "1", "MaxLength": "9" });
    let text =
        json!({ "Name": "colour", "AttributeDataType": "String", "StringAttributeConstraints": constraints });
    let email = json!({ "Name": "email", "AttributeDataType": "String", "Required": true });
    let id = admin.pool(json!({ "Schema": [text, email] })).await;

    let number = json!({
        "Name": "email", "AttributeDataType": "Number", "DeveloperOnlyAttribute": true, "Mutable": false,
        "NumberAttributeConstraints": { "MaxValue": "9" },
    });
    let input = json!({ "UserPoolId": id, "CustomAttributes": [number, { "Name": "name", "AttributeDataType": "DateTime" }] });
    assert_eq!(admin.ask("AddCustomAttributes", input).await, json!({}));

    let described = admin.described(&id).await;
    let schema = described["SchemaAttributes"].as_array().unwrap();
    assert_eq!(schema.len(), 24);
    let told = |name: &str| schema.iter().find(|attribute| attribute["Name"] == name).unwrap().clone();
    assert_eq!(told("email")["Required"], true);
    assert_eq!(
        told("custom:colour"),
        json!({
            "Name": "custom:colour", "AttributeDataType": "String", "DeveloperOnlyAttribute": false,
            "Mutable": true, "Required": false, "StringAttributeConstraints": constraints,
        })
    );
    assert_eq!(
        told("dev:email"),
        json!({
            "Name": "dev:email", "AttributeDataType": "Number", "DeveloperOnlyAttribute": true,
            "Mutable": false, "Required": false, "NumberAttributeConstraints": { "MaxValue": "9" },
        })
    );
    assert_eq!(told("custom:name")["AttributeDataType"], "DateTime");
}

#[tokio::test]
async fn a_pool_has_tags() {
    let admin = Admin::new().await;
    let id = admin.pool(json!({ "UserPoolTags": { "stage": "test" } })).await;
    let arn = admin.described(&id).await["Arn"].clone();

    let input = json!({ "ResourceArn": arn, "Tags": { "team": "lab" } });
    assert_eq!(admin.ask("TagResource", input).await, json!({}));
    let input = json!({ "ResourceArn": arn, "TagKeys": ["stage"] });
    assert_eq!(admin.ask("UntagResource", input).await, json!({}));

    let tags = json!({ "team": "lab" });
    let input = json!({ "ResourceArn": arn });
    assert_eq!(admin.ask("ListTagsForResource", input).await, json!({ "Tags": tags }));
    assert_eq!(admin.described(&id).await["UserPoolTags"], tags);
    for arn in [
        format!("arn:aws:cognito-idp:eu-west-3:000000000000:userpool/{id}"),
        "arn:aws:s3:::bucket:userpool/x".to_owned(),
    ] {
        let message = "Resource ARN does not name a user pool.";
        let input = json!({ "ResourceArn": arn });
        let answer = admin.app.signed(&admin.signing, "ListTagsForResource", input).await;
        assert_eq!(answer["__type"], "InvalidParameterException");
        assert!(answer.text.contains(message) || answer.text.contains("validation error"), "{}", answer.text);
    }
}

#[tokio::test]
async fn resource_servers_come_and_go() {
    let admin = Admin::new().await;
    let id = admin.pool(json!({})).await;
    let scopes = json!([{ "ScopeName": "read", "ScopeDescription": "Read" }]);
    let server = json!({ "UserPoolId": id, "Identifier": "api", "Name": "API", "Scopes": scopes });
    let of_server = json!({ "UserPoolId": id, "Identifier": "api" });

    let created = admin.ask("CreateResourceServer", server.clone()).await;

    assert_eq!(created, json!({ "ResourceServer": server }));
    assert_eq!(admin.ask("DescribeResourceServer", of_server.clone()).await, created);
    let message = format!("api already exists in user pool {id}.");
    admin.refused("CreateResourceServer", server.clone(), "InvalidParameterException", &message).await;
    let client =
        |scopes: Value| json!({ "UserPoolId": id, "ClientName": "app", "AllowedOAuthScopes": scopes });
    let made = admin.ask("CreateUserPoolClient", client(json!(["openid", "api/read"]))).await;
    assert_eq!(made["UserPoolClient"]["AllowedOAuthScopes"], json!(["openid", "api/read"]));
    for scope in ["api/write", "other/read", "read", "/"] {
        let message = format!("Invalid scope requested: {scope}");
        let input = client(json!([scope]));
        admin.refused("CreateUserPoolClient", input, "ScopeDoesNotExistException", &message).await;
    }

    let renamed = json!({ "UserPoolId": id, "Identifier": "api", "Name": "Other" });
    let updated = admin.ask("UpdateResourceServer", renamed).await["ResourceServer"].clone();
    assert_eq!((&updated["Name"], &updated["Scopes"]), (&json!("Other"), &json!([])));
    let of_pool = json!({ "UserPoolId": id });
    let listed = admin.ask("ListResourceServers", of_pool.clone()).await;
    assert_eq!(listed, json!({ "ResourceServers": [updated] }));
    assert_eq!(admin.ask("DeleteResourceServer", of_server.clone()).await, json!({}));
    assert_eq!(admin.ask("ListResourceServers", of_pool).await, json!({ "ResourceServers": [] }));
    for operation in ["DescribeResourceServer", "DeleteResourceServer"] {
        let message = "Resource server api does not exist.";
        admin.refused(operation, of_server.clone(), "ResourceNotFoundException", message).await;
    }
}

#[tokio::test]
async fn a_clients_secret_is_replaced() {
    let admin = Admin::new().await;
    let id = admin.pool(json!({})).await;
    let new = json!({ "UserPoolId": id, "ClientName": "app", "GenerateSecret": true });
    let client = admin.ask("CreateUserPoolClient", new).await["UserPoolClient"].clone();
    let first = client["ClientSecret"].as_str().unwrap();
    let of_client = json!({ "UserPoolId": id, "ClientId": client["ClientId"] });

    let mut chosen = of_client.clone();
    chosen["ClientSecret"] = json!("a_secret_of_ones_own_choice");
    let added = admin.ask("AddUserPoolClientSecret", chosen.clone()).await["ClientSecretDescriptor"].clone();

    // Whoever has chosen it knows it.
    let members: Vec<_> = added.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["ClientSecretCreateDate", "ClientSecretId"]);
    let listed = admin.ask("ListUserPoolClientSecrets", of_client.clone()).await;
    let secrets = listed["ClientSecrets"].as_array().unwrap();
    assert_eq!((secrets.len(), &secrets[1]), (2, &added));
    assert!(!listed.to_string().contains(first));
    let described = admin.ask("DescribeUserPoolClient", of_client.clone()).await;
    assert_eq!(described["UserPoolClient"]["ClientSecret"], chosen["ClientSecret"]);
    let message = "The app client has two secrets already; delete one first.";
    admin.refused("AddUserPoolClientSecret", of_client.clone(), "LimitExceededException", message).await;

    let delete = |secret: &Value| json!({ "UserPoolId": id, "ClientId": client["ClientId"], "ClientSecretId": secret["ClientSecretId"] });
    assert_eq!(admin.ask("DeleteUserPoolClientSecret", delete(&secrets[0])).await, json!({}));
    let message = "The app client has no secret of this id.";
    admin
        .refused("DeleteUserPoolClientSecret", delete(&secrets[0]), "ResourceNotFoundException", message)
        .await;
    let message = "The last secret of an app client can't be deleted; add another one first.";
    admin.refused("DeleteUserPoolClientSecret", delete(&added), "InvalidParameterException", message).await;
    let made = admin.ask("AddUserPoolClientSecret", of_client).await["ClientSecretDescriptor"].clone();
    assert_eq!(made["ClientSecretValue"].as_str().unwrap().len(), 52);
}

#[tokio::test]
async fn a_client_is_refused_what_would_be_a_lie() {
    let admin = Admin::new().await;
    let id = admin.pool(json!({})).await;
    for (members, name, message) in [
        (
            json!({ "SupportedIdentityProviders": ["COGNITO", "Google"] }),
            "InvalidParameterException",
            "The provider Google does not exist for this user pool.",
        ),
        (
            json!({ "AllowedOAuthFlows": ["client_credentials"] }),
            "InvalidOAuthFlowException",
            "client_credentials flow can not be selected if client does not have a client secret.",
        ),
        (
            json!({ "AllowedOAuthFlows": ["client_credentials", "code"], "GenerateSecret": true }),
            "InvalidOAuthFlowException",
            "client_credentials flow can not be selected along with code flow or implicit flow.",
        ),
        (
            json!({ "GenerateSecret": true, "ClientSecret": "a_secret_of_ones_own_choice" }),
            "InvalidParameterException",
            "Only one of GenerateSecret and ClientSecret can be given.",
        ),
        (
            json!({ "ReadAttributes": ["colour"] }),
            "InvalidParameterException",
            "Invalid read attributes specified while creating a client",
        ),
    ] {
        let mut input = json!({ "UserPoolId": id, "ClientName": "app" });
        input.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        admin.refused("CreateUserPoolClient", input, name, message).await;
    }
}

#[tokio::test]
async fn a_pools_id_begins_with_the_region_that_was_signed() {
    let app = App::new().await;
    let signing = Signing { region: "eu-west-3", ..app.signing(ADMIN_BOT).await };
    let answer = app.signed(&signing, "CreateUserPool", json!({ "PoolName": "pool" })).await.expect(200);
    assert!(answer["UserPool"]["Id"].as_str().unwrap().starts_with("eu-west-3_"), "{}", answer.text);

    let signing = Signing { region: "Neverland_1", ..signing };
    app.signed(&signing, "CreateUserPool", json!({ "PoolName": "pool" }))
        .await
        .expect_refusal("InvalidParameterException", "A region is a name such as us-east-1.");
}

/// A pool with an app client and one user, who has signed in.
struct Peopled {
    pool_id: String,
    client_id: String,
    tokens: Value,
}

const NAME: &str = "admin@example.com";

impl Admin {
    /// The user has the first admin's name, and this password.
    async fn peopled(&self, password: &str) -> Peopled {
        let (pool_id, client_id) = self.app.pool(UserPoolSettings::default()).await;
        let user = json!({ "UserPoolId": pool_id, "Username": NAME, "MessageAction": "SUPPRESS" });
        self.ask("AdminCreateUser", user.clone()).await;
        let mut set = user;
        (set["Password"], set["Permanent"]) = (json!(password), json!(true));
        self.ask("AdminSetUserPassword", set).await;
        let tokens = self.sign_in(&client_id, password).await.expect(200)["AuthenticationResult"].clone();
        Peopled { pool_id, client_id, tokens }
    }

    fn sign_in(&self, client_id: &str, password: &str) -> Request {
        let parameters = json!({ "USERNAME": NAME, "PASSWORD": password });
        self.initiate("USER_PASSWORD_AUTH", client_id, &parameters)
    }

    fn initiate(&self, flow: &str, client_id: &str, parameters: &Value) -> Request {
        let input = json!({ "AuthFlow": flow, "ClientId": client_id, "AuthParameters": parameters });
        self.app.cognito("InitiateAuth", input)
    }

    fn get_user(&self, tokens: &Value) -> Request {
        self.app.cognito("GetUser", json!({ "AccessToken": tokens["AccessToken"] }))
    }

    /// The ids of the keys that a pool's tokens are checked with, and its issuer.
    async fn published(&self, pool_id: &str) -> (Vec<Value>, Value) {
        let path = |document: &str| format!("/{pool_id}/.well-known/{document}");
        let keys = self.app.anonymous().get(&path("jwks.json")).await.expect(200).json;
        let configuration = self.app.anonymous().get(&path("openid-configuration")).await.expect(200).json;
        let keys = keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
        (keys, configuration["issuer"].clone())
    }
}

/// The header and the claims of a token.
fn parts(token: &Value) -> [Value; 2] {
    let part = |index: usize| {
        let text = token.as_str().unwrap().split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    };
    [part(0), part(1)]
}

#[tokio::test]
async fn pools_are_apart() {
    let admin = Admin::new().await;
    let (one, other) = (admin.peopled("Password-of-1").await, admin.peopled("Password-of-2").await);
    let home = admin.app.keyward.local_pool().id().to_owned();
    let wrong = "Incorrect username or password.";

    // A password is good in its own pool, also where the name is the same.
    for (client_id, password) in [
        (&one.client_id, "Password-of-2"),
        (&one.client_id, ADMIN_PASSWORD),
        (&other.client_id, "Password-of-1"),
        (&admin.app.client_id, "Password-of-1"),
    ] {
        admin.sign_in(client_id, password).await.expect_refusal("NotAuthorizedException", wrong);
    }

    // Tokens are signed with their pool's own keys, and say so.
    let mut kids = Vec::new();
    for (pool_id, tokens) in [(&one.pool_id, &one.tokens), (&other.pool_id, &other.tokens)] {
        let (keys, issuer) = admin.published(pool_id).await;
        for token in ["IdToken", "AccessToken"] {
            let [header, claims] = parts(&tokens[token]);
            assert!(keys.contains(&header["kid"]));
            assert_eq!(claims["iss"], issuer);
            assert!(issuer.as_str().unwrap().ends_with(pool_id.as_str()));
        }
        kids.extend(keys);
    }
    kids.extend(admin.published(&home).await.0);
    kids.sort_by_key(Value::to_string);
    kids.dedup();
    assert_eq!(kids.len(), 6);

    // They let in nowhere else.
    assert_eq!(admin.get_user(&one.tokens).await.expect(200)["Username"], NAME);
    for token in ["AccessToken", "IdToken"] {
        let bearer = format!("Bearer {}", one.tokens[token].as_str().unwrap());
        for path in ["/api/v1/me", "/api/v1/users"] {
            admin.app.anonymous().get(path).header("authorization", &bearer).await.expect(401);
        }
        for path in ["/roles", "/auth/api-keys", "/user/cognito"] {
            let answer = admin.app.anonymous().get(path).header("authorization", &bearer).await;
            assert!([401, 403].contains(&answer.status.as_u16()), "{path}: {}", answer.text);
        }
        let body = json!({ "credential": one.tokens[token] });
        let verified = admin.app.admin().post("/api/v1/verify", body).await.expect(200);
        assert_eq!(verified["reason"], "unknown_credential", "{}", verified.text);
    }
    let refresh = json!({ "REFRESH_TOKEN": one.tokens["RefreshToken"] });
    for client_id in [&other.client_id, &admin.app.client_id] {
        admin
            .initiate("REFRESH_TOKEN_AUTH", client_id, &refresh)
            .await
            .expect_refusal("NotAuthorizedException", "Invalid Refresh Token.");
        // Who isn't its client has nothing to revoke either.
        let input = json!({ "Token": one.tokens["RefreshToken"], "ClientId": client_id });
        admin.app.cognito("RevokeToken", input).await;
    }
    admin.initiate("REFRESH_TOKEN_AUTH", &one.client_id, &refresh).await.expect(200);
}

#[tokio::test]
async fn what_is_asked_in_one_pool_is_not_answered_in_another() {
    let admin = Admin::new().await;
    let (one, other) = (admin.peopled("Password-of-1").await, admin.peopled("Password-of-1").await);
    let set = json!({ "UserPoolId": one.pool_id, "Username": NAME, "Password": "Temporary-1" });
    admin.ask("AdminSetUserPassword", set).await;
    let asked = admin.sign_in(&one.client_id, "Temporary-1").await.expect(200);
    assert_eq!(asked["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    let answer = |client_id: &str| {
        let responses = json!({ "USERNAME": NAME, "NEW_PASSWORD": "Password-of-3" });
        let input = json!({
            "ClientId": client_id, "ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": asked["Session"],
            "ChallengeResponses": responses,
        });
        admin.app.cognito("RespondToAuthChallenge", input)
    };

    for client_id in [&other.client_id, &admin.app.client_id] {
        let answer = answer(client_id).await;
        assert_eq!(answer["__type"], "NotAuthorizedException", "{}", answer.text);
    }
    admin.sign_in(&other.client_id, "Password-of-1").await.expect(200);
    answer(&one.client_id).await.expect(200);
}

#[tokio::test]
async fn what_a_deleted_pool_has_given_out_is_refused_at_once() {
    let admin = Admin::new().await;
    let one = admin.peopled("Password-of-1").await;
    admin.get_user(&one.tokens).await.expect(200);
    admin.published(&one.pool_id).await;
    let count = async || admin.described(&one.pool_id).await["EstimatedNumberOfUsers"].clone();
    assert_eq!(count().await, 1);

    admin.ask("DeleteUserPool", json!({ "UserPoolId": one.pool_id })).await;

    let answer = admin.get_user(&one.tokens).await;
    assert_eq!(answer["__type"], "NotAuthorizedException", "{}", answer.text);
    let message = format!("User pool client {} does not exist.", one.client_id);
    let refresh = json!({ "REFRESH_TOKEN": one.tokens["RefreshToken"] });
    for request in [
        admin.initiate("REFRESH_TOKEN_AUTH", &one.client_id, &refresh),
        admin.sign_in(&one.client_id, "Password-of-1"),
    ] {
        request.await.expect_refusal("ResourceNotFoundException", &message);
    }
    for document in ["jwks.json", "openid-configuration"] {
        let path = format!("/{}/.well-known/{document}", one.pool_id);
        admin.app.anonymous().get(&path).await.expect(404);
    }
}
