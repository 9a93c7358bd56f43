//! The operations that AWS signs: who is let in by a signature, and who isn't.

use axum::http::HeaderMap;
use keyward::cognito::SIGNED_OPERATIONS;
use keyward_core::caller::Caller;
use keyward_core::user::UserUpdate;
use serde_json::{Value, json};

use crate::cognito_support::{ANN, NOW, Signing};
use crate::support::{ADMIN, ADMIN_BOT, App, Request};

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check \
    your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const UNKNOWN: &str = "The security token included in the request is invalid.";

/// About the first admin.
fn question(app: &App) -> Value {
    json!({ "UserPoolId": app.keyward.local_pool().id(), "Username": ADMIN })
}

fn get_user(app: &App, signing: &Signing) -> Request {
    app.signed(signing, "AdminGetUser", question(app))
}

#[tokio::test]
async fn admin_get_user_tells_what_aws_tells() {
    let app = App::new().await;
    let signing = app.signing(ADMIN_BOT).await;
    let pool_id = app.keyward.local_pool().id();
    let ask = |username: &str| {
        app.signed(&signing, "AdminGetUser", json!({ "UserPoolId": pool_id, "Username": username }))
    };
    app.new_user().await;

    let answer = ask(ANN).await.expect(200);

    let sub = answer["UserAttributes"][0]["Value"].as_str().unwrap();
    assert_eq!(
        answer.json,
        json!({
            "Username": ANN,
            "UserAttributes": [
                { "Name": "sub", "Value": sub },
                { "Name": "email", "Value": ANN },
                { "Name": "email_verified", "Value": "true" },
                { "Name": "phone_number", "Value": "+12345678900" },
                { "Name": "phone_number_verified", "Value": "false" },
            ],
            "UserCreateDate": 1_800_014_400.0,
            "UserLastModifiedDate": 1_800_014_400.0,
            "Enabled": true,
            "UserStatus": "FORCE_CHANGE_PASSWORD",
        })
    );
    assert_eq!(ask(sub).await.expect(200).json, answer.json);
    assert_eq!(ask("Ann@Example.com").await.expect(200)["Username"], ANN);

    let person = app.person_with_mfa(&["ADMINS"]).await;
    let update = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    app.keyward.update_user(&Caller::operator(), &person.username, update).await.unwrap();
    let answer = ask(&person.username).await.expect(200);
    assert_eq!((&answer["Enabled"], &answer["UserStatus"]), (&json!(false), &json!("CONFIRMED")));
    assert_eq!(answer["UserMFASettingList"], json!(["SOFTWARE_TOKEN_MFA"]));
    assert_eq!(answer["PreferredMfaSetting"], "SOFTWARE_TOKEN_MFA");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_awss_words() {
    let app = App::new().await;
    let signing = app.signing(ADMIN_BOT).await;
    let pool_id = app.keyward.local_pool().id();

    // A program user is a name that Keyward alone knows, and nobody in the pool.
    for username in ["nobody@example.com", "00000000-0000-4000-8000-000000000000", ADMIN_BOT] {
        app.signed(&signing, "AdminGetUser", json!({ "UserPoolId": pool_id, "Username": username }))
            .await
            .expect_refusal("UserNotFoundException", "User does not exist.");
    }
    app.signed(&signing, "AdminGetUser", json!({ "UserPoolId": "us-east-1_other", "Username": ADMIN }))
        .await
        .expect_refusal("ResourceNotFoundException", "User pool us-east-1_other does not exist.");
    app.signed(&signing, "AdminGetUser", json!({})).await.expect_refusal(
        "InvalidParameterException",
        "2 validation errors detected: Value null at 'userPoolId' failed to satisfy constraint: Member must \
         not be null; Value null at 'username' failed to satisfy constraint: Member must not be null",
    );
    app.signed(&signing, "AdminGetUser", json!([]))
        .await
        .expect_refusal("SerializationException", "The body must be an object, not a list.");
}

#[tokio::test]
async fn no_operation_that_aws_signs_does_anything_unsigned() {
    let app = App::new().await;
    let tokens = app.admin_tokens().await;
    let access_token = tokens["AccessToken"].as_str().unwrap();
    let good = app.signing(ADMIN_BOT).await;
    let credential = format!("Credential={}/20270115/us-east-1/cognito-idp/aws4_request", good.access_key_id);
    let incomplete = "IncompleteSignatureException";
    let parameters = "Authorization header requires 'Credential' parameter. Authorization header requires \
        'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.";

    for operation in SIGNED_OPERATIONS {
        let ask = |authorization: &str| {
            app.with_authorization(authorization, NOW, operation, question(&app).to_string())
        };
        // Whatever the body is: nobody reads it.
        for body in [question(&app).to_string(), "{".into(), String::new()] {
            app.cognito_raw(operation, body)
                .await
                .expect_refusal("MissingAuthenticationTokenException", "Missing Authentication Token");
        }
        for authorization in [
            "",
            "AWS4-HMAC-SHA256",
            &format!("AWS4-HMAC-SHA512 {credential}, SignedHeaders=host, Signature=0"),
            &format!("Bearer {access_token}"),
            app.admin().secret(),
            "Basic dXNlcjpwYXNzd29yZA==",
        ] {
            ask(authorization).await.expect_refusal(incomplete, parameters);
        }
        ask(&format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host"))
            .await
            .expect_refusal(incomplete, "Authorization header requires 'Signature' parameter.");
        app.cognito(operation, question(&app))
            .header("authorization", "AWS4-HMAC-SHA256 Signature=0")
            .await
            .expect_refusal(
                incomplete,
                "Authorization header requires 'Credential' parameter. Authorization header requires \
                 'SignedHeaders' parameter. Authorization header requires existence of either a 'X-Amz-Date' \
                 or a 'Date' header.",
            );
        ask("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE, SignedHeaders=host, Signature=0")
            .await
            .expect_refusal(
                incomplete,
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term.",
            );
        let authorization = good.authorization(operation, &question(&app).to_string());
        app.with_authorization(&authorization, "2027-01-15", operation, question(&app).to_string())
            .await
            .expect_refusal(incomplete, "Date must be in ISO-8601 'basic format': 20270115T120000Z.");
        // Two headers are two opinions about who is asking.
        ask(&authorization)
            .header("authorization", &authorization)
            .await
            .expect_refusal(incomplete, parameters);
    }
}

#[tokio::test]
async fn a_signature_is_good_for_what_was_signed_alone() {
    let app = App::new().await;
    let good = app.signing(ADMIN_BOT).await;
    let body = question(&app).to_string();
    let refused = async |signing: &Signing, name: &str, message: &str| {
        get_user(&app, signing).await.expect_refusal(name, message);
    };

    get_user(&app, &good).await.expect(200);
    // The same request again, within its time, is what AWS lets in too.
    get_user(&app, &good).await.expect(200);
    get_user(&app, &Signing { region: "eu-west-1", ..good.clone() }).await.expect(200);

    let mismatch = "InvalidSignatureException";
    let stranger = app.signing(ADMIN_BOT).await;
    refused(&Signing { secret: stranger.secret, ..good.clone() }, mismatch, MISMATCH).await;
    refused(&Signing { payload: Some("UNSIGNED-PAYLOAD"), ..good.clone() }, mismatch, MISMATCH).await;
    let other_service = "Credential should be scoped to correct service: 'cognito-idp'.";
    refused(&Signing { service: "sts", ..good.clone() }, mismatch, other_service).await;
    let unknown = Signing { access_key_id: "AKIAIOSFODNN7EXAMPLE".into(), ..good.clone() };
    refused(&unknown, "UnrecognizedClientException", UNKNOWN).await;

    let authorization = good.authorization("AdminGetUser", &body);
    let send = |at: &str, operation: &str, body: &str| {
        app.with_authorization(&authorization, at, operation, body.to_owned())
    };
    send(NOW, "AdminGetUser", &body).await.expect(200);
    let other_body = body.replace(ADMIN, ANN);
    send(NOW, "AdminGetUser", &other_body).await.expect_refusal(mismatch, MISMATCH);
    send("20270115T120001Z", "AdminGetUser", &body).await.expect_refusal(mismatch, MISMATCH);
    send(NOW, "AdminGetUser", &body)
        .header("content-type", "text/plain")
        .await
        .expect_refusal(mismatch, MISMATCH);
    let from_yesterday = authorization.replace("/20270115/", "/20270114/");
    app.with_authorization(&from_yesterday, NOW, "AdminGetUser", body).await.expect_refusal(
        mismatch,
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
         '20270115'.",
    );
}

#[tokio::test]
async fn what_makes_the_request_another_must_be_signed() {
    let app = App::new().await;
    let good = app.signing(ADMIN_BOT).await;
    let all: &[(&str, &'static [&'static str])] = &[
        ("Host' or ':authority", &["content-type", "x-amz-date", "x-amz-target"]),
        ("x-amz-date", &["content-type", "host", "x-amz-target"]),
        ("x-amz-target", &["content-type", "host", "x-amz-date"]),
    ];
    for (name, headers) in all {
        let message = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
        let signing = Signing { headers, ..good.clone() };
        get_user(&app, &signing).await.expect_refusal("InvalidSignatureException", &message);
    }
    // The rest a client may leave out: a proxy could have added it.
    let signing = Signing { headers: &["host", "x-amz-date", "x-amz-target"], ..good };
    get_user(&app, &signing).await.expect(200);
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes() {
    let app = App::new().await;
    let good = app.signing(ADMIN_BOT).await;
    let signed_at = |at: &str| get_user(&app, &Signing { at: at.to_owned(), ..good.clone() });

    signed_at("20270115T115500Z").await.expect(200);
    signed_at("20270115T115459Z").await.expect_refusal(
        "InvalidSignatureException",
        "Signature expired: 20270115T115459Z is now earlier than 20270115T115500Z \
         (20270115T120000Z - 5 min.)",
    );
    signed_at("20270115T120500Z").await.expect(200);
    signed_at("20270115T120501Z").await.expect_refusal(
        "InvalidSignatureException",
        "Signature not yet current: 20270115T120501Z is still later than 20270115T120500Z \
         (20270115T120000Z + 5 min.)",
    );
}

#[tokio::test]
async fn a_key_has_its_users_rights_of_this_moment() {
    let app = App::new().await;
    let poor = app.holder(&["nothing:here"]).await;
    let signing = app.signing(&poor.username).await;
    get_user(&app, &signing).await.expect_refusal(
        "AccessDeniedException",
        "This needs the permission view:users; ask an administrator for a role that has it.",
    );

    app.create_role("seers", &["view:users"]).await;
    app.give_roles(&poor.username, &["seers"]).await;
    get_user(&app, &signing).await.expect(200);

    let update = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    app.keyward.update_user(&Caller::operator(), &poor.username, update).await.unwrap();
    get_user(&app, &signing).await.expect_refusal("UnrecognizedClientException", UNKNOWN);
}

#[tokio::test]
async fn without_its_database_it_lets_nobody_in() {
    let app = App::new().await;
    let signing = app.signing(ADMIN_BOT).await;
    app.keyward.close().await;

    get_user(&app, &signing)
        .await
        .expect_refusal("InternalErrorException", "The database doesn't answer now; try again in a moment.");
}

#[tokio::test]
async fn a_developers_server_lets_everybody_in_but_pages_from_elsewhere() {
    let app = App::with_settings(&[("KEYWARD_DEV", "true")]).await;
    let ask = || app.cognito("AdminGetUser", question(&app));
    let headers = |pairs: &[(&str, &str)]| -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    };

    for shown in [
        headers(&[]),
        headers(&[("authorization", "AWS4-HMAC-SHA256 Credential=test/20200101/eu-west-1/cognito-idp/x")]),
        headers(&[("authorization", "nonsense")]),
        headers(&[("origin", "http://localhost:3000")]),
        headers(&[("origin", "http://127.0.0.1:5173")]),
    ] {
        let request = shown
            .iter()
            .fold(ask(), |request, (name, value)| request.header(name.as_str(), value.to_str().unwrap()));
        assert_eq!(request.await.expect(200)["Username"], ADMIN);
    }
    for origin in ["https://example.com", "http://rebound.example.com:8480", "null"] {
        ask()
            .header("origin", origin)
            .await
            .expect_refusal("MissingAuthenticationTokenException", "Missing Authentication Token");
    }
}
