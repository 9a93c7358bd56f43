//! What VAMS' command line asks before and after it signs in.

use keyward_core::caller::Origin;
use keyward_core::error::{Code, Result};
use keyward_core::local_pool::sign_in::{Answer as To, Question, SignIn, SignInRequest, Tokens};
use keyward_core::secret::Secret;
use serde_json::json;

use crate::support::{ADMIN, ADMIN_PASSWORD, App, Client};

/// A person's session, by their password.
pub(crate) async fn sign_in(app: &App, username: &str, password: &str) -> Result<SignIn> {
    let origin = Origin::default();
    let request = SignInRequest::new(&origin, &app.client_id);
    app.keyward.sign_in_with_password(request, username, &password.into()).await
}

/// The same of somebody with a temporary password, who chooses another one.
pub(crate) async fn first_sign_in(app: &App, username: &str, temporary: &str, password: &str) -> Tokens {
    let SignIn::Challenge(challenge) = sign_in(app, username, temporary).await.unwrap() else {
        panic!("a temporary password was let in");
    };
    assert_eq!(challenge.question, Question::NewPassword);
    let origin = Origin::default();
    let request = SignInRequest::new(&origin, &app.client_id);
    let to = To { request, session: &challenge.session, username: None };
    done(app.keyward.choose_password(to, &password.into()).await.unwrap())
}

pub(crate) fn done(sign_in: SignIn) -> Tokens {
    let SignIn::Done(tokens) = sign_in else { panic!("more was asked for") };
    tokens
}

/// Whether the refresh token of an ended session is refused.
pub(crate) async fn is_over(app: &App, tokens: &Tokens) -> bool {
    let origin = Origin::default();
    let request = SignInRequest::new(&origin, &app.client_id);
    let refreshed = app.keyward.refresh(request, tokens.refresh_token.as_ref().unwrap()).await;
    refreshed.is_err_and(|error| error.code == Code::Unauthenticated)
}

pub(crate) fn bearer(app: &App, token: &Secret) -> Client {
    app.client(&format!("Bearer {}", token.expose()))
}

#[tokio::test]
async fn the_version_is_that_of_the_command_line() {
    let app = App::new().await;

    assert_eq!(app.anonymous().get("/api/version").await.expect(200).text, r#"{"version":"2.5.1"}"#);
}

#[tokio::test]
async fn setup_learns_where_the_api_is_and_whom_to_sign_in_with() {
    let app = App::with_settings(&[("KEYWARD_PUBLIC_URL", "https://keyward.example.com")]).await;

    let config = app.anonymous().get("/api/amplify-config").await.expect(200);

    assert_eq!(config.str("api"), "https://keyward.example.com");
    assert_eq!(config.str("region"), "us-east-1");
    assert_eq!(config.str("cognitoUserPoolId"), app.keyward.local_pool().id());
    assert_eq!(config.str("cognitoAppClientId"), app.client_id);
    assert_eq!(config.str("stackName"), "keyward");
    assert_eq!(config.str("bannerHtmlMessage"), "");
    for absent in [
        "cognitoIdentityPoolId",
        "externalOAuthIdpURL",
        "externalOAuthIdpClientId",
        "externalOAuthIdpScope",
        "externalOAuthIdpScopeMfa",
        "externalOAuthIdpTokenEndpoint",
        "externalOAuthIdpAuthorizationEndpoint",
        "externalOAuthIdpDiscoveryEndpoint",
        "contentSecurityPolicy",
    ] {
        assert_eq!(config.str(absent), "undefined");
    }
}

#[tokio::test]
async fn what_is_public_asks_for_no_credential_and_minds_no_bad_one() {
    let app = App::new().await;

    for path in ["/api/version", "/api/amplify-config"] {
        app.client("Bearer nonsense").get(path).await.expect(200);
    }
}

#[tokio::test]
async fn whoever_is_let_in_has_a_login_profile_seen_before_or_not() {
    let app = App::new().await;
    let bot = app.holder(&["read:database"]).await;
    let profile = json!({ "message": { "Items": [{ "userId": bot.username, "email": "" }] } });

    for id in [&bot.username, &bot.username.to_uppercase(), &bot.user_id] {
        let path = format!("/auth/loginProfile/{id}");
        assert_eq!(bot.get(&path).await.expect(200).json, profile);
        assert_eq!(bot.post(&path, json!({})).await.expect(200).json, profile);
        assert_eq!(bot.post(&path, json!({ "email": "x@example.com" })).await.expect(200).json, profile);
    }
    let path = format!("/auth/loginProfile/{}", bot.username);
    bot.post(&path, json!({ "email": "no address" })).await.expect(400);
}

#[tokio::test]
async fn a_login_profile_is_for_its_own_user() {
    let app = App::new().await;

    for other in [ADMIN, "nobody@example.com", "%00"] {
        let path = format!("/auth/loginProfile/{other}");
        assert_eq!(app.admin().get(&path).await.expect(403).str("message"), "Not Authorized");
        assert_eq!(app.admin().post(&path, json!({})).await.expect(403).str("message"), "Not Authorized");
    }
}

#[tokio::test]
async fn the_features_are_one_text() {
    let app = App::new().await;

    let config = app.holder(&[]).await.get("/secure-config").await.expect(200);

    assert_eq!(
        config.json,
        json!({
            "featuresEnabled": "AUTHPROVIDER_COGNITO",
            "locationServiceApiUrl": "",
            "webDeployedUrl": "",
        })
    );
}

#[tokio::test]
async fn of_the_routes_that_are_asked_about_those_that_the_caller_may_call_come_back() {
    let app = App::new().await;
    let bot = app.holder(&["view:users"]).await;
    let asked = json!({ "routes": [
        { "method": "GET", "route__path": "/user/cognito" },
        { "method": "POST", "route__path": "/user/cognito" },
        { "method": "GET", "route__path": "/roles" },
        { "method": "get", "route__path": "/secure-config" },
        { "method": "PUT", "route__path": "/user/cognito/ada@example.com" },
        { "method": "GET", "route__path": "/database" },
        { "method": "GET", "route__path": "/user/cognito/" },
    ] });

    let for_bot = bot.post("/auth/routes", asked.clone()).await.expect(200);
    let for_admin = app.admin().post("/auth/routes", asked).await.expect(200);

    let web = |method, path| json!({ "method": method, "route__path": path, "object__type": "web" });
    assert_eq!(
        for_bot.json,
        json!({
            "allowedRoutes": [web("GET", "/user/cognito"), web("get", "/secure-config")],
            "email": bot.username,
        })
    );
    assert_eq!(for_admin["allowedRoutes"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_wrong_question_about_routes_is_no_defect_of_ours() {
    let app = App::new().await;

    for wrong in [json!({}), json!({ "routes": ["/x"] }), json!({ "routes": {} }), json!({ "routes": [{}] })]
    {
        app.admin().post("/auth/routes", wrong).await.expect(400);
    }
    app.admin().post("/auth/routes", json!({ "routes": [] })).await.expect(200);
}

/// 34
#[tokio::test]
async fn a_person_has_a_login_profile_from_the_first_sign_in_on() {
    let app = App::new().await;
    let tokens = done(sign_in(&app, ADMIN, ADMIN_PASSWORD).await.unwrap());
    let profile = json!({ "message": { "Items": [{ "userId": ADMIN, "email": ADMIN }] } });
    let path = format!("/auth/loginProfile/{ADMIN}");

    for token in [&tokens.access_token, &tokens.id_token] {
        let person = bearer(&app, token);
        assert_eq!(person.get(&path).await.expect(200).json, profile);
        let claimed = person.post(&path, json!({ "email": "other@example.com" })).await.expect(200);
        assert_eq!(claimed.json, profile);
        person.get("/user/cognito").await.expect(200);
    }
}
