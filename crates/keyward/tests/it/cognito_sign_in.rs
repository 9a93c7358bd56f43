//! Signing in by the protocol: what the answers look like. Which of them are right, the core's own tests
//! tell.

use std::time::Duration;

use aws_cognito_srp::{SrpClient, User, VerificationParameters};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::app_client::{AppClientSettings, NewAppClient, NewSecret};
use keyward_core::caller::Caller;
use keyward_core::clock::Clock;
use keyward_core::user::UserUpdate;
use keyward_core::user_pool::{EmailMfa, FirstFactor, MfaMode, PoolFactors, UserPoolSettings};
use serde_json::{Value, json};

use crate::cognito_support::{ANN, PASSWORD, TEMPORARY, code, enrol, members, sent};
use crate::support::{ADMIN, ADMIN_BOT, ADMIN_PASSWORD, Answer, App, CLIENT_ADDRESS, NOW_MS, Request};

const INCORRECT: &str = "Incorrect username or password.";

#[tokio::test]
async fn a_password_brings_three_tokens() {
    let app = App::new().await;

    let answer = app.password_auth(ADMIN, ADMIN_PASSWORD).await.expect(200);

    assert_eq!(members(&answer), ["AuthenticationResult", "ChallengeParameters"]);
    assert_eq!(answer["ChallengeParameters"], json!({}));
    let result = &answer["AuthenticationResult"];
    assert_eq!(members(result), ["AccessToken", "ExpiresIn", "IdToken", "RefreshToken", "TokenType"]);
    assert_eq!((&result["ExpiresIn"], &result["TokenType"]), (&3600.into(), &"Bearer".into()));
}

#[tokio::test]
async fn who_is_unknown_or_wrong_is_told_the_same() {
    let app = App::new().await;

    for (name, password) in [(ADMIN, "Wrong-password-1"), ("nobody@example.com", ADMIN_PASSWORD)] {
        app.password_auth(name, password).await.expect_refusal("NotAuthorizedException", INCORRECT);
    }
    for _ in 0..4 {
        app.password_auth(ADMIN, "Wrong-password-1")
            .await
            .expect_refusal("NotAuthorizedException", INCORRECT);
    }
    app.password_auth(ADMIN, ADMIN_PASSWORD)
        .await
        .expect_refusal("NotAuthorizedException", "Password attempts exceeded");
}

#[tokio::test]
async fn a_client_without_a_credential_cannot_keep_others_out() {
    let app = App::with_settings(&[("KEYWARD_TRUSTED_PROXIES", "198.51.100.0/24")]).await;
    let refused = async |request: Request| {
        let message =
            "Rate exceeded: too much from your address has failed or had to be sent; try again in 3 s.";
        request.await.expect_refusal("TooManyRequestsException", message);
    };
    let fail = async || {
        for number in 0..16 {
            let wrong = app.password_auth(&format!("nobody-{number}@example.com"), PASSWORD).await;
            wrong.expect_refusal("NotAuthorizedException", "Incorrect username or password.");
        }
    };
    fail().await;

    for number in 0..20 {
        // An address that it only claims to have is no other one.
        let claimed = format!("203.0.113.{number}");
        refused(app.password_auth(ADMIN, ADMIN_PASSWORD).header("x-forwarded-for", &claimed)).await;
    }
    // Behind a proxy that is trusted, one client is one, and the others are others.
    let forwarded = |client: &str| {
        app.password_auth(ADMIN, ADMIN_PASSWORD).from("198.51.100.1").header("x-forwarded-for", client)
    };
    refused(forwarded(CLIENT_ADDRESS)).await;
    forwarded("203.0.113.1").await.expect(200);
    let new = json!({ "username": "ada@example.com", "email": "ada@example.com" });
    app.admin().post("/api/v1/users", new).await.expect(201);
    let events = app.admin().get("/api/v1/audit?action=user.sign-in").await.expect(200);
    let outcomes = events.pick("outcome");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "refused").count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| *outcome == "failed").count(), 16, "{outcomes:?}");

    app.advance(Duration::from_mins(1));
    fail().await;
}

#[tokio::test]
async fn a_new_user_is_asked_for_a_password() {
    let app = App::new().await;
    app.new_user().await;

    let asked = app.password_auth(ANN, TEMPORARY).await.expect(200);

    assert_eq!(members(&asked), ["ChallengeName", "ChallengeParameters", "Session"]);
    assert_eq!(asked["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    let parameters = &asked["ChallengeParameters"];
    assert_eq!(members(parameters), ["USER_ID_FOR_SRP", "requiredAttributes", "userAttributes"]);
    assert_eq!(parameters["requiredAttributes"], "[]");
    let attributes: Value = serde_json::from_str(parameters["userAttributes"].as_str().unwrap()).unwrap();
    assert_eq!(
        attributes,
        json!({
            "email": ANN, "email_verified": "true", "phone_number": "+12345678900",
            "phone_number_verified": "false",
        })
    );

    let chosen = |password: &str| json!({ "USERNAME": ANN, "NEW_PASSWORD": password });
    app.respond(&asked, chosen("short")).await.expect_refusal(
        "InvalidPasswordException",
        "Password did not conform with policy: Password not long enough",
    );
    app.respond(&asked, json!({}))
        .await
        .expect_refusal("InvalidParameterException", "Missing required parameter NEW_PASSWORD");
    let mut with_attribute = chosen(PASSWORD);
    with_attribute["userAttributes.email"] = "eve@example.com".into();
    app.respond(&asked, with_attribute.clone())
        .await
        .expect_refusal("NotAuthorizedException", "Cannot modify an already provided email");
    with_attribute["userAttributes.email"] = ANN.into();
    with_attribute["userAttributes.name"] = "Ann".into();
    let done = app.respond(&asked, with_attribute).await.expect(200);
    assert_eq!(members(&done), ["AuthenticationResult", "ChallengeParameters"]);
    app.respond(&asked, chosen(PASSWORD)).await.expect_refusal(
        "NotAuthorizedException",
        "Invalid session for the user, session can only be used once.",
    );
}

async fn begin_srp(app: &App, name: &str, password: &str) -> (SrpClient<User>, Answer) {
    let user = User::new(app.keyward.local_pool().id(), name, password);
    let client = SrpClient::new(user, &app.client_id(), None);
    let srp_a = client.get_auth_parameters().a;
    let asked = app.initiate("USER_SRP_AUTH", json!({ "USERNAME": name, "SRP_A": srp_a })).await.expect(200);
    (client, asked)
}

fn proof(client: &SrpClient<User>, asked: &Answer) -> Value {
    let parameter = |name: &str| asked["ChallengeParameters"][name].as_str().unwrap();
    let VerificationParameters { password_claim_secret_block, password_claim_signature, timestamp } = client
        .verify(
            parameter("SECRET_BLOCK"),
            parameter("USER_ID_FOR_SRP"),
            parameter("SALT"),
            parameter("SRP_B"),
        )
        .unwrap();
    json!({
        "USERNAME": parameter("USERNAME"), "PASSWORD_CLAIM_SECRET_BLOCK": password_claim_secret_block,
        "PASSWORD_CLAIM_SIGNATURE": password_claim_signature, "TIMESTAMP": timestamp,
    })
}

#[tokio::test]
async fn srp_goes_there_and_back_without_a_session() {
    let app = App::new().await;
    // The client's half asks the machine's clock.
    app.clock.advance_ms(Clock::System.now_ms() - NOW_MS);

    for name in [ADMIN, "nobody@example.com"] {
        let (client, asked) = begin_srp(&app, name, ADMIN_PASSWORD).await;
        assert_eq!(members(&asked), ["ChallengeName", "ChallengeParameters"]);
        assert_eq!(asked["ChallengeName"], "PASSWORD_VERIFIER");
        assert_eq!(
            members(&asked["ChallengeParameters"]),
            ["SALT", "SECRET_BLOCK", "SRP_B", "USERNAME", "USER_ID_FOR_SRP"]
        );
        assert_eq!(asked["ChallengeParameters"]["USERNAME"], name);
        let answer = app.respond(&asked, proof(&client, &asked)).await;
        if name == ADMIN {
            assert!(answer.expect(200)["AuthenticationResult"]["AccessToken"].is_string());
        } else {
            answer.expect_refusal("NotAuthorizedException", INCORRECT);
        }
    }
    let (client, asked) = begin_srp(&app, ADMIN, "Wrong-password-1").await;
    app.respond(&asked, proof(&client, &asked)).await.expect_refusal("NotAuthorizedException", INCORRECT);

    let (client, asked) = begin_srp(&app, ADMIN, ADMIN_PASSWORD).await;
    let mut answer = proof(&client, &asked);
    answer["TIMESTAMP"] = "2026-11-22T01:38:52Z".into();
    app.respond(&asked, answer).await.expect_refusal(
        "InvalidParameterException",
        "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.",
    );
    app.initiate("USER_SRP_AUTH", json!({ "USERNAME": ADMIN, "SRP_A": "0" })).await.expect_refusal(
        "InvalidParameterException",
        "SRP_A must be a hexadecimal number between 1 and N - 1.",
    );
}

#[tokio::test]
async fn a_back_end_signs_its_users_in() {
    let app = App::new().await;
    app.new_user().await;
    let signing = app.signing(&app.holder_of("SERVICE").await.user_id).await;
    let shown = |password: &str| json!({ "USERNAME": ANN, "PASSWORD": password });

    for flow in ["ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"] {
        let asked = app.admin_initiate(&signing, flow, shown(TEMPORARY)).await.expect(200);
        assert_eq!(members(&asked), ["ChallengeName", "ChallengeParameters", "Session"]);
        assert_eq!(asked["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    }
    let asked = app.admin_initiate(&signing, "ADMIN_USER_PASSWORD_AUTH", shown(TEMPORARY)).await.expect(200);
    let chosen = json!({ "USERNAME": ANN, "NEW_PASSWORD": PASSWORD });
    let done = app.admin_respond(&signing, &asked, chosen.clone()).await.expect(200);
    assert_eq!(members(&done), ["AuthenticationResult", "ChallengeParameters"]);
    app.admin_respond(&signing, &asked, chosen).await.expect_refusal(
        "NotAuthorizedException",
        "Invalid session for the user, session can only be used once.",
    );
    let tokens = &done["AuthenticationResult"];
    for flow in ["REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"] {
        let parameters = json!({ "REFRESH_TOKEN": tokens["RefreshToken"] });
        let answer = app.admin_initiate(&signing, flow, parameters).await.expect(200);
        assert_ne!(answer["AuthenticationResult"]["AccessToken"], tokens["AccessToken"]);
    }
    let srp = json!({ "USERNAME": ANN, "SRP_A": "a1" });
    let asked = app.admin_initiate(&signing, "USER_SRP_AUTH", srp).await.expect(200);
    assert_eq!(asked["ChallengeName"], "PASSWORD_VERIFIER");
    app.admin_initiate(&signing, "ADMIN_USER_PASSWORD_AUTH", shown("Wrong-password-1"))
        .await
        .expect_refusal("NotAuthorizedException", INCORRECT);
    for (flow, message) in [
        ("CUSTOM_AUTH", "Auth flow not enabled for this client"),
        ("USER_PASSWORD_AUTH", "Initiate Auth method not supported"),
    ] {
        app.admin_initiate(&signing, flow, shown(PASSWORD))
            .await
            .expect_refusal("InvalidParameterException", message);
    }

    let poor = app.signing(&app.holder_of("RESEARCHERS").await.user_id).await;
    let needed = "This needs the permission verify:credentials; ask an administrator for a role that has it.";
    app.admin_initiate(&poor, "ADMIN_USER_PASSWORD_AUTH", shown(PASSWORD))
        .await
        .expect_refusal("AccessDeniedException", needed);
    app.admin_respond(&poor, &asked, json!({})).await.expect_refusal(
        "InvalidParameterException",
        "Missing required parameter PASSWORD_CLAIM_SECRET_BLOCK",
    );
    let input = json!({
        "UserPoolId": app.keyward.local_pool().id(), "ClientId": "nosuchclient",
        "ChallengeName": "CUSTOM_CHALLENGE", "Session": "A".repeat(20),
    });
    app.signed(&poor, "AdminRespondToAuthChallenge", input.clone())
        .await
        .expect_refusal("AccessDeniedException", needed);
    app.signed(&signing, "AdminRespondToAuthChallenge", input)
        .await
        .expect_refusal("ResourceNotFoundException", "User pool client nosuchclient does not exist.");
}

#[tokio::test]
async fn parameters_that_a_flow_cannot_do_without_are_asked_for() {
    let app = App::new().await;
    for (flow, parameters, missing) in [
        ("USER_PASSWORD_AUTH", json!({}), "USERNAME"),
        ("USER_PASSWORD_AUTH", json!({ "USERNAME": ADMIN }), "PASSWORD"),
        ("USER_PASSWORD_AUTH", Value::Null, "USERNAME"),
        ("USER_SRP_AUTH", json!({ "SRP_A": "a1" }), "USERNAME"),
        ("USER_SRP_AUTH", json!({ "USERNAME": ADMIN }), "SRP_A"),
        ("REFRESH_TOKEN", json!({}), "REFRESH_TOKEN"),
    ] {
        let message = format!("Missing required parameter {missing}");
        app.initiate(flow, parameters).await.expect_refusal("InvalidParameterException", &message);
    }
    let input = json!({
        "ClientId": app.client_id(), "ChallengeName": "SOFTWARE_TOKEN_MFA", "ChallengeResponses": {},
    });
    app.cognito("RespondToAuthChallenge", input)
        .await
        .expect_refusal("InvalidParameterException", "Missing required parameter Session");
}

#[tokio::test]
async fn a_flow_that_is_not_on_and_a_client_that_is_not_there_are_refused() {
    let app = App::new().await;
    let parameters =
        json!({ "USERNAME": ADMIN, "PASSWORD": ADMIN_PASSWORD, "SRP_A": "a1", "REFRESH_TOKEN": "x" });
    for flow in ["CUSTOM_AUTH", "USER_AUTH"] {
        app.initiate(flow, parameters.clone())
            .await
            .expect_refusal("InvalidParameterException", &format!("{flow} flow not enabled for this client"));
    }
    for flow in ["ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"] {
        app.initiate(flow, parameters.clone())
            .await
            .expect_refusal("InvalidParameterException", "Initiate Auth method not supported");
    }
    let unknown = "User pool client nosuchclient does not exist.";
    for flow in ["USER_PASSWORD_AUTH", "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "USER_AUTH"] {
        let input = json!({ "AuthFlow": flow, "ClientId": "nosuchclient", "AuthParameters": parameters });
        app.cognito("InitiateAuth", input).await.expect_refusal("ResourceNotFoundException", unknown);
    }
    for challenge in ["SOFTWARE_TOKEN_MFA", "SMS_MFA"] {
        let input = json!({
            "ClientId": "nosuchclient", "ChallengeName": challenge, "Session": "A".repeat(20),
            "ChallengeResponses": { "SOFTWARE_TOKEN_MFA_CODE": "123456", "SMS_MFA_CODE": "123456" },
        });
        app.cognito("RespondToAuthChallenge", input)
            .await
            .expect_refusal("ResourceNotFoundException", unknown);
    }
    let input = json!({ "ClientId": "nosuchclient", "Token": "x" });
    app.cognito("RevokeToken", input).await.expect_refusal("ResourceNotFoundException", unknown);
}

#[tokio::test]
async fn a_session_is_good_for_its_own_challenge_alone() {
    let app = App::new().await;
    app.new_user().await;
    let asked = app.password_auth(ANN, TEMPORARY).await.expect(200);

    for name in [
        "SOFTWARE_TOKEN_MFA",
        "SMS_MFA",
        "EMAIL_OTP",
        "MFA_SETUP",
        "SELECT_CHALLENGE",
        "PASSWORD",
        "PASSWORD_SRP",
        "CUSTOM_CHALLENGE",
        "DEVICE_SRP_AUTH",
        "WEB_AUTHN",
    ] {
        let input = json!({
            "ClientId": app.client_id(), "ChallengeName": name, "Session": asked["Session"],
            "ChallengeResponses": {
                "SOFTWARE_TOKEN_MFA_CODE": "123456", "SMS_MFA_CODE": "123456", "EMAIL_OTP_CODE": "123456",
                "ANSWER": "PASSWORD", "PASSWORD": PASSWORD, "SRP_A": "a1", "CREDENTIAL": "{}",
            },
        });
        app.cognito("RespondToAuthChallenge", input)
            .await
            .expect_refusal("NotAuthorizedException", "Invalid session for the user.");
    }
    for operation in ["AssociateSoftwareToken", "VerifySoftwareToken"] {
        let input = json!({ "Session": asked["Session"], "UserCode": "123456" });
        app.cognito(operation, input)
            .await
            .expect_refusal("NotAuthorizedException", "Invalid session for the user.");
    }
}

#[tokio::test]
async fn a_software_token_is_set_up_and_then_asked_for() {
    let app = App::new().await;
    let tokens = app.user_tokens().await;
    let access = &tokens["AccessToken"];
    let by_token = |members: Value| {
        let mut input = members;
        input["AccessToken"] = access.clone();
        input
    };
    let enabled = by_token(json!({ "SoftwareTokenMfaSettings": { "Enabled": true } }));

    app.cognito("SetUserMFAPreference", enabled)
        .await
        .expect_refusal("InvalidParameterException", "User has not verified software token mfa");
    app.cognito("VerifySoftwareToken", by_token(json!({ "UserCode": "123456" }))).await.expect_refusal(
        "SoftwareTokenMFANotFoundException",
        "Software Token MFA does not exist for the user.",
    );
    app.cognito("AssociateSoftwareToken", by_token(json!({}))).await.expect(200);
    app.cognito("VerifySoftwareToken", by_token(json!({ "UserCode": "000000" })))
        .await
        .expect_refusal("EnableSoftwareTokenMFAException", "Code mismatch");
    let secret = enrol(&app, access).await;

    let asked = app.password_auth(ANN, PASSWORD).await.expect(200);
    assert_eq!(members(&asked), ["ChallengeName", "ChallengeParameters", "Session"]);
    assert_eq!(asked["ChallengeName"], "SOFTWARE_TOKEN_MFA");
    let shown = code(&secret, &app.clock);
    let wrong = format!("{:06}", (shown.parse::<u32>().unwrap() + 1) % 1_000_000);
    for wrong in [&wrong, "12345", "nonsense", ""] {
        app.respond(&asked, json!({ "SOFTWARE_TOKEN_MFA_CODE": wrong }))
            .await
            .expect_refusal("CodeMismatchException", "Invalid code received for user");
    }
    let done = app.respond(&asked, json!({ "SOFTWARE_TOKEN_MFA_CODE": shown })).await.expect(200);
    let again = app.password_auth(ANN, PASSWORD).await.expect(200);
    app.respond(&again, json!({ "SOFTWARE_TOKEN_MFA_CODE": shown }))
        .await
        .expect_refusal("ExpiredCodeException", "Your software token has already been used once.");

    let refusal = "Sign in with your second factor before you change this.";
    let off = json!({ "SoftwareTokenMfaSettings": { "Enabled": false } });
    app.cognito("SetUserMFAPreference", by_token(off.clone()))
        .await
        .expect_refusal("NotAuthorizedException", refusal);
    let mut off = off;
    off["AccessToken"] = done["AuthenticationResult"]["AccessToken"].clone();
    app.cognito("SetUserMFAPreference", off).await.expect(200);
    app.password_auth(ANN, PASSWORD).await.expect(200)["AuthenticationResult"].as_object().unwrap();
}

#[tokio::test]
async fn a_second_factor_that_is_not_offered_cannot_be_asked_for() {
    let app = App::new().await;
    let access = app.user_tokens().await["AccessToken"].clone();
    for (settings, name) in [
        ("SMSMfaSettings", "SMS_MFA"),
        ("EmailMfaSettings", "EMAIL_OTP"),
        ("WebAuthnMfaSettings", "WEB_AUTHN"),
    ] {
        let input = json!({ "AccessToken": access, settings: { "Enabled": true } });
        app.cognito("SetUserMFAPreference", input).await.expect_refusal(
            "InvalidParameterException",
            &format!("{name} isn't a second factor of this user pool."),
        );
        let input = json!({ "AccessToken": access, settings: { "Enabled": false } });
        app.cognito("SetUserMFAPreference", input).await.expect(200);
    }
    let input = json!({ "AccessToken": access, "SoftwareTokenMfaSettings": { "PreferredMfa": true } });
    app.cognito("SetUserMFAPreference", input).await.expect_refusal(
        "InvalidParameterException",
        "SOFTWARE_TOKEN_MFA can't be preferred without being enabled.",
    );
}

/// Sets the home pool's second factors.
async fn set_factors(app: &App, factors: PoolFactors) {
    let pool_id = app.keyward.local_pool().id();
    app.keyward.set_pool_factors(&Caller::operator(), pool_id, factors).await.unwrap();
}

#[tokio::test]
async fn where_everybody_needs_a_second_factor_it_is_set_up_before_there_are_tokens() {
    let app = App::new().await;
    app.new_user().await;
    let (mfa, software_token_mfa) = (Some(MfaMode::On), Some(true));
    set_factors(&app, PoolFactors { mfa, software_token_mfa, ..PoolFactors::default() }).await;
    let asked = app.password_auth(ANN, TEMPORARY).await.expect(200);

    let asked = app.respond(&asked, json!({ "USERNAME": ANN, "NEW_PASSWORD": PASSWORD })).await.expect(200);

    assert_eq!(members(&asked), ["ChallengeName", "ChallengeParameters", "Session"]);
    assert_eq!(asked["ChallengeName"], "MFA_SETUP");
    assert_eq!(members(&asked["ChallengeParameters"]), ["MFAS_CAN_SETUP", "USER_ID_FOR_SRP"]);
    assert_eq!(asked["ChallengeParameters"]["MFAS_CAN_SETUP"], r#"["SOFTWARE_TOKEN_MFA"]"#);
    let associated =
        app.cognito("AssociateSoftwareToken", json!({ "Session": asked["Session"] })).await.expect(200);
    assert_eq!(members(&associated), ["SecretCode", "Session"]);
    let verify = |session: &Value, code: String| {
        let input = json!({ "Session": session, "UserCode": code, "FriendlyDeviceName": "phone" });
        app.cognito("VerifySoftwareToken", input)
    };
    verify(&associated["Session"], "000000".into())
        .await
        .expect_refusal("EnableSoftwareTokenMFAException", "Code mismatch");
    let shown = code(&associated["SecretCode"], &app.clock);
    let verified = verify(&associated["Session"], shown).await.expect(200);
    assert_eq!(members(&verified), ["Session", "Status"]);
    let respond = |session: &Value| {
        let input = json!({
            "ClientId": app.client_id(), "ChallengeName": "MFA_SETUP", "Session": session,
            "ChallengeResponses": { "USERNAME": ANN },
        });
        app.cognito("RespondToAuthChallenge", input)
    };
    let used = "Invalid session for the user, session can only be used once.";
    for session in [&asked["Session"], &associated["Session"]] {
        respond(session).await.expect_refusal("NotAuthorizedException", used);
    }
    let done = respond(&verified["Session"]).await.expect(200);
    assert_eq!(members(&done), ["AuthenticationResult", "ChallengeParameters"]);
    respond(&verified["Session"]).await.expect_refusal("NotAuthorizedException", used);
    app.cognito("AssociateSoftwareToken", json!({}))
        .await
        .expect_refusal("InvalidParameterException", "Missing required parameter AccessToken");
}

#[tokio::test]
async fn one_of_several_second_factors_is_selected() {
    let app = App::new().await;
    let access = app.user_tokens().await["AccessToken"].clone();
    set_factors(&app, PoolFactors { email: Some(EmailMfa::default()), ..PoolFactors::default() }).await;
    enrol(&app, &access).await;
    let input = json!({
        "UserPoolId": app.keyward.local_pool().id(), "Username": ANN,
        "SoftwareTokenMfaSettings": { "Enabled": true }, "EmailMfaSettings": { "Enabled": true },
    });
    let signing = app.signing(ADMIN_BOT).await;
    assert_eq!(app.signed(&signing, "AdminSetUserMFAPreference", input).await.expect(200).text, "{}");

    let asked = app.password_auth(ANN, PASSWORD).await.expect(200);
    assert_eq!(asked["ChallengeName"], "SELECT_MFA_TYPE");
    assert_eq!(asked["ChallengeParameters"]["MFAS_CAN_CHOOSE"], r#"["SOFTWARE_TOKEN_MFA","EMAIL_OTP"]"#);
    app.respond(&asked, json!({ "ANSWER": "CARRIER_PIGEON" })).await.expect_refusal(
        "InvalidParameterException",
        "ANSWER must be SMS_MFA, EMAIL_OTP or SOFTWARE_TOKEN_MFA.",
    );
    let asked = app.respond(&asked, json!({ "USERNAME": ANN, "ANSWER": "EMAIL_OTP" })).await.expect(200);
    assert_eq!(asked["ChallengeName"], "EMAIL_OTP");
    let parameters = &asked["ChallengeParameters"];
    assert_eq!(
        members(parameters),
        ["CODE_DELIVERY_DELIVERY_MEDIUM", "CODE_DELIVERY_DESTINATION", "USER_ID_FOR_SRP"]
    );
    assert_eq!(parameters["CODE_DELIVERY_DELIVERY_MEDIUM"], "EMAIL");
    assert_eq!(parameters["CODE_DELIVERY_DESTINATION"], "a***@e***");
    let code = sent(&app).await;
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    app.respond(&asked, json!({ "EMAIL_OTP_CODE": wrong }))
        .await
        .expect_refusal("CodeMismatchException", "Invalid code or auth state for the user.");
    let done = app.respond(&asked, json!({ "EMAIL_OTP_CODE": code })).await.expect(200);

    let tokens = &done["AuthenticationResult"];
    let own =
        app.cognito("GetUserAuthFactors", json!({ "AccessToken": tokens["AccessToken"] })).await.expect(200);
    assert_eq!(
        own.json,
        json!({
            "Username": ANN, "UserMFASettingList": ["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"],
            "ConfiguredUserAuthFactors": ["PASSWORD", "SOFTWARE_TOKEN"],
        })
    );
    let someone = json!({ "UserPoolId": app.keyward.local_pool().id(), "Username": ANN });
    let told = app.signed(&signing, "AdminGetUserAuthFactors", someone.clone()).await.expect(200);
    assert_eq!(told.json, own.json);
    let user = app.signed(&signing, "AdminGetUser", someone.clone()).await.expect(200);
    assert_eq!(user["UserMFASettingList"], json!(["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]));
    assert_eq!(app.signed(&signing, "AdminDeleteSoftwareToken", someone).await.expect(200).text, "{}");
    let asked = app.password_auth(ANN, PASSWORD).await.expect(200);
    assert_eq!(asked["ChallengeName"], "EMAIL_OTP");
}

#[tokio::test]
async fn a_user_signs_in_by_choice() {
    let app = App::new().await;
    app.user_tokens().await;
    let pool = app.keyward.local_pool();
    let settings = UserPoolSettings {
        first_factors: vec![FirstFactor::Password, FirstFactor::EmailOtp],
        ..pool.settings().await.unwrap()
    };
    app.keyward.update_user_pool(&Caller::operator(), pool.id(), None, settings).await.unwrap();
    let settings = AppClientSettings {
        flows: vec!["ALLOW_USER_AUTH".into()],
        hides_unknown_users: true,
        ..AppClientSettings::default()
    };
    let new = NewAppClient { name: "choosing".into(), settings, secret: NewSecret::None };
    let made = app.keyward.create_app_client(&Caller::operator(), pool.id(), new).await.unwrap();
    let client_id = made.client.id;
    let initiate = |parameters: Value| {
        let input = json!({ "AuthFlow": "USER_AUTH", "ClientId": client_id, "AuthParameters": parameters });
        app.cognito("InitiateAuth", input)
    };
    let respond = |asked: &Answer, responses: Value| {
        let input = json!({
            "ClientId": client_id, "ChallengeName": asked["ChallengeName"], "Session": asked["Session"],
            "ChallengeResponses": responses,
        });
        app.cognito("RespondToAuthChallenge", input)
    };

    initiate(json!({}))
        .await
        .expect_refusal("InvalidParameterException", "Missing required parameter USERNAME");
    for name in [ANN, "nobody@example.com"] {
        let asked = initiate(json!({ "USERNAME": name })).await.expect(200);
        assert_eq!(
            members(&asked),
            ["AvailableChallenges", "ChallengeName", "ChallengeParameters", "Session"]
        );
        assert_eq!(asked["ChallengeName"], "SELECT_CHALLENGE");
        assert_eq!(asked["AvailableChallenges"], json!(["PASSWORD_SRP", "PASSWORD", "EMAIL_OTP"]));
        let asked = respond(&asked, json!({ "USERNAME": name, "ANSWER": "EMAIL_OTP" })).await.expect(200);
        assert_eq!(asked["ChallengeName"], "EMAIL_OTP");
        assert_eq!(asked["ChallengeParameters"]["CODE_DELIVERY_DELIVERY_MEDIUM"], "EMAIL");
        respond(&asked, json!({ "USERNAME": name, "EMAIL_OTP_CODE": "00000000" }))
            .await
            .expect_refusal("CodeMismatchException", "Invalid code or auth state for the user.");
        if name == ANN {
            let responses = json!({ "USERNAME": name, "EMAIL_OTP_CODE": sent(&app).await });
            let done = respond(&asked, responses).await.expect(200);
            assert_eq!(members(&done), ["AuthenticationResult", "ChallengeParameters"]);
        }
    }
    let asked = initiate(json!({ "USERNAME": ANN, "PREFERRED_CHALLENGE": "PASSWORD" })).await.expect(200);
    assert_eq!(asked["ChallengeName"], "PASSWORD");
    respond(&asked, json!({ "USERNAME": ANN, "PASSWORD": PASSWORD })).await.expect(200);
    let parameters = json!({ "USERNAME": ANN, "PREFERRED_CHALLENGE": "PASSWORD", "PASSWORD": PASSWORD });
    let done = initiate(parameters).await.expect(200);
    assert_eq!(members(&done), ["AuthenticationResult", "ChallengeParameters"]);
    let parameters = json!({ "USERNAME": ANN, "PREFERRED_CHALLENGE": "PASSWORD_SRP", "SRP_A": "a1" });
    let asked = initiate(parameters).await.expect(200);
    assert_eq!(asked["ChallengeName"], "PASSWORD_VERIFIER");
    assert_eq!(asked["ChallengeParameters"]["USERNAME"], ANN);
    // What there is no choice of is no preference.
    let asked = initiate(json!({ "USERNAME": ANN, "PREFERRED_CHALLENGE": "WEB_AUTHN" })).await.expect(200);
    assert_eq!(asked["ChallengeName"], "SELECT_CHALLENGE");
    respond(&asked, json!({ "USERNAME": ANN, "ANSWER": "WEB_AUTHN" }))
        .await
        .expect_refusal("InvalidParameterException", "That isn't one of the challenges to choose from.");
    let done = respond(&asked, json!({ "USERNAME": ANN, "ANSWER": "PASSWORD", "PASSWORD": PASSWORD })).await;
    assert_eq!(members(&done.expect(200)), ["AuthenticationResult", "ChallengeParameters"]);
}

#[tokio::test]
async fn get_user_tells_of_the_account_and_its_second_factor() {
    let app = App::new().await;
    let tokens = app.user_tokens().await;
    let id = app.keyward.user(&Caller::operator(), ANN).await.unwrap().id;
    let get_user =
        async || app.cognito("GetUser", json!({ "AccessToken": tokens["AccessToken"] })).await.expect(200);
    let mut expected = json!({
        "Username": ANN,
        "UserAttributes": [
            { "Name": "sub", "Value": id },
            { "Name": "email", "Value": ANN },
            { "Name": "email_verified", "Value": "true" },
            { "Name": "phone_number", "Value": "+12345678900" },
            { "Name": "phone_number_verified", "Value": "false" },
        ],
    });

    assert_eq!(get_user().await.json, expected);
    enrol(&app, &tokens["AccessToken"]).await;

    expected["PreferredMfaSetting"] = "SOFTWARE_TOKEN_MFA".into();
    expected["UserMFASettingList"] = json!(["SOFTWARE_TOKEN_MFA"]);
    assert_eq!(get_user().await.json, expected);
}

#[tokio::test]
async fn a_refresh_token_brings_the_other_two() {
    let app = App::new().await;
    let tokens = app.admin_tokens().await;

    for flow in ["REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"] {
        let parameters = json!({ "REFRESH_TOKEN": tokens["RefreshToken"], "SECRET_HASH": "ignored" });
        let answer = app.initiate(flow, parameters).await.expect(200);
        let result = &answer["AuthenticationResult"];
        assert_eq!(members(result), ["AccessToken", "ExpiresIn", "IdToken", "TokenType"]);
        assert_ne!(result["AccessToken"], tokens["AccessToken"]);
    }
    app.initiate("REFRESH_TOKEN", json!({ "REFRESH_TOKEN": "x" }))
        .await
        .expect_refusal("NotAuthorizedException", "Invalid Refresh Token.");
}

#[tokio::test]
async fn refresh_tokens_rotate_where_the_client_says_so() {
    let app = App::new().await;
    app.user_tokens().await;
    let (pool_id, operator) = (app.keyward.local_pool().id(), Caller::operator());
    let settings = AppClientSettings {
        flows: vec!["ALLOW_USER_PASSWORD_AUTH".into()],
        rotation_grace_seconds: Some(0),
        ..AppClientSettings::default()
    };
    let new = NewAppClient { name: "rotating".into(), settings, secret: NewSecret::Generated };
    let made = app.keyward.create_app_client(&operator, pool_id, new).await.unwrap();
    let (client_id, secret) = (made.client.id, made.secret.unwrap());
    let hash = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()),
        format!("{ANN}{client_id}").as_bytes(),
    );
    let sign_in = |hash: Value| {
        let parameters = json!({ "USERNAME": ANN, "PASSWORD": PASSWORD, "SECRET_HASH": hash });
        let input =
            json!({ "AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client_id, "AuthParameters": parameters });
        app.cognito("InitiateAuth", input)
    };
    let get = |token: &Value| {
        let input = json!({
            "ClientId": client_id, "RefreshToken": token, "ClientSecret": secret, "DeviceKey": "us-east-1_0a",
        });
        app.cognito("GetTokensFromRefreshToken", input)
    };

    sign_in(Value::Null).await.expect_refusal(
        "NotAuthorizedException",
        &format!("Client {client_id} is configured with secret but SECRET_HASH was not received"),
    );
    let wrong = format!("Unable to verify secret hash for client {client_id}");
    sign_in(json!("bm8=")).await.expect_refusal("NotAuthorizedException", &wrong);
    let tokens = sign_in(json!(STANDARD.encode(hash))).await.expect(200)["AuthenticationResult"].clone();
    let answer = get(&tokens["RefreshToken"]).await.expect(200);
    assert_eq!(members(&answer), ["AuthenticationResult"]);
    let renewed = &answer["AuthenticationResult"];
    assert_eq!(members(renewed), ["AccessToken", "ExpiresIn", "IdToken", "RefreshToken", "TokenType"]);
    get(&tokens["RefreshToken"]).await.expect_refusal(
        "RefreshTokenReuseException",
        "Refresh Token has been used before, so the session was ended; sign in again.",
    );
    get(&renewed["RefreshToken"])
        .await
        .expect_refusal("NotAuthorizedException", "Refresh Token has been revoked");
    let without = json!({ "ClientId": client_id, "RefreshToken": renewed["RefreshToken"] });
    let refused = app.cognito("GetTokensFromRefreshToken", without.clone()).await.expect(400);
    assert_eq!(refused["__type"], "NotAuthorizedException");
    let without = json!({ "ClientId": client_id, "Token": renewed["RefreshToken"] });
    let refused = app.cognito("RevokeToken", without).await.expect(400);
    assert_eq!(refused["__type"], "UnauthorizedException");
}

#[tokio::test]
async fn a_client_may_be_one_that_does_not_revoke() {
    let app = App::new().await;
    let (pool_id, operator) = (app.keyward.local_pool().id(), Caller::operator());
    let settings = AppClientSettings { revokes_tokens: false, ..AppClientSettings::default() };
    let new = NewAppClient { name: "lasting".into(), settings, secret: NewSecret::None };
    let made = app.keyward.create_app_client(&operator, pool_id, new).await.unwrap();

    app.cognito("RevokeToken", json!({ "Token": "x", "ClientId": made.client.id }))
        .await
        .expect_refusal("UnsupportedOperationException", "Token revocation isn't enabled for this client.");
}

#[tokio::test]
async fn signing_out_ends_what_it_should() {
    let app = App::new().await;
    let (one, other) = (app.admin_tokens().await, app.admin_tokens().await);
    let client_id = app.client_id();
    let revoke = |token: &Value| app.cognito("RevokeToken", json!({ "Token": token, "ClientId": client_id }));
    let refresh =
        |tokens: &Value| app.initiate("REFRESH_TOKEN", json!({ "REFRESH_TOKEN": tokens["RefreshToken"] }));
    let get_user = |tokens: &Value| app.cognito("GetUser", json!({ "AccessToken": tokens["AccessToken"] }));

    for token in ["AccessToken", "IdToken"] {
        revoke(&one[token]).await.expect_refusal(
            "UnsupportedTokenTypeException",
            "Only a refresh token can be revoked; send that one.",
        );
    }
    assert_eq!(revoke(&one["RefreshToken"]).await.expect(200).text, "{}");
    revoke(&json!("unknown")).await.expect(200);
    refresh(&one).await.expect_refusal("NotAuthorizedException", "Refresh Token has been revoked");
    get_user(&one).await.expect_refusal("NotAuthorizedException", "Access Token has been revoked");
    get_user(&other).await.expect(200);

    let answer =
        app.cognito("GlobalSignOut", json!({ "AccessToken": other["AccessToken"] })).await.expect(200);
    assert_eq!(answer.text, "{}");
    refresh(&other).await.expect_refusal("NotAuthorizedException", "Refresh Token has been revoked");
    get_user(&other).await.expect_refusal("NotAuthorizedException", "Access Token has been revoked");
}

#[tokio::test]
async fn a_disabled_user_is_told_so_with_the_right_password_alone() {
    let app = App::new().await;
    let tokens = app.user_tokens().await;
    let update = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    app.keyward.update_user(&Caller::operator(), ANN, update).await.unwrap();

    app.password_auth(ANN, PASSWORD).await.expect_refusal("NotAuthorizedException", "User is disabled.");
    app.password_auth(ANN, TEMPORARY).await.expect_refusal("NotAuthorizedException", INCORRECT);
    app.cognito("GetUser", json!({ "AccessToken": tokens["AccessToken"] }))
        .await
        .expect_refusal("NotAuthorizedException", "User is disabled.");
}

#[tokio::test]
async fn a_token_lets_in_at_the_other_surfaces_while_it_is_good() {
    let app = App::new().await;
    let tokens = app.admin_tokens().await;
    let list = async |token: &str| {
        let bearer = format!("Bearer {}", tokens[token].as_str().unwrap());
        app.client(&bearer).get("/user/cognito").await.status.as_u16()
    };
    assert_eq!((list("AccessToken").await, list("IdToken").await), (200, 200));

    app.cognito("GlobalSignOut", json!({ "AccessToken": tokens["AccessToken"] })).await.expect(200);

    assert_eq!((list("AccessToken").await / 100, list("IdToken").await / 100), (4, 4));
}
