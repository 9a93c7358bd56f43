//! Users, as whoever signs may see and manage them.

use std::time::Duration;

use keyward_core::caller::Caller;
use keyward_core::clock::rfc3339;
use keyward_core::page::Cursor;
use keyward_core::user_pool::{Identifiers, UserPoolSettings};
use serde_json::{Value, json};

use crate::cognito_support::{ANN, PASSWORD, Signing, TEMPORARY};
use crate::evidence;
use crate::support::{ADMIN, ADMIN_BOT, Answer, App, CLIENT_ADDRESS};

/// Somebody who may do everything, and speaks about one pool.
pub(crate) struct Administrator<'a> {
    app: &'a App,
    signing: Signing,
    pub(crate) pool_id: String,
    client_id: String,
}

impl<'a> Administrator<'a> {
    /// Of the home pool.
    pub(crate) async fn of(app: &'a App) -> Self {
        Self::signing(app, ADMIN_BOT).await
    }

    /// The same as another user.
    pub(crate) async fn signing(app: &'a App, user: &str) -> Self {
        let pool_id = app.keyward.local_pool().id().to_owned();
        Self { app, signing: app.signing(user).await, pool_id, client_id: app.client_id() }
    }

    /// Of another pool than the home pool.
    pub(crate) async fn of_pool(app: &'a App, settings: UserPoolSettings) -> Self {
        let (pool_id, client_id) = app.pool(settings).await;
        Self { pool_id, client_id, ..Self::of(app).await }
    }

    /// The answer to signing in to the pool.
    pub(crate) async fn password_auth(&self, username: &str, password: &str) -> Answer {
        let input = json!({
            "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": self.client_id,
            "AuthParameters": { "USERNAME": username, "PASSWORD": password },
        });
        self.app.cognito("InitiateAuth", input).await
    }

    /// The answer to signing in to the pool by choice, with this first factor.
    pub(crate) async fn choice_auth(&self, username: &str, factor: &str) -> Answer {
        let input = json!({
            "AuthFlow": "USER_AUTH", "ClientId": self.client_id,
            "AuthParameters": { "USERNAME": username, "PREFERRED_CHALLENGE": factor },
        });
        self.app.cognito("InitiateAuth", input).await
    }

    /// What comes of answering the challenge in `asked`.
    pub(crate) async fn answer(&self, asked: &Answer, responses: Value) -> Answer {
        let input = json!({
            "ClientId": self.client_id, "ChallengeName": asked["ChallengeName"], "Session": asked["Session"],
            "ChallengeResponses": responses,
        });
        self.app.cognito("RespondToAuthChallenge", input).await
    }

    /// Makes a user with these attributes, without a message; their `sub`.
    pub(crate) async fn make(&self, username: &str, attributes: &[(&str, &str)]) -> String {
        let made = self.ask("AdminCreateUser", new_user(username, attributes)).await.expect(200);
        by_name(&made["User"]["Attributes"])["sub"].as_str().unwrap().to_owned()
    }

    /// What comes of the operation; the pool is in the input already.
    pub(crate) async fn ask(&self, operation: &str, mut input: Value) -> Answer {
        evidence::secrets_in(&input);
        input["UserPoolId"] = json!(self.pool_id);
        let now = rfc3339(self.app.clock.now_seconds() * 1000).replace(['-', ':'], "").replace(".000Z", "Z");
        self.app.signed(&Signing { at: now, ..self.signing.clone() }, operation, input).await
    }

    /// The user, as `AdminGetUser` shows them, with the attributes by name.
    pub(crate) async fn user(&self, username: &str) -> Value {
        let mut user = self.ask("AdminGetUser", json!({ "Username": username })).await.expect(200).json;
        user["UserAttributes"] = by_name(&user["UserAttributes"]);
        user
    }
}

/// What makes a user without a message.
fn new_user(username: &str, attributes: &[(&str, &str)]) -> Value {
    let attributes: Vec<Value> =
        attributes.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
    json!({
        "Username": username, "TemporaryPassword": TEMPORARY, "MessageAction": "SUPPRESS",
        "UserAttributes": attributes,
    })
}

/// Attributes as an object.
pub(crate) fn by_name(attributes: &Value) -> Value {
    let attributes = attributes.as_array().unwrap().iter();
    attributes.map(|one| (one["Name"].as_str().unwrap().to_owned(), one["Value"].clone())).collect()
}

/// What waits to be sent: to whom, and the text.
async fn outbox(app: &App) -> Vec<(String, String)> {
    let page = app.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
    let contents = page.items.into_iter().map(|message| message.content);
    contents.map(|content| (content.to.expose().to_owned(), content.body.expose().to_owned())).collect()
}

#[tokio::test]
async fn a_user_is_made_with_a_name_and_attributes() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;

    let made = admin
        .ask(
            "AdminCreateUser",
            json!({
                "Username": "testadmin", "TemporaryPassword": TEMPORARY, "MessageAction": "SUPPRESS",
                "UserAttributes": [
                    { "Name": "email", "Value": ANN }, { "Name": "email_verified", "Value": "True" },
                    { "Name": "phone_number", "Value": "+4312345" }, { "Name": "given_name", "Value": "Ann" },
                    { "Name": "family_name", "Value": "" }, { "Name": "nickname" },
                ],
            }),
        )
        .await
        .expect(200);

    let sub = by_name(&made["User"]["Attributes"])["sub"].clone();
    assert_eq!(
        made.json,
        json!({
            "User": {
                "Username": "testadmin",
                "Attributes": [
                    { "Name": "sub", "Value": sub },
                    { "Name": "email", "Value": ANN },
                    { "Name": "email_verified", "Value": "true" },
                    { "Name": "given_name", "Value": "Ann" },
                    { "Name": "phone_number", "Value": "+4312345" },
                    { "Name": "phone_number_verified", "Value": "false" },
                ],
                "UserCreateDate": 1_800_014_400.0,
                "UserLastModifiedDate": 1_800_014_400.0,
                "Enabled": true,
                "UserStatus": "FORCE_CHANGE_PASSWORD",
            },
        })
    );
    assert_eq!(admin.user("TestAdmin").await["UserAttributes"]["sub"], sub);
    assert_eq!(outbox(&app).await, []);
    let asked = app.password_auth("testadmin", TEMPORARY).await.expect(200);
    assert_eq!(asked["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    admin
        .ask("AdminCreateUser", json!({ "Username": "TESTADMIN" }))
        .await
        .expect_refusal("UsernameExistsException", "User account already exists");
    // A program user isn't in the pool, but has the name.
    admin
        .ask("AdminCreateUser", json!({ "Username": ADMIN_BOT }))
        .await
        .expect_refusal("UsernameExistsException", "User account already exists");
}

#[tokio::test]
async fn whoever_is_called_by_an_address_has_it() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    let made = async |username: &str, attributes: Value| {
        let input =
            json!({ "Username": username, "UserAttributes": attributes, "MessageAction": "SUPPRESS" });
        let made = admin.ask("AdminCreateUser", input).await.expect(200);
        let attributes = by_name(&made["User"]["Attributes"]);
        (attributes["email"].clone(), attributes["email_verified"].clone())
    };

    assert_eq!(made("a@example.com", json!([])).await, (json!("a@example.com"), json!("true")));
    let own = json!([{ "Name": "email", "Value": "b@example.com" }]);
    assert_eq!(made("b@example.com", own).await, (json!("b@example.com"), json!("true")));
    let other = json!([{ "Name": "email", "Value": "c@example.org" }]);
    assert_eq!(made("c@example.com", other).await, (json!("c@example.org"), json!("false")));
    let unproven = json!([{ "Name": "email_verified", "Value": "false" }]);
    assert_eq!(made("d@example.com", unproven).await, (json!("d@example.com"), json!("false")));
    assert_eq!(made("e", json!([])).await, (json!(null), json!(null)));
}

#[tokio::test]
async fn a_new_user_is_invited_by_the_ways_that_there_are() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    let invited = async |username: &str, mediums: Value, attributes: Value| {
        let before = outbox(&app).await.len();
        let mut input = json!({
            "Username": username, "UserAttributes": attributes, "TemporaryPassword": TEMPORARY,
        });
        if !mediums.is_null() {
            input["DesiredDeliveryMediums"] = mediums;
        }
        admin.ask("AdminCreateUser", input).await.expect(200);
        outbox(&app).await.split_off(before)
    };
    let (email, phone) =
        (json!({ "Name": "email", "Value": ANN }), json!({ "Name": "phone_number", "Value": "+431234" }));
    let text = |name: &str| format!("Your username is {name} and temporary password is {TEMPORARY}.");

    let sent = invited("a", json!(["EMAIL"]), json!([email, phone])).await;
    assert_eq!(sent, [(ANN.to_owned(), text("a"))]);
    let sent = invited("b", json!(null), json!([email, phone])).await;
    assert_eq!(sent, [("+431234".to_owned(), text("b"))]);
    let sent = invited("c", json!(["EMAIL", "SMS"]), json!([email, phone])).await;
    assert_eq!(sent, [(ANN.to_owned(), text("c")), ("+431234".to_owned(), text("c"))]);
    assert_eq!(invited("d", json!(null), json!([email])).await, [(ANN.to_owned(), text("d"))]);
    assert_eq!(invited("e", json!(null), json!([])).await, []);
    admin
        .ask("AdminCreateUser", json!({ "Username": "f", "DesiredDeliveryMediums": ["SMS"] }))
        .await
        .expect_refusal(
            "InvalidParameterException",
            "The user has no address for this delivery medium; give an email or a phone_number.",
        );
    admin
        .ask("AdminGetUser", json!({ "Username": "f" }))
        .await
        .expect_refusal("UserNotFoundException", "User does not exist.");
}

#[tokio::test]
async fn an_invitation_is_sent_again_to_who_has_not_followed_it() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    let again = |more: Value| {
        let mut input = json!({ "Username": ANN, "MessageAction": "RESEND" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.ask("AdminCreateUser", input)
    };
    again(json!({})).await.expect_refusal("UserNotFoundException", "User does not exist.");
    admin.ask("AdminCreateUser", json!({ "Username": ANN })).await.expect(200);
    let before = admin.user(ANN).await;

    app.clock.advance_ms(6 * 24 * 60 * 60 * 1000);
    let answer = again(json!({ "TemporaryPassword": TEMPORARY, "DesiredDeliveryMediums": ["EMAIL"] })).await;

    let answer = answer.expect(200);
    assert_eq!(by_name(&answer["User"]["Attributes"]), before["UserAttributes"]);
    let (to, text) = outbox(&app).await.pop().unwrap();
    assert_eq!((to.as_str(), text.contains(TEMPORARY)), (ANN, true));
    // Its time begins anew.
    app.clock.advance_ms(2 * 24 * 60 * 60 * 1000);
    app.password_auth(ANN, TEMPORARY).await.expect(200);
    admin
        .ask("AdminSetUserPassword", json!({ "Username": ANN, "Password": PASSWORD, "Permanent": true }))
        .await
        .expect(200);
    again(json!({})).await.expect_refusal(
        "UnsupportedUserStateException",
        &format!("Resend not possible. {ANN} status is not FORCE_CHANGE_PASSWORD"),
    );
}

#[tokio::test]
async fn a_password_is_set_for_good_or_to_be_changed() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    let set = |input: Value| admin.ask("AdminSetUserPassword", input);
    admin.ask("AdminCreateUser", json!({ "Username": "ann", "MessageAction": "SUPPRESS" })).await.expect(200);

    let answer = set(json!({ "Username": "ann", "Password": PASSWORD, "Permanent": true })).await;
    assert_eq!(answer.expect(200).text, "{}");
    assert_eq!(admin.user("ann").await["UserStatus"], "CONFIRMED");
    let tokens = app.password_auth("ann", PASSWORD).await.expect(200)["AuthenticationResult"].clone();

    set(json!({ "Username": "ann", "Password": TEMPORARY })).await.expect(200);
    assert_eq!(admin.user("ann").await["UserStatus"], "FORCE_CHANGE_PASSWORD");
    let asked = app.password_auth("ann", TEMPORARY).await.expect(200);
    assert_eq!(asked["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    app.cognito("GetUser", json!({ "AccessToken": tokens["AccessToken"] }))
        .await
        .expect_refusal("NotAuthorizedException", "Access Token has been revoked");

    set(json!({ "Username": "ann", "Password": "short" })).await.expect_refusal(
        "InvalidPasswordException",
        "Password did not conform with policy: Password not long enough",
    );
    for nobody in ["nobody", ADMIN_BOT] {
        set(json!({ "Username": nobody, "Password": PASSWORD }))
            .await
            .expect_refusal("UserNotFoundException", "User does not exist.");
    }
}

#[tokio::test]
async fn a_new_password_can_be_demanded_of_a_user() {
    let app = App::new().await;
    let admin = Administrator::of_pool(&app, UserPoolSettings::default()).await;
    let reset = |username: &'static str| admin.ask("AdminResetUserPassword", json!({ "Username": username }));
    let refused = async |username: &'static str, exception: &str, message: &str| {
        reset(username).await.expect_refusal(exception, message);
    };
    let password = |username: &str| {
        let input = json!({ "Username": username, "Password": PASSWORD, "Permanent": true });
        admin.ask("AdminSetUserPassword", input)
    };
    admin.make("ann", &[("email", ANN), ("email_verified", "true")]).await;
    let current = "User password cannot be reset in the current state.";
    refused("ann", "NotAuthorizedException", current).await;
    password("ann").await.expect(200);
    let tokens = admin.password_auth("ann", PASSWORD).await.expect(200);

    assert_eq!(reset("ann").await.expect(200).text, "{}");

    assert_eq!(admin.user("ann").await["UserStatus"], "RESET_REQUIRED");
    admin
        .password_auth("ann", PASSWORD)
        .await
        .expect_refusal("PasswordResetRequiredException", "Password reset required for the user");
    app.cognito("GetUser", json!({ "AccessToken": tokens["AuthenticationResult"]["AccessToken"] }))
        .await
        .expect_refusal("NotAuthorizedException", "Access Token has been revoked");
    // Once more is no more.
    reset("ann").await.expect(200);
    let [(to, text)] = &outbox(&app).await[..] else { panic!("not one message") };
    assert_eq!(to, ANN);
    let code = text.strip_prefix("Your confirmation code is ").unwrap();
    evidence::secret(code);
    let confirm = json!({
        "ClientId": admin.client_id, "Username": "ann", "ConfirmationCode": code, "Password": "Correct-horse-3",
    });
    app.cognito("ConfirmForgotPassword", confirm).await.expect(200);
    assert_eq!(admin.user("ann").await["UserStatus"], "CONFIRMED");
    admin.password_auth("ann", "Correct-horse-3").await.expect(200);

    admin.make("ben", &[("email", "ben@example.com")]).await;
    password("ben").await.expect(200);
    let address =
        "Cannot reset password for the user as there is no registered/verified email or phone_number";
    refused("ben", "InvalidParameterException", address).await;
    admin.ask("AdminDisableUser", json!({ "Username": "ben" })).await.expect(200);
    refused("ben", "NotAuthorizedException", "User is disabled").await;
    refused("nobody", "UserNotFoundException", "User does not exist.").await;
}

#[tokio::test]
async fn who_signed_up_is_confirmed_without_a_code() {
    let app = App::new().await;
    let home = Administrator::of(&app).await;
    let admin = Administrator::of_pool(&app, UserPoolSettings::default()).await;
    let sign_up = json!({ "ClientId": admin.client_id, "Username": "ann", "Password": PASSWORD });
    app.cognito("SignUp", sign_up).await.expect(200);
    let refused = "NotAuthorizedException";
    let status = |status: &str| format!("User cannot be confirmed. Current status is {status}");
    let (ann, confirm) = (json!({ "Username": "ann" }), "AdminConfirmSignUp");
    admin
        .password_auth("ann", PASSWORD)
        .await
        .expect_refusal("UserNotConfirmedException", "User is not confirmed.");

    assert_eq!(admin.ask(confirm, ann.clone()).await.expect(200).text, "{}");

    assert_eq!(admin.user("ann").await["UserStatus"], "CONFIRMED");
    admin.password_auth("ann", PASSWORD).await.expect(200);
    admin.ask(confirm, ann.clone()).await.expect_refusal(refused, &status("CONFIRMED"));
    admin
        .ask(confirm, json!({ "Username": "nobody" }))
        .await
        .expect_refusal("UserNotFoundException", "User does not exist.");
    // Nobody signs up in the home pool.
    home.make("ann", &[]).await;
    home.ask(confirm, ann).await.expect_refusal(refused, &status("FORCE_CHANGE_PASSWORD"));
}

#[tokio::test]
async fn attributes_are_changed_and_taken_away() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    app.new_user().await;
    let update = |attributes: Value| {
        admin.ask("AdminUpdateUserAttributes", json!({ "Username": ANN, "UserAttributes": attributes }))
    };
    let one = |name: &str, value: &str| json!([{ "Name": name, "Value": value }]);
    let delete = |names: Value| {
        admin.ask("AdminDeleteUserAttributes", json!({ "Username": ANN, "UserAttributeNames": names }))
    };
    let known = async || admin.user(ANN).await["UserAttributes"].clone();

    let answer = update(json!([
        { "Name": "email", "Value": "ann@example.org" }, { "Name": "name", "Value": "Ann" },
        { "Name": "phone_number_verified", "Value": "true" },
    ]));
    assert_eq!(answer.await.expect(200).text, "{}");
    let now = known().await;
    let said = ["email", "email_verified", "name", "phone_number", "phone_number_verified"];
    assert_eq!(
        said.map(|name| now[name].as_str().unwrap()),
        ["ann@example.org", "false", "Ann", "+12345678900", "true"]
    );
    update(one("email_verified", "true")).await.expect(200);
    assert_eq!(known().await["email_verified"], "true");
    update(one("email", "ann@example.org")).await.expect(200);
    assert_eq!(known().await["email_verified"], "true");
    update(one("name", "")).await.expect(200);
    assert_eq!(known().await["name"], json!(null));
    assert_eq!(delete(json!(["email", "phone_number", "nickname"])).await.expect(200).text, "{}");
    let sub = known().await["sub"].clone();
    assert_eq!(known().await, json!({ "sub": sub }));

    let schema = "Attributes did not conform to the schema: ";
    for (attributes, message) in [
        (one("custom:team", "1"), format!("{schema}custom:team: Attribute does not exist in the schema.")),
        (
            json!([{ "Name": "teams", "Value": "1" }, { "Name": "updated_at", "Value": "now" }]),
            format!(
                "{schema}teams: Attribute does not exist in the schema.\nupdated_at: Value must be a number"
            ),
        ),
        (one("sub", "1"), "Cannot modify the non-mutable attribute sub".to_owned()),
        (
            one("birthdate", "1815"),
            format!("{schema}birthdate: String must be no shorter than 10 characters"),
        ),
        (one("email_verified", "yes"), format!("{schema}email_verified: Value must be true or false")),
        (one("email", "ann"), "Invalid email address format.".to_owned()),
        (one("phone_number", "0123"), "Invalid phone number format.".to_owned()),
        (one("email_verified", "true"), "Email is required to verify/un-verify an email".to_owned()),
        (
            one("phone_number_verified", "true"),
            "Phone Number is required to verify/un-verify a phone number".to_owned(),
        ),
    ] {
        update(attributes).await.expect_refusal("InvalidParameterException", &message);
    }
    assert_eq!(known().await, json!({ "sub": sub }));
}

#[tokio::test]
async fn a_user_is_disabled_enabled_signed_out_and_deleted() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    let tokens = app.user_tokens().await;
    let act = async |operation: &str| {
        let answer = admin.ask(operation, json!({ "Username": ANN })).await.expect(200);
        assert_eq!(answer.text, "{}", "{operation}");
    };
    let refresh = || app.initiate("REFRESH_TOKEN_AUTH", json!({ "REFRESH_TOKEN": tokens["RefreshToken"] }));
    refresh().await.expect(200);

    act("AdminUserGlobalSignOut").await;
    refresh().await.expect_refusal("NotAuthorizedException", "Refresh Token has been revoked");
    act("AdminDisableUser").await;
    assert_eq!(admin.user(ANN).await["Enabled"], false);
    app.password_auth(ANN, PASSWORD).await.expect_refusal("NotAuthorizedException", "User is disabled.");
    act("AdminEnableUser").await;
    app.password_auth(ANN, PASSWORD).await.expect(200);
    act("AdminDeleteUser").await;

    for operation in
        ["AdminDeleteUser", "AdminDisableUser", "AdminEnableUser", "AdminGetUser", "AdminUserGlobalSignOut"]
    {
        // The bot is a program user: it isn't in the pool, so nobody deletes it by this protocol.
        for nobody in [ANN, ADMIN_BOT] {
            admin
                .ask(operation, json!({ "Username": nobody }))
                .await
                .expect_refusal("UserNotFoundException", "User does not exist.");
        }
    }
}

#[tokio::test]
async fn nobody_manages_users_above_them() {
    let app = App::new().await;
    app.create_role("managers", &["manage:users", "view:users"]).await;
    app.give_roles("manager-bot", &["managers"]).await;
    let manager = Administrator::signing(&app, "manager-bot").await;
    app.new_user().await;
    let above = "This concerns rights above your own (*); ask somebody who holds them.";
    let update = |username: &str, attributes: Value| {
        manager
            .ask("AdminUpdateUserAttributes", json!({ "Username": username, "UserAttributes": attributes }))
    };

    for (operation, more) in [
        ("AdminSetUserPassword", json!({ "Password": PASSWORD, "Permanent": true })),
        ("AdminUpdateUserAttributes", json!({ "UserAttributes": [{ "Name": "name", "Value": "x" }] })),
        ("AdminDeleteUserAttributes", json!({ "UserAttributeNames": ["email"] })),
        ("AdminDisableUser", json!({})),
        ("AdminEnableUser", json!({})),
        ("AdminDeleteUser", json!({})),
        ("AdminConfirmSignUp", json!({})),
        ("AdminResetUserPassword", json!({})),
        ("AdminUserGlobalSignOut", json!({})),
        ("AdminCreateUser", json!({ "MessageAction": "RESEND" })),
    ] {
        let mut input = json!({ "Username": ADMIN });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        manager.ask(operation, input).await.expect_refusal("AccessDeniedException", above);
    }

    // An application may go by an address that is proven.
    update(ANN, json!([{ "Name": "email", "Value": ADMIN }])).await.expect(200);
    update(ANN, json!([{ "Name": "email_verified", "Value": "true" }]))
        .await
        .expect_refusal("AccessDeniedException", above);
    let input = json!({
        "Username": "eve", "UserAttributes": [
            { "Name": "email", "Value": ADMIN.to_uppercase() }, { "Name": "email_verified", "Value": "true" },
        ],
    });
    manager.ask("AdminCreateUser", input).await.expect_refusal("AccessDeniedException", above);
    update(ANN, json!([{ "Name": "email", "Value": "ann@example.org" }])).await.expect(200);
    update(ANN, json!([{ "Name": "email_verified", "Value": "true" }])).await.expect(200);
}

#[tokio::test]
async fn where_addresses_are_names_the_sub_stands_for_the_name() {
    let app = App::new().await;
    let names = vec!["email".to_owned(), "phone_number".to_owned()];
    let identifiers = Identifiers { username_attributes: names, ..Identifiers::default() };
    let settings = UserPoolSettings { identifiers, ..UserPoolSettings::default() };
    let admin = Administrator::of_pool(&app, settings).await;
    let refused = async |username: &str, attributes: &[(&str, &str)], exception: &str, message: &str| {
        admin.ask("AdminCreateUser", new_user(username, attributes)).await.expect_refusal(exception, message);
    };

    let sub = admin.make(ANN, &[("name", "Ann")]).await;

    for name in [ANN, "ANN@example.com", &sub] {
        let user = admin.user(name).await;
        assert_eq!((&user["Username"], &user["UserAttributes"]["email"]), (&json!(sub), &json!(ANN)));
        assert_eq!(user["UserAttributes"]["email_verified"], "false");
    }
    assert_eq!(
        admin.password_auth(ANN, TEMPORARY).await.expect(200)["ChallengeName"],
        "NEW_PASSWORD_REQUIRED"
    );
    let phone = admin.make("+431234", &[]).await;
    assert_eq!(admin.user("+431234").await["UserAttributes"]["phone_number"], "+431234");

    let exists = "UsernameExistsException";
    refused("Ann@Example.com", &[], exists, "An account with the given email already exists.").await;
    refused("+431234", &[], exists, "An account with the given phone_number already exists.").await;
    let invalid = "InvalidParameterException";
    refused("ann", &[], invalid, "Username should be either an email or a phone number.").await;
    let other = [("email", "other@example.com")];
    let message = "User email should be empty or same as username, since username attribute is email";
    refused("ben@example.com", &other, invalid, message).await;
    let input = json!({ "Username": phone, "UserAttributes": [{ "Name": "email", "Value": ANN }] });
    admin
        .ask("AdminUpdateUserAttributes", input)
        .await
        .expect_refusal("AliasExistsException", "An account with the given email already exists.");
}

#[tokio::test]
async fn an_alias_leads_to_one_user_and_is_moved_when_that_is_asked_for() {
    let app = App::new().await;
    let aliases = vec!["email".to_owned(), "preferred_username".to_owned()];
    let identifiers = Identifiers { alias_attributes: aliases, ..Identifiers::default() };
    let settings = UserPoolSettings { identifiers, ..UserPoolSettings::default() };
    let admin = Administrator::of_pool(&app, settings).await;
    let verified = [("email", ANN), ("email_verified", "true")];
    let update = |username: &str, attributes: Value| {
        admin.ask("AdminUpdateUserAttributes", json!({ "Username": username, "UserAttributes": attributes }))
    };
    let exists = ("AliasExistsException", "An account with the given email already exists.");

    admin.ask("AdminCreateUser", new_user(ANN, &[])).await.expect_refusal(
        "InvalidParameterException",
        "Username cannot be of email format, since user pool is configured for email alias.",
    );
    admin.make("ann", &verified).await;
    assert_eq!(admin.user(ANN).await["Username"], "ann");
    // Unproven, it stands for nobody.
    admin.make("ben", &[("email", ANN)]).await;
    assert_eq!(admin.user(ANN).await["Username"], "ann");
    update("ben", json!([{ "Name": "email_verified", "Value": "true" }]))
        .await
        .expect_refusal(exists.0, exists.1);
    admin.ask("AdminCreateUser", new_user("cid", &verified)).await.expect_refusal(exists.0, exists.1);

    let mut taking = new_user("cid", &verified);
    taking["ForceAliasCreation"] = json!(true);
    admin.ask("AdminCreateUser", taking).await.expect(200);
    assert_eq!(admin.user(ANN).await["Username"], "cid");
    let ann = admin.user("ann").await;
    assert_eq!(ann["UserAttributes"]["email_verified"], "false");

    update("ann", json!([{ "Name": "preferred_username", "Value": "lovelace" }])).await.expect(200);
    assert_eq!(admin.user("Lovelace").await["Username"], "ann");
    let taken = "An account with the given preferred_username already exists.";
    for name in ["lovelace", "CID"] {
        update("ben", json!([{ "Name": "preferred_username", "Value": name }]))
            .await
            .expect_refusal("AliasExistsException", taken);
    }
    admin
        .ask("AdminCreateUser", new_user("lovelace", &[]))
        .await
        .expect_refusal("AliasExistsException", taken);
}

#[tokio::test]
async fn other_pools_are_for_those_who_manage_pools() {
    let app = App::new().await;
    app.create_role("managers", &["view:*", "manage:users", "manage:roles"]).await;
    app.give_roles("manager-bot", &["managers"]).await;
    app.create_role("pool-managers", &["manage:pools"]).await;
    app.give_roles("pool-bot", &["pool-managers"]).await;
    let admin = Administrator::of_pool(&app, UserPoolSettings::default()).await;
    let of_pool = async |user: &str| Administrator {
        pool_id: admin.pool_id.clone(),
        client_id: admin.client_id.clone(),
        ..Administrator::signing(&app, user).await
    };
    let (manager, pool_manager) = (of_pool("manager-bot").await, of_pool("pool-bot").await);
    let input = json!({
        "Username": "ann", "GroupName": "chemists", "UserAttributes": [], "UserAttributeNames": ["email"],
        "Password": PASSWORD,
    });

    let needs = "This needs the permission manage:pools; ask an administrator for a role that has it.";
    for operation in [
        "AdminAddUserToGroup",
        "AdminConfirmSignUp",
        "AdminCreateUser",
        "AdminDeleteUser",
        "AdminDeleteUserAttributes",
        "AdminDisableUser",
        "AdminEnableUser",
        "AdminGetUser",
        "AdminListGroupsForUser",
        "AdminListUserAuthEvents",
        "AdminRemoveUserFromGroup",
        "AdminResetUserPassword",
        "AdminSetUserPassword",
        "AdminUpdateUserAttributes",
        "AdminUserGlobalSignOut",
        "CreateGroup",
        "DeleteGroup",
        "GetGroup",
        "ListGroups",
        "ListUsers",
        "ListUsersInGroup",
        "UpdateGroup",
    ] {
        manager.ask(operation, input.clone()).await.expect_refusal("AccessDeniedException", needs);
    }
    // Nobody's rights are in question here, so that an admin's address is one like any other.
    pool_manager.make("ann", &[("email", ADMIN), ("email_verified", "true")]).await;
    pool_manager.ask("CreateGroup", input.clone()).await.expect(200);
    pool_manager.ask("AdminAddUserToGroup", input.clone()).await.expect(200);
    pool_manager
        .ask("AdminSetUserPassword", json!({ "Username": "ann", "Password": PASSWORD, "Permanent": true }))
        .await
        .expect(200);
    let tokens = pool_manager.password_auth("ann", PASSWORD).await.expect(200);
    let token = tokens["AuthenticationResult"]["AccessToken"].as_str().unwrap();
    assert_eq!(app.client(&format!("Bearer {token}")).get("/api/v1/me").await.status, 401);
    // The pools share nothing.
    let home = Administrator::of(&app).await;
    home.ask("AdminGetUser", input.clone())
        .await
        .expect_refusal("UserNotFoundException", "User does not exist.");
    home.ask("GetGroup", input).await.expect_refusal("ResourceNotFoundException", "Group not found.");
}

#[tokio::test]
async fn what_became_of_sign_ins_is_listed_newest_first() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    app.user_tokens().await;
    app.advance(Duration::from_secs(1));
    app.password_auth(ANN, "Wrong-password-1").await.expect(400);
    let list = |more: Value| {
        let mut input = json!({ "Username": ANN });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.ask("AdminListUserAuthEvents", input)
    };

    let all = list(json!({})).await.expect(200);

    let event = |at: f64, response: &str, password: &str| {
        json!({
            "EventType": "SignIn", "CreationDate": at, "EventResponse": response,
            "ChallengeResponses": [{ "ChallengeName": "Password", "ChallengeResponse": password }],
            "EventContextData": { "IpAddress": CLIENT_ADDRESS },
        })
    };
    let mut events = all["AuthEvents"].clone();
    for event in events.as_array_mut().unwrap() {
        assert_eq!(event.as_object_mut().unwrap().remove("EventId").unwrap().as_str().unwrap().len(), 36);
    }
    assert_eq!(
        events,
        json!([event(1_800_014_401.0, "Fail", "Failure"), event(1_800_014_400.0, "Pass", "Success")])
    );
    assert_eq!(all["NextToken"], json!(null));

    let first = list(json!({ "MaxResults": 1 })).await.expect(200);
    let second = list(json!({ "MaxResults": 1, "NextToken": first["NextToken"] })).await.expect(200);
    assert_eq!(first["AuthEvents"][0], all["AuthEvents"][0]);
    assert_eq!((&second["AuthEvents"][0], &second["NextToken"]), (&all["AuthEvents"][1], &json!(null)));
}

#[tokio::test]
async fn what_was_changed_at_the_same_moment_is_to_be_repeated() {
    let app = App::new().await;
    let pool = Administrator::of_pool(&app, UserPoolSettings::default()).await;
    pool.make("ann", &[]).await;

    let change = async |name: &str| {
        let attributes = json!([{ "Name": "name", "Value": name }]);
        pool.ask("AdminUpdateUserAttributes", json!({ "Username": "ann", "UserAttributes": attributes }))
            .await
    };
    let answers = tokio::join!(change("a"), change("b"), change("c"), change("d"));

    for answer in [answers.0, answers.1, answers.2, answers.3] {
        // The SDKs do so by themselves.
        if answer.status != 200 {
            let message =
                "It was changed or deleted at the same moment; read it again and repeat the change.";
            answer.expect_refusal("TooManyRequestsException", message);
        }
    }
}
