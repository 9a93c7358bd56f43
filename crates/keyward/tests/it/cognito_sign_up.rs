//! Signing up, and changing one's own attributes, over the Cognito protocol.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::app_client::{AppClientSettings, NewAppClient, NewSecret};
use keyward_core::caller::Caller;
use keyward_core::user_pool::{FirstFactor, NewUserPool, UserPoolSettings};
use serde_json::{Value, json};

use crate::cognito_support::PASSWORD;
use crate::evidence;
use crate::support::{ADMIN_BOT, App, Request};

const NEW: &str = "Battery-Staple-7!";

/// A pool that one may sign up in, through a client with a secret.
struct OpenPool {
    app: App,
    client_id: String,
    secret: String,
}

impl OpenPool {
    async fn new() -> Self {
        let app = App::new().await;
        let settings =
            UserPoolSettings { auto_verified: vec!["email".into()], ..UserPoolSettings::default() };
        let new = NewUserPool { name: "open".into(), settings, region: None };
        let pool = app.keyward.create_user_pool(&Caller::operator(), new).await.unwrap();
        let settings = AppClientSettings {
            flows: vec!["ALLOW_USER_PASSWORD_AUTH".into()],
            hides_unknown_users: true,
            ..AppClientSettings::default()
        };
        let new = NewAppClient { name: "app".into(), settings, secret: NewSecret::Generated };
        let made = app.keyward.create_app_client(&Caller::operator(), &pool.id, new).await.unwrap();
        let secret = made.secret.unwrap().expose().to_owned();
        evidence::secret(&secret);
        Self { app, client_id: made.client.id, secret }
    }

    fn secret_hash(&self, username: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_bytes());
        STANDARD.encode(hmac::sign(&key, [username, &self.client_id].concat().as_bytes()))
    }

    /// A request by name for this operation, with these members beside.
    fn request(&self, operation: &str, username: &str, mut members: Value) -> Request {
        members["ClientId"] = self.client_id.as_str().into();
        members["Username"] = username.into();
        members["SecretHash"] = self.secret_hash(username).into();
        self.app.cognito(operation, members)
    }

    fn sign_up(&self, username: &str, email: &str) -> Request {
        let attributes = json!([{ "Name": "email", "Value": email }]);
        self.request("SignUp", username, json!({ "Password": PASSWORD, "UserAttributes": attributes }))
    }

    /// The access token of somebody who has signed up and confirmed.
    async fn joined(&self, username: &str, email: &str) -> Value {
        self.sign_up(username, email).await.expect(200);
        let code = self.app.sent_code().await;
        self.request("ConfirmSignUp", username, json!({ "ConfirmationCode": code })).await.expect(200);
        let parameters = json!({
            "USERNAME": username, "PASSWORD": PASSWORD, "SECRET_HASH": self.secret_hash(username),
        });
        let input = json!({
            "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": self.client_id, "AuthParameters": parameters,
        });
        let signed_in = self.app.cognito("InitiateAuth", input).await.expect(200);
        signed_in["AuthenticationResult"]["AccessToken"].clone()
    }
}

#[tokio::test]
async fn who_signs_up_is_confirmed_by_code_and_signs_in() {
    let pool = OpenPool::new().await;

    let answer = pool.sign_up("ada", "ada@example.com").await.expect(200);
    let code = pool.app.sent_code().await;

    let sub = answer["UserSub"].as_str().unwrap();
    let details = r#"{"AttributeName":"email","DeliveryMedium":"EMAIL","Destination":"a***@e***"}"#;
    assert_eq!(
        answer.text,
        format!(r#"{{"UserConfirmed":false,"CodeDeliveryDetails":{details},"UserSub":"{sub}"}}"#)
    );
    pool.sign_up("ada", "b@example.com")
        .await
        .expect_refusal("UsernameExistsException", "User already exists");
    let resent = pool.request("ResendConfirmationCode", "ada", json!({})).await.expect(200);
    // By a name alone, nothing is told of the address.
    let details = details.replace("a***@e***", "***@***");
    assert_eq!(resent.text, format!(r#"{{"CodeDeliveryDetails":{details}}}"#));
    // The newer code alone is good, should they differ.
    let newer = pool.app.sent_code().await;
    if newer != code {
        let mismatch = "Invalid verification code provided, please try again or request a code again.";
        let confirm = pool.request("ConfirmSignUp", "ada", json!({ "ConfirmationCode": code }));
        confirm.await.expect_refusal("CodeMismatchException", mismatch);
    }
    let confirm = pool.request("ConfirmSignUp", "ada", json!({ "ConfirmationCode": newer }));
    assert_eq!(confirm.await.expect(200).text, "{}");
    // Who is confirmed looks like nobody then.
    let resent = pool.request("ResendConfirmationCode", "ada", json!({})).await.expect(200);
    assert_eq!(resent["CodeDeliveryDetails"]["DeliveryMedium"], "EMAIL");
}

#[tokio::test]
async fn the_code_that_confirms_a_sign_up_may_sign_in_once() {
    let app = App::new().await;
    let settings = |first_factors| UserPoolSettings {
        auto_verified: vec!["email".into()],
        first_factors,
        ..UserPoolSettings::default()
    };
    let join = async |client_id: &str, name: &str| {
        let attributes = json!([{ "Name": "email", "Value": format!("{name}@example.com") }]);
        let input = json!({
            "ClientId": client_id, "Username": name, "Password": PASSWORD, "UserAttributes": attributes,
        });
        app.cognito("SignUp", input).await.expect(200);
        let input = json!({
            "ClientId": client_id, "Username": name, "ConfirmationCode": app.sent_code().await,
        });
        app.cognito("ConfirmSignUp", input).await.expect(200)["Session"].clone()
    };
    let sign_in = |client_id: &str, name: &str, session: &Value| {
        let input = json!({
            "ClientId": client_id, "AuthFlow": "USER_AUTH", "AuthParameters": { "USERNAME": name },
            "Session": session,
        });
        app.cognito("InitiateAuth", input)
    };

    let (pool_id, client_id) = app.pool(settings(vec![FirstFactor::Password, FirstFactor::EmailOtp])).await;
    let session = join(&client_id, "ada").await;

    let void = "Invalid session for the user.";
    let of_eve = join(&client_id, "eve").await;
    sign_in(&client_id, "ada", &of_eve).await.expect_refusal("NotAuthorizedException", void);
    let (_, other) = app.pool(settings(Vec::new())).await;
    sign_in(&other, "ada", &session).await.expect_refusal("UserNotFoundException", "User does not exist.");
    let signed_in = sign_in(&client_id, "ada", &session).await.expect(200);
    assert!(signed_in["AuthenticationResult"]["RefreshToken"].is_string());
    let again = sign_in(&client_id, "ada", &session).await;
    assert_eq!((again.status.as_u16(), &again["__type"]), (400, &json!("NotAuthorizedException")));

    // Whatever is done to the user makes it void.
    let changed = join(&client_id, "bob").await;
    let named = json!([{ "Name": "name", "Value": "Bob" }]);
    let input = json!({ "UserPoolId": pool_id, "Username": "bob", "UserAttributes": named });
    app.signed(&app.signing(ADMIN_BOT).await, "AdminUpdateUserAttributes", input).await.expect(200);
    sign_in(&client_id, "bob", &changed).await.expect_refusal("NotAuthorizedException", void);

    // Where a code doesn't stand for a password, it goes on as any sign-in by choice.
    let session = join(&other, "ada").await;
    let asked = sign_in(&other, "ada", &session).await.expect(200);
    assert_eq!(asked["ChallengeName"], "SELECT_CHALLENGE");
    // It is too late after the time that there is for a challenge.
    app.clock.advance_ms(3 * 60_000);
    let late = "Invalid session for the user, session is expired.";
    sign_in(&client_id, "eve", &of_eve).await.expect_refusal("NotAuthorizedException", late);
}

#[tokio::test]
async fn who_does_not_know_the_clients_secret_is_sent_away() {
    let pool = OpenPool::new().await;
    let id = &pool.client_id;
    let missing = format!("Client {id} is configured with secret but SECRET_HASH was not received");
    let wrong = format!("Unable to verify secret hash for client {id}");

    for operation in
        ["SignUp", "ConfirmSignUp", "ResendConfirmationCode", "ForgotPassword", "ConfirmForgotPassword"]
    {
        let members = json!({
            "ClientId": id, "Username": "ada", "Password": PASSWORD, "ConfirmationCode": "123456",
        });
        pool.app.cognito(operation, members.clone()).await.expect_refusal("NotAuthorizedException", &missing);
        let mut other = members;
        other["SecretHash"] = pool.secret_hash("eve").into();
        pool.app.cognito(operation, other).await.expect_refusal("NotAuthorizedException", &wrong);
    }
}

#[tokio::test]
async fn nobody_signs_up_in_the_home_pool() {
    let app = App::new().await;

    let input = json!({ "ClientId": app.client_id(), "Username": "eve@example.com", "Password": PASSWORD });

    let sentence = "SignUp is not permitted for this user pool";
    app.cognito("SignUp", input).await.expect_refusal("NotAuthorizedException", sentence);
}

#[tokio::test]
async fn attributes_are_changed_and_deleted_by_their_user() {
    let pool = OpenPool::new().await;
    let token = pool.joined("ada", "ada@example.com").await;
    let update = |name: &str, value: &str| {
        let attributes = json!([{ "Name": name, "Value": value }]);
        pool.app
            .cognito("UpdateUserAttributes", json!({ "AccessToken": token, "UserAttributes": attributes }))
    };
    let delete = |name: &str| {
        let input = json!({ "AccessToken": token, "UserAttributeNames": [name] });
        pool.app.cognito("DeleteUserAttributes", input)
    };
    let attributes = async || {
        let user = pool.app.cognito("GetUser", json!({ "AccessToken": token })).await.expect(200);
        let attributes = user["UserAttributes"].as_array().unwrap().iter().skip(1);
        let shown = attributes.map(|attribute| {
            format!("{}={}", attribute["Name"].as_str().unwrap(), attribute["Value"].as_str().unwrap())
        });
        shown.collect::<Vec<_>>().join(" ")
    };

    assert_eq!(update("name", "Ada").await.expect(200).text, "{}");
    let sent = update("email", "new@example.org").await.expect(200);
    assert_eq!(
        sent.text,
        r#"{"CodeDeliveryDetailsList":[{"AttributeName":"email","DeliveryMedium":"EMAIL","Destination":"n***@e***"}]}"#
    );
    assert_eq!(attributes().await, "email=new@example.org email_verified=false name=Ada");
    let code = pool.app.sent_code().await;
    let input = json!({ "AccessToken": token, "AttributeName": "email", "Code": code });
    pool.app.cognito("VerifyUserAttribute", input).await.expect(200);
    assert_eq!(delete("name").await.expect(200).text, "{}");
    assert_eq!(attributes().await, "email=new@example.org email_verified=true");
    let unauthorized = "A client attempted to write unauthorized attribute";
    update("email_verified", "false").await.expect_refusal("NotAuthorizedException", unauthorized);
    let unknown =
        "Attributes did not conform to the schema: custom:lab: Attribute does not exist in the schema.";
    update("custom:lab", "7").await.expect_refusal("InvalidParameterException", unknown);
}

#[tokio::test]
async fn a_password_that_was_used_before_is_refused_by_its_own_name() {
    let app = App::new().await;
    let tokens = app.user_tokens().await;
    let pool = app.keyward.local_pool();
    let mut settings = pool.settings().await.unwrap();
    settings.password_policy.history_size = 2;
    app.keyward.update_user_pool(&Caller::operator(), pool.id(), None, settings).await.unwrap();
    let change = |previous: &str, proposed: &str| {
        let input = json!({
            "AccessToken": tokens["AccessToken"], "PreviousPassword": previous, "ProposedPassword": proposed,
        });
        app.cognito("ChangePassword", input)
    };

    change(PASSWORD, NEW).await.expect(200);

    let used = "Password has previously been used.";
    change(NEW, PASSWORD).await.expect_refusal("PasswordHistoryPolicyViolationException", used);
    change(NEW, NEW).await.expect_refusal("PasswordHistoryPolicyViolationException", used);
}
