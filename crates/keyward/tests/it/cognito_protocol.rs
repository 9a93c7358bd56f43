//! The protocol itself: targets, bodies, members, headers, discovery.

use axum::http::Method;
use keyward::cognito::{MODEL, OPERATIONS};
use keyward_core::caller::Caller;
use serde_json::json;

use crate::cognito_support::example_input;
use crate::support::{ADMIN, ADMIN_PASSWORD, App};

#[tokio::test]
async fn an_operation_that_is_not_there_is_said_to_be_unknown() {
    let app = App::new().await;
    let message = "There is no such operation; X-Amz-Target names it.";

    for target in ["Nonsense", "AdminGetUsers", "initiateauth", "InitiateAuth ", ""] {
        app.cognito(target, json!({})).await.expect_refusal("UnknownOperationException", message);
    }
    // Whatever the body is.
    app.cognito_raw("Nonsense", "{".into()).await.expect_refusal("UnknownOperationException", message);
    let post = || app.anonymous().request(Method::POST, "/").body("{}");
    post().await.expect_refusal("UnknownOperationException", message);
    post()
        .header("x-amz-target", "AWSCognitoIdentityService.InitiateAuth")
        .await
        .expect_refusal("UnknownOperationException", message);
}

#[tokio::test]
async fn another_method_expect_refusal() {
    let app = App::new().await;
    // `GET /` is answered by the dialect of RawScribe.
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let answer = app.anonymous().request(method, "/").await.expect(405);

        assert_eq!(answer["__type"], "UnknownOperationException");
        assert_eq!(answer.header("allow"), "GET,HEAD,POST");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_a_serialization_exception_that_repeats_nothing() {
    // One that asks for no signature, which would come before the body.
    let app = App::with_settings(&[("KEYWARD_DEV", "true")]).await;
    for operation in MODEL.iter().map(|operation| operation.name) {
        for body in ["", "{", "nonsense", "[]", "\"text\"", "4711", "null", "{\"a\":}", "\u{fffd}"] {
            let answer = app.cognito_raw(operation, body.into()).await.expect(400);
            assert_eq!(answer["__type"], "SerializationException", "{operation} {body}");
        }
        let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let answer = app.cognito_raw(operation, nested).await.expect(400);
        assert_eq!(answer["__type"], "SerializationException", "{operation}");
    }
    app.cognito("InitiateAuth", json!({ "AuthParameters": { "PASSWORD": 47_114_711 } }))
        .await
        .expect_refusal("SerializationException", "NUMBER_VALUE can not be converted to a String");
    app.cognito("GetUser", json!({ "AccessToken": ["secret"] }))
        .await
        .expect_refusal("SerializationException", "Start of list found where not expected");
    app.cognito("SetUserMFAPreference", json!({ "SoftwareTokenMfaSettings": { "Enabled": "true" } }))
        .await
        .expect_refusal("SerializationException", "STRING_VALUE can not be converted to a Boolean");
    let large = format!(r#"{{"AccessToken":"{}"}}"#, "a".repeat(1024 * 1024));
    app.cognito_raw("GetUser", large).await.expect(413);
}

#[tokio::test]
async fn members_that_are_missing_or_out_of_bounds_are_named() {
    let app = App::new().await;
    let null = |member: &str| {
        format!("Value null at '{member}' failed to satisfy constraint: Member must not be null")
    };
    let one = |fault: &str| format!("1 validation error detected: {fault}");
    let refused = async |operation: &str, input: serde_json::Value, message: &str| {
        app.cognito(operation, input).await.expect_refusal("InvalidParameterException", message);
    };

    let both = format!("2 validation errors detected: {}; {}", null("authFlow"), null("clientId"));
    refused("InitiateAuth", json!({}), &both).await;
    refused("InitiateAuth", json!({ "AuthFlow": null, "Unknown": 1 }), &both).await;
    let both = format!("2 validation errors detected: {}; {}", null("clientId"), null("challengeName"));
    refused("RespondToAuthChallenge", json!({}), &both).await;
    for operation in ["GetUser", "GlobalSignOut", "SetUserMFAPreference"] {
        refused(operation, json!({}), &one(&null("accessToken"))).await;
    }
    let both = format!("2 validation errors detected: {}; {}", null("token"), null("clientId"));
    refused("RevokeToken", json!({}), &both).await;
    refused("VerifySoftwareToken", json!({}), &one(&null("userCode"))).await;
    refused("AssociateSoftwareToken", json!({}), "Missing required parameter AccessToken").await;
    refused(
        "VerifySoftwareToken",
        json!({ "UserCode": "12345a" }),
        &one("Value at 'userCode' failed to satisfy constraint: \
              Member must satisfy regular expression pattern: [0-9]+"),
    )
    .await;
    refused(
        "GetUser",
        json!({ "AccessToken": "not a token" }),
        &one("Value at 'accessToken' failed to satisfy constraint: \
              Member must satisfy regular expression pattern: [A-Za-z0-9-_=.]+"),
    )
    .await;
    refused(
        "InitiateAuth",
        json!({ "AuthFlow": "PASSWORD", "ClientId": "a" }),
        &one("Value 'PASSWORD' at 'authFlow' failed to satisfy constraint: \
              Member must satisfy enum value set: [USER_SRP_AUTH, REFRESH_TOKEN_AUTH, REFRESH_TOKEN, \
              CUSTOM_AUTH, ADMIN_NO_SRP_AUTH, USER_PASSWORD_AUTH, ADMIN_USER_PASSWORD_AUTH, USER_AUTH]"),
    )
    .await;
    refused(
        "RespondToAuthChallenge",
        json!({ "ClientId": "a".repeat(129), "ChallengeName": "SMS_MFA", "Session": "short" }),
        "2 validation errors detected: Value at 'clientId' failed to satisfy constraint: \
         Member must have length less than or equal to 128; Value at 'session' failed to satisfy constraint: \
         Member must have length greater than or equal to 20",
    )
    .await;
}

#[tokio::test]
async fn every_answer_says_which_request_it_is_for_and_is_not_kept() {
    let app = App::new().await;
    let good = app.password_auth(ADMIN, ADMIN_PASSWORD).header("x-request-id", "abc-1").await.expect(200);
    let bad = app.password_auth(ADMIN, "wrong").header("x-request-id", "abc-1").await.expect(400);

    for answer in [good, bad] {
        assert_eq!(answer.header("x-amzn-requestid"), "abc-1");
        assert_eq!(answer.header("content-type"), "application/x-amz-json-1.1");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "x-amzn-requestid,x-amzn-errortype,x-amzn-errormessage,date"
        );
    }
}

#[tokio::test]
async fn a_browser_may_ask_with_the_headers_that_it_needs() {
    let app = App::new().await;
    let headers = "cache-control,content-type,x-amz-target,x-amz-user-agent";

    let answer = app
        .anonymous()
        .request(Method::OPTIONS, "/")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", headers)
        .await
        .expect(200);

    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-headers"), headers);
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert_eq!(answer.header("access-control-max-age"), "172800");
}

#[tokio::test]
async fn discovery_agrees_with_the_issuer_and_leads_to_the_keys() {
    let app = App::new().await;
    let pool = app.keyward.local_pool().id().to_owned();
    let path = |document: &str| format!("/{pool}/.well-known/{document}");

    let document = app.anonymous().get(&path("openid-configuration")).await.expect(200);
    assert_eq!(document.str("issuer"), app.keyward.local_pool().issuer());
    assert_eq!(document.str("issuer"), format!("http://localhost:8480/{pool}"));
    assert_eq!(document.str("jwks_uri"), format!("{}/.well-known/jwks.json", document.str("issuer")));

    let keys = app.anonymous().get(&path("jwks.json")).await.expect(200);
    assert_eq!(keys.json, app.keyward.local_pool().jwks());
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert!(!keys.text.contains("\"d\""));
    for answer in [document, keys] {
        assert_eq!(answer.header("cache-control"), "public, max-age=3600");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
}

#[tokio::test]
async fn the_issuer_may_be_elsewhere_than_the_keys() {
    let settings = [
        ("KEYWARD_ISSUER", "https://cognito-idp.us-east-1.amazonaws.com/{pool}"),
        ("KEYWARD_PUBLIC_URL", "https://id.example.com"),
    ];
    let app = App::with_settings(&settings).await;
    let pool = app.keyward.local_pool().id().to_owned();

    let document =
        app.anonymous().get(&format!("/{pool}/.well-known/openid-configuration")).await.expect(200);

    assert_eq!(document.str("issuer"), format!("https://cognito-idp.us-east-1.amazonaws.com/{pool}"));
    assert_eq!(document.str("jwks_uri"), format!("https://id.example.com/{pool}/.well-known/jwks.json"));
}

#[tokio::test]
async fn an_unknown_pool_has_no_documents() {
    let app = App::new().await;
    for pool in ["us-east-1_unknown00", "x", "%00"] {
        for document in ["openid-configuration", "jwks.json"] {
            app.anonymous().get(&format!("/{pool}/.well-known/{document}")).await.expect(404);
        }
    }
}

#[tokio::test]
async fn without_its_database_it_lets_nobody_in() {
    let app = App::new().await;
    let tokens = app.admin_tokens().await;
    app.keyward.close().await;

    let answers = [
        app.password_auth(ADMIN, ADMIN_PASSWORD).await,
        app.initiate("REFRESH_TOKEN_AUTH", json!({ "REFRESH_TOKEN": tokens["RefreshToken"] })).await,
        app.cognito("GetUser", json!({ "AccessToken": tokens["AccessToken"] })).await,
    ];

    for answer in answers {
        answer.expect_refusal(
            "InternalErrorException",
            "The database doesn't answer now; try again in a moment.",
        );
    }
}

/// What somebody does who has no token yet, or a refresh token alone.
const WITHOUT_ACCESS_TOKEN: [&str; 9] = [
    "ConfirmForgotPassword",
    "ConfirmSignUp",
    "ForgotPassword",
    "GetTokensFromRefreshToken",
    "InitiateAuth",
    "ResendConfirmationCode",
    "RespondToAuthChallenge",
    "RevokeToken",
    "SignUp",
];

#[tokio::test]
async fn no_other_operation_does_anything_for_a_token_that_is_not_good() {
    let app = App::new().await;
    let tokens = app.admin_tokens().await;
    let access = tokens["AccessToken"].as_str().unwrap();
    let (message, signature) = access.rsplit_once('.').unwrap();
    let (header, claims) = message.split_once('.').unwrap();
    let poor = [
        String::from("x"),
        format!("{header}.{claims}."),
        format!("{header}.{}.{signature}", claims.replace('I', "J")),
        tokens["IdToken"].as_str().unwrap().to_owned(),
        tokens["RefreshToken"].as_str().unwrap().to_owned(),
    ];
    let by_token = |token: &str| {
        let mut members = example_input();
        members["AccessToken"] = token.into();
        let operations = OPERATIONS.iter().filter(|name| !WITHOUT_ACCESS_TOKEN.contains(*name));
        operations.map(|name| app.cognito(name, members.clone())).collect::<Vec<_>>()
    };

    for token in &poor {
        for request in by_token(token) {
            request.await.expect_refusal("NotAuthorizedException", "Invalid Access Token");
        }
    }
    app.keyward.sign_out_user(&Caller::operator(), ADMIN).await.unwrap();
    for request in by_token(access) {
        request.await.expect_refusal("NotAuthorizedException", "Access Token has been revoked");
    }
    for operation in OPERATIONS {
        let answer = app.cognito(operation, json!({})).await.expect(400);
        assert_eq!(answer["__type"], "InvalidParameterException", "{operation}");
    }
}
