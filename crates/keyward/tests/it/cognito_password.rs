//! Passwords and addresses over the Cognito protocol: forgotten, changed, proven.

use keyward_core::caller::Caller;
use keyward_core::page::Cursor;
use serde_json::{Value, json};

use crate::cognito_support::{ANN, PASSWORD};
use crate::support::{ADMIN, App, Request};

const NEW: &str = "Battery-Staple-7!";

impl App {
    fn forgot(&self, username: &str) -> Request {
        self.cognito("ForgotPassword", json!({ "ClientId": self.client_id(), "Username": username }))
    }

    fn confirm_forgot(&self, username: &str, code: &str, password: &str) -> Request {
        let client_id = self.client_id();
        let input = json!({
            "ClientId": client_id, "Username": username, "ConfirmationCode": code, "Password": password,
        });
        self.cognito("ConfirmForgotPassword", input)
    }

    fn change_password(&self, token: &Value, previous: &str, proposed: &str) -> Request {
        let input = json!({
            "AccessToken": token, "PreviousPassword": previous, "ProposedPassword": proposed,
        });
        self.cognito("ChangePassword", input)
    }

    /// The code in the message that was made last.
    pub(crate) async fn sent_code(&self) -> String {
        let page = self.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
        let body = page.items.last().unwrap().content.body.expose().to_owned();
        body.strip_prefix("Your confirmation code is ").unwrap().to_owned()
    }
}

fn wrong(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

#[tokio::test]
async fn a_forgotten_password_is_set_with_the_code_that_was_sent() {
    let app = App::new().await;
    let before = app.user_tokens().await;

    let answer = app.forgot(ANN).await.expect(200);
    let code = app.sent_code().await;

    assert_eq!(
        answer.text,
        r#"{"CodeDeliveryDetails":{"AttributeName":"email","DeliveryMedium":"EMAIL","Destination":"a***@e***"}}"#
    );
    let mismatch = "Invalid verification code provided, please try again or request a code again.";
    app.confirm_forgot(ANN, &wrong(&code), NEW).await.expect_refusal("CodeMismatchException", mismatch);
    let policy = "Password did not conform with policy: Password not long enough";
    app.confirm_forgot(ANN, &code, "short").await.expect_refusal("InvalidPasswordException", policy);
    assert_eq!(app.confirm_forgot(ANN, &code, NEW).await.expect(200).text, "{}");
    app.confirm_forgot(ANN, &code, NEW).await.expect_refusal("CodeMismatchException", mismatch);
    let revoked = "Access Token has been revoked";
    app.cognito("GetUser", json!({ "AccessToken": before["AccessToken"] }))
        .await
        .expect_refusal("NotAuthorizedException", revoked);
    app.password_auth(ANN, NEW).await.expect(200);
}

#[tokio::test]
async fn nobody_forgets_a_password_as_anybody_does() {
    let app = App::new().await;
    app.new_user().await;
    let limit = "Attempt limit exceeded, please try after some time.";

    // The user has yet to choose a password, the other name is nobody's.
    for name in [ANN, "anybody@elsewhere.example"] {
        let answers = [app.forgot(name).await.expect(200).text, app.forgot(name).await.expect(200).text];
        for answer in answers {
            assert_eq!(
                answer,
                r#"{"CodeDeliveryDetails":{"AttributeName":"email","DeliveryMedium":"EMAIL","Destination":"a***@e***"}}"#
            );
        }
        let mismatch = "Invalid verification code provided, please try again or request a code again.";
        app.confirm_forgot(name, "123456", NEW).await.expect_refusal("CodeMismatchException", mismatch);
        for _ in 2..5 {
            app.forgot(name).await.expect(200);
        }
        app.forgot(name).await.expect_refusal("LimitExceededException", limit);
    }
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_the_one_before() {
    let app = App::new().await;
    let tokens = app.user_tokens().await;
    let token = &tokens["AccessToken"];

    let wrong = "Incorrect username or password.";
    app.change_password(token, "Wrong-horse-1", NEW).await.expect_refusal("NotAuthorizedException", wrong);
    assert_eq!(app.change_password(token, PASSWORD, NEW).await.expect(200).text, "{}");

    app.password_auth(ANN, PASSWORD).await.expect_refusal("NotAuthorizedException", wrong);
    app.password_auth(ANN, NEW).await.expect(200);
    // The session that changed it goes on.
    app.cognito("GetUser", json!({ "AccessToken": token })).await.expect(200);
    app.change_password(&json!("x"), NEW, PASSWORD)
        .await
        .expect_refusal("NotAuthorizedException", "Invalid Access Token");
}

#[tokio::test]
async fn an_address_is_proven_by_the_code_that_was_sent_to_it() {
    let app = App::new().await;
    let tokens = app.user_tokens().await;
    let token = &tokens["AccessToken"];
    let send = |name: &str| {
        app.cognito(
            "GetUserAttributeVerificationCode",
            json!({ "AccessToken": token, "AttributeName": name }),
        )
    };
    let verify = |name: &str, code: &str| {
        app.cognito(
            "VerifyUserAttribute",
            json!({ "AccessToken": token, "AttributeName": name, "Code": code }),
        )
    };

    let answer = send("phone_number").await.expect(200);
    let code = app.sent_code().await;

    assert_eq!(
        answer.text,
        r#"{"CodeDeliveryDetails":{"AttributeName":"phone_number","DeliveryMedium":"SMS","Destination":"+*******8900"}}"#
    );
    let mismatch = "Invalid verification code provided, please try again.";
    verify("phone_number", &wrong(&code)).await.expect_refusal("CodeMismatchException", mismatch);
    assert_eq!(verify("phone_number", &code).await.expect(200).text, "{}");
    let user = app.cognito("GetUser", json!({ "AccessToken": token })).await.expect(200);
    let verified = json!({ "Name": "phone_number_verified", "Value": "true" });
    assert!(user["UserAttributes"].as_array().unwrap().contains(&verified), "{}", user.text);
    let none = "Invalid code provided, please request a code again.";
    verify("email", "123456").await.expect_refusal("ExpiredCodeException", none);
    let wrong = "Only email and phone_number can be verified by a code.";
    send("name").await.expect_refusal("InvalidParameterException", wrong);
}

#[tokio::test]
async fn a_user_deletes_themselves_but_not_the_last_admin() {
    let app = App::new().await;
    let (tokens, admin) = (app.user_tokens().await, app.admin_tokens().await);
    let delete = |tokens: &Value| app.cognito("DeleteUser", json!({ "AccessToken": tokens["AccessToken"] }));

    assert_eq!(delete(&tokens).await.expect(200).text, "{}");

    app.password_auth(ANN, PASSWORD)
        .await
        .expect_refusal("NotAuthorizedException", "Incorrect username or password.");
    let last = "This would leave no admin who can sign in; make another one first, with a role that has `*`.";
    delete(&admin).await.expect_refusal("InvalidParameterException", last);
    assert_eq!(app.keyward.user(&Caller::operator(), ADMIN).await.unwrap().username, ADMIN);
}
