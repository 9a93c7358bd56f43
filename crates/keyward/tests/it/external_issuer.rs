//! Tokens of another issuer, which is asked for its keys over HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaPublicKeyComponents};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use keyward_core::caller::Caller;
use keyward_core::user::NewUser;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::{ADMIN, ADMIN_PASSWORD, App};

const ME: &str = "/api/auth/me";
const USERS: &str = "/api/v1/users";
const PASSWORD: &str = "Correct-Horse-9!";

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A server that ends with the test.
struct Running(JoinHandle<()>);

impl Running {
    fn start(listener: TcpListener, router: Router) -> Self {
        Self(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keyward that accepts tokens of this issuer.
async fn believing(issuer: &str, audience: &str, claim: &str, roles: &str) -> App {
    App::with_settings(&[
        ("KEYWARD_OIDC_ISSUER", issuer),
        ("KEYWARD_OIDC_AUDIENCE", audience),
        ("KEYWARD_OIDC_GROUPS_CLAIM", claim),
        ("KEYWARD_OIDC_ROLES", roles),
    ])
    .await
}

async fn id_token(app: &App, username: &str, password: &str) -> String {
    let body = json!({ "username": username, "password": password });
    app.anonymous().post("/api/auth/login", body).await.expect(200).str("token").to_owned()
}

#[tokio::test]
async fn another_keyward_may_be_the_issuer() {
    let (listener, url) = listener().await;
    let issuer = App::with_settings(&[("KEYWARD_PUBLIC_URL", &url)]).await;
    let _running = Running::start(listener, issuer.router.clone());
    let new = NewUser {
        username: "bob@example.com".into(),
        roles: vec!["RESEARCHERS".into()],
        password: Some(PASSWORD.into()),
        ..NewUser::default()
    };
    issuer.keyward.create_user(&Caller::operator(), new).await.unwrap();
    let pool = issuer.keyward.local_pool().issuer().to_owned();
    let app = believing(&pool, &issuer.client_id, "cognito:groups", "ADMINS=LAB_MANAGERS").await;

    // The same name and group as an admin's here, and yet no more than the role that was given.
    let ada = app.client(&format!("Bearer {}", id_token(&issuer, ADMIN, ADMIN_PASSWORD).await));
    let me = ada.get(ME).await.expect(200);
    assert_eq!((&me["groups"], &me["isAdmin"]), (&json!(["LAB_MANAGERS"]), &json!(false)));
    ada.get(USERS).await.expect(200);
    ada.post("/api/v1/roles", json!({ "name": "all", "description": "All", "permissions": ["*"] }))
        .await
        .expect(403);
    ada.post(USERS, json!({ "username": "eve@example.com", "roles": ["ADMINS"] })).await.expect(403);
    ada.post(USERS, json!({ "username": "eve@example.com" })).await.expect(201);
    let events = app.admin().get("/api/v1/audit?action=user.create").await.expect(200);
    let actor = &events["items"][0]["actor"];
    assert_eq!((&actor["kind"], &actor["name"]), (&json!("external"), &json!(ADMIN)), "{}", events.text);
    // Rights are asked of the roles as they are now.
    app.keyward.delete_role(&Caller::operator(), "LAB_MANAGERS", None).await.unwrap();
    ada.get(USERS).await.expect(403);

    let bob = id_token(&issuer, "bob@example.com", PASSWORD).await;
    let bob = app.client(&format!("Bearer {bob}"));
    assert_eq!(bob.get(ME).await.expect(200)["permissions"], json!([]));
    bob.get(USERS).await.expect(403);
    // Only tokens for this audience, and while they last.
    let other = believing(&pool, "another", "cognito:groups", "ADMINS=ADMINS").await;
    other.client(&format!("Bearer {}", bob.secret())).get(ME).await.expect(401);
    app.advance(Duration::from_hours(1));
    ada.get(ME).await.expect(401);
    // Those of the home pool work as ever.
    let own = id_token(&app, ADMIN, ADMIN_PASSWORD).await;
    app.client(&format!("Bearer {own}")).get(USERS).await.expect(200);
}

/// An issuer of this test's own, with its keys by their ids.
struct Issuer {
    url: String,
    keys: Arc<Mutex<Vec<(String, KeyPair)>>>,
    asked: Arc<AtomicUsize>,
    running: Running,
}

impl Issuer {
    async fn new() -> Self {
        let (listener, url) = listener().await;
        let keys = Arc::new(Mutex::new(vec![("first".to_owned(), new_key())]));
        let asked = Arc::new(AtomicUsize::new(0));
        let discovery = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        let jwks = {
            let (keys, asked) = (Arc::clone(&keys), Arc::clone(&asked));
            async move || {
                asked.fetch_add(1, Ordering::SeqCst);
                let keys: Vec<_> = keys.lock().unwrap().iter().map(|(kid, key)| jwk(kid, key)).collect();
                Json(json!({ "keys": keys }))
            }
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(discovery)))
            .route("/keys", get(jwks));
        Self { url, keys, asked, running: Running::start(listener, router) }
    }

    fn claims(&self, app: &App) -> Value {
        let now = app.clock.now_seconds();
        json!({
            "iss": self.url, "sub": "ada-1", "aud": ["keyward", "others"], "exp": now + 300, "iat": now,
            "email": "ada@example.org", "groups": ["lab-admins", "everybody"],
        })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let keys = self.keys.lock().unwrap();
        let (_, key) = keys.iter().find(|(kid, _)| header["kid"] == **kid).unwrap_or(&keys[0]);
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("Bearer {signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).unwrap()
}

fn jwk(kid: &str, key: &KeyPair) -> Value {
    let public = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": encode(&public.n), "e": encode(&public.e) })
}

fn header(kid: &str) -> Value {
    json!({ "alg": "RS256", "kid": kid })
}

#[tokio::test]
async fn only_what_the_issuer_has_signed_for_us_is_believed() {
    let issuer = Issuer::new().await;
    let app = believing(&issuer.url, "keyward", "groups", "lab-admins=ADMINS,nobody=CLINICIANS").await;
    let claims = issuer.claims(&app);
    let now = app.clock.now_seconds();
    let with = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        issuer.sign(&header("first"), &claims)
    };
    let without = |name: &str| {
        let mut claims = claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        issuer.sign(&header("first"), &claims)
    };

    let me = app.client(&issuer.sign(&header("first"), &claims)).get(ME).await.expect(200);
    assert_eq!(
        me.json,
        json!({
            "id": "ada-1", "email": "ada@example.org", "username": "ada@example.org", "name": "ada@example.org",
            "groups": ["ADMINS"], "permissions": ["*"], "isAdmin": true,
        })
    );
    app.client(&with("aud", json!("keyward"))).get(ME).await.expect(200);

    let good = issuer.sign(&header("first"), &claims);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let hmac = {
        let header = json!({ "alg": "HS256", "kid": "first" });
        let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        // The public key as a secret, the oldest trick.
        let secret = jwk("first", &issuer.keys.lock().unwrap()[0].1)["n"].as_str().unwrap().to_owned();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
        let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
        format!("Bearer {signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag))
    };
    for token in [
        without("exp"),
        without("aud"),
        without("sub"),
        without("iss"),
        with("exp", json!(now)),
        with("aud", json!("others")),
        with("aud", json!([])),
        with("iss", json!("https://login.example.com")),
        with("nbf", json!(now + 120)),
        issuer.sign(&json!({ "alg": "none", "kid": "first" }), &claims),
        issuer.sign(&json!({ "alg": "RS512", "kid": "first" }), &claims),
        issuer.sign(&json!({ "alg": "RS256" }), &claims),
        issuer.sign(&json!({ "alg": "RS256", "kid": "first", "crit": ["b64"] }), &claims),
        issuer.sign(&header("unknown"), &claims),
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode([0; 256])),
        hmac,
    ] {
        app.client(&token).get(ME).await.expect(401);
    }
    // What is no list of texts is no group, and none gives a role that isn't mapped.
    for groups in
        [json!("lab-admins-too"), json!({ "lab-admins": true }), json!([["lab-admins"]]), json!("ADMINS")]
    {
        let poor = app.client(&with("groups", groups));
        assert_eq!(poor.get(ME).await.expect(200)["permissions"], json!([]));
        poor.get(USERS).await.expect(403);
    }
}

#[tokio::test]
async fn keys_are_kept_asked_for_anew_by_their_ids_and_never_too_often() {
    let issuer = Issuer::new().await;
    let app = believing(&issuer.url, "keyward", "groups", "lab-admins=ADMINS").await;
    let ask = async |kid: &str| app.client(&issuer.sign(&header(kid), &issuer.claims(&app))).get(ME).await;
    let asked = || issuer.asked.load(Ordering::SeqCst);

    ask("first").await.expect(200);
    ask("first").await.expect(200);
    assert_eq!(asked(), 1);
    issuer.keys.lock().unwrap().push(("second".to_owned(), new_key()));
    // Nobody makes us ask the issuer at will.
    ask("second").await.expect(401);
    ask("third").await.expect(401);
    assert_eq!(asked(), 1);
    app.advance(Duration::from_secs(5));
    ask("second").await.expect(200);
    assert_eq!(asked(), 2);

    // While it can't be reached, what is known is good, and what isn't can't be known.
    issuer.running.0.abort();
    app.advance(Duration::from_secs(5));
    ask("first").await.expect(200);
    ask("fourth").await.expect(503);
}
