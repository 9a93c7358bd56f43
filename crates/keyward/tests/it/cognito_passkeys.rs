//! Passkeys over the Cognito protocol, as a page with a software authenticator has them.

use keyward_core::user_pool::UserPoolSettings;
use serde_json::{Value, json};
use webauthn_authenticator_rs::prelude::{Url, WebauthnAuthenticator as _};
use webauthn_authenticator_rs::softpasskey::SoftPasskey;

use crate::cognito_support::PASSWORD;
use crate::cognito_users::Administrator;
use crate::support::App;

const PAGE: &str = "https://app.example.com";

#[tokio::test]
async fn a_passkey_is_registered_listed_shown_and_deleted() {
    let app = App::new().await;
    let admin = Administrator::of_pool(&app, UserPoolSettings::default()).await;
    let page: Url = PAGE.parse().unwrap();
    let mut device = SoftPasskey::new(true);
    admin.make("ann", &[]).await;
    let password = json!({ "Username": "ann", "Password": PASSWORD, "Permanent": true });
    admin.ask("AdminSetUserPassword", password).await.expect(200);
    let signed_in = admin.password_auth("ann", PASSWORD).await.expect(200);
    let token = signed_in["AuthenticationResult"]["AccessToken"].clone();
    let start = || app.cognito("StartWebAuthnRegistration", json!({ "AccessToken": token }));
    let list = |more: Value| {
        let mut input = json!({ "AccessToken": token });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app.cognito("ListWebAuthnCredentials", input)
    };
    let complete = |credential: Value| {
        let input = json!({ "AccessToken": token, "Credential": credential });
        app.cognito("CompleteWebAuthnRegistration", input)
    };

    start().await.expect_refusal(
        "WebAuthnNotEnabledException",
        "Passkeys aren't among the first factors of this user pool.",
    );
    let factors = json!({ "SignInPolicy": { "AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"] } });
    admin.ask("UpdateUserPool", json!({ "Policies": factors })).await.expect(200);
    start().await.expect_refusal(
        "WebAuthnConfigurationMissingException",
        "This user pool has no relying party id for passkeys.",
    );
    let web_authn = json!({ "RelyingPartyId": "example.com", "UserVerification": "required" });
    admin.ask("SetUserPoolMfaConfig", json!({ "WebAuthnConfiguration": web_authn })).await.expect(200);
    let configured = admin.ask("GetUserPoolMfaConfig", json!({})).await.expect(200);
    assert_eq!(configured["WebAuthnConfiguration"]["RelyingPartyId"], "example.com");
    assert_eq!(configured["WebAuthnConfiguration"]["UserVerification"], "required");

    let mut options = start().await.expect(200)["CredentialCreationOptions"].clone();
    assert_eq!(options["rp"], json!({ "id": "example.com", "name": "example.com" }));
    assert_eq!(options["user"]["name"], "ann");
    // The software authenticator finds nothing by itself.
    options["authenticatorSelection"]["requireResidentKey"] = json!(false);
    let options = serde_json::from_value(json!({ "publicKey": options })).unwrap();
    let made = serde_json::to_value(device.do_registration(page.clone(), options).unwrap()).unwrap();
    assert_eq!(complete(made.clone()).await.expect(200).text, "{}");
    complete(made.clone()).await.expect_refusal(
        "WebAuthnChallengeNotFoundException",
        "The registration of the passkey has ended; start it again.",
    );
    let listed = list(json!({ "MaxResults": 20 })).await.expect(200);
    assert_eq!(
        listed.json,
        json!({
            "Credentials": [{
                "CredentialId": made["id"], "FriendlyCredentialName": "Passkey 1",
                "RelyingPartyId": "example.com", "AuthenticatorTransports": [],
                "CreatedAt": 1_800_014_400.0,
            }],
        })
    );

    let chosen = admin.choice_auth("ann", "WEB_AUTHN").await.expect(200);
    assert_eq!(chosen["ChallengeName"], "WEB_AUTHN");
    let options = chosen["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"].as_str().unwrap();
    let mut options: Value = serde_json::from_str(options).unwrap();
    assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("example.com"), &json!("required")));
    options["allowCredentials"] = json!([{ "type": "public-key", "id": made["id"] }]);
    let options = serde_json::from_value(json!({ "publicKey": options })).unwrap();
    let shown = serde_json::to_string(&device.do_authentication(page, options).unwrap()).unwrap();
    let answer = admin.answer(&chosen, json!({ "USERNAME": "ann", "CREDENTIAL": shown })).await.expect(200);
    assert!(answer["AuthenticationResult"]["RefreshToken"].is_string());
    admin.answer(&chosen, json!({ "USERNAME": "ann", "CREDENTIAL": shown })).await.expect_refusal(
        "NotAuthorizedException",
        "Invalid session for the user, session can only be used once.",
    );

    let delete = || {
        let input = json!({ "AccessToken": token, "CredentialId": made["id"] });
        app.cognito("DeleteWebAuthnCredential", input)
    };
    // Where it counts as both factors, who only knows the password doesn't take it away.
    let counting = |factors: &str| {
        let web_authn = json!({ "RelyingPartyId": "example.com", "FactorConfiguration": factors });
        admin.ask("SetUserPoolMfaConfig", json!({ "WebAuthnConfiguration": web_authn }))
    };
    counting("MULTI_FACTOR_WITH_USER_VERIFICATION").await.expect(200);
    delete()
        .await
        .expect_refusal("NotAuthorizedException", "Sign in with your second factor before you change this.");
    counting("SINGLE_FACTOR").await.expect(200);
    assert_eq!(delete().await.expect(200).text, "{}");
    delete().await.expect_refusal(
        "ResourceNotFoundException",
        "There is no such passkey; the list shows those there are.",
    );
    assert_eq!(list(json!({})).await.expect(200).text, r#"{"Credentials":[]}"#);
}
