//! What the tests of the Cognito protocol stand on.

use aws_lc_rs::hmac;
use axum::http::{HeaderValue, Method};
use keyward_core::app_client::{AppClientSettings, NewAppClient, NewSecret};
use keyward_core::caller::Caller;
use keyward_core::clock::Clock;
use keyward_core::page::Cursor;
use keyward_core::user::NewUser;
use keyward_core::user_pool::{NewUserPool, UserPoolSettings};
use serde_json::{Value, json};

use crate::evidence;
use crate::support::{ADMIN, ADMIN_PASSWORD, Answer, App, Request};

pub(crate) const ANN: &str = "ann@example.com";
pub(crate) const TEMPORARY: &str = "Temporary-1";
pub(crate) const PASSWORD: &str = "Correct-horse-2";

/// An input that is good for every operation of the model: all that any of them requires. What an operation
/// doesn't know it ignores.
pub(crate) fn example_input() -> Value {
    serde_json::from_str(EXAMPLE_INPUT).unwrap()
}

const EXAMPLE_INPUT: &str = r#"{
    "AccessToken": "x", "AttributeName": "email", "AuthFlow": "USER_PASSWORD_AUTH",
    "ChallengeName": "NEW_PASSWORD_REQUIRED", "ClientId": "0123456789abcdefghijklmnop", "ClientName": "app",
    "ClientSecretId": "x", "CloudWatchLogsRoleArn": "arn:aws:iam::123456789012:role/logs", "Code": "123456",
    "ConfirmationCode": "123456", "Credential": { "id": "x" }, "CredentialId": "x",
    "CustomAttributes": [{ "Name": "colour", "AttributeDataType": "String" }], "DestinationUser": {},
    "DeviceKey": "us-east-1_0a", "Domain": "app", "Enforcement": "NONE", "EventId": "x", "FeedbackToken": "x",
    "FeedbackValue": "Valid", "GroupName": "RESEARCHERS", "Identifier": "https://example.com",
    "IdpIdentifier": "x", "JobId": "import-x", "JobName": "x",
    "LimitDefinition": { "LimitClass": "API_CATEGORY", "Attributes": {} }, "LogConfigurations": [],
    "MFAOptions": [], "ManagedLoginBrandingId": "7f9c4b5e-1d2a-4c3b-8a4d-5e6f7a8b9c0d", "MaxResults": 10,
    "Name": "x", "Password": "x", "PoolName": "pool", "ProposedPassword": "x", "ProviderDetails": {},
    "ProviderName": "Login", "ProviderType": "OIDC", "RefreshToken": "x", "RegionName": "eu-west-1",
    "RequestedLimitValue": 1, "ResourceArn": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/x",
    "SSOSession": { "MaxValidityMinutes": 60 }, "Secret": "0123456789abcdefghijklmnop",
    "SessionId": "tkn0123456789abcdefghijklmno", "SourceUser": {}, "Status": "ACTIVE", "SubjectToken": "x",
    "SubjectTokenType": "ID_TOKEN", "TagKeys": ["stage"], "Tags": { "stage": "test" },
    "TermsId": "7f9c4b5e-1d2a-4c3b-8a4d-5e6f7a8b9c0d", "TermsName": "terms-of-use", "TermsSource": "LINK",
    "Token": "x", "TokenSession": { "MaxPerUser": 1 }, "User": {}, "UserAttributeNames": ["email"],
    "UserAttributes": [], "UserCode": "123456", "UserPoolId": "us-east-1_0123456789",
    "UserSessionTracking": "ENABLED", "Username": "ann@example.com"
}"#;

/// When [`Signing`] signs: what the clock of an [`App`] stands at first.
pub(crate) const NOW: &str = "20270115T120000Z";

/// How a client of AWS signs a request (AWS Signature Version 4); a test may have it do so wrongly.
#[derive(Clone)]
pub(crate) struct Signing {
    pub(crate) access_key_id: String,
    pub(crate) secret: String,
    pub(crate) at: String,
    pub(crate) region: &'static str,
    pub(crate) service: &'static str,
    /// In place of the hash of the body.
    pub(crate) payload: Option<&'static str>,
    /// The names of the headers to be signed.
    pub(crate) headers: &'static [&'static str],
}

impl Signing {
    /// What a client signs with that has this access key, rightly.
    pub(crate) fn with(access_key_id: &str, secret: &str) -> Self {
        Self {
            access_key_id: access_key_id.to_owned(),
            secret: secret.to_owned(),
            at: NOW.to_owned(),
            region: "us-east-1",
            service: "cognito-idp",
            payload: None,
            headers: &["content-type", "host", "x-amz-date", "x-amz-target"],
        }
    }

    /// The value of `Authorization` for a request with this body for this operation.
    pub(crate) fn authorization(&self, operation: &str, body: &str) -> String {
        let Self { access_key_id, at, region, service, headers, .. } = self;
        let names = headers.join(";");
        let mut canonical = vec!["POST".to_owned(), "/".to_owned(), String::new()];
        canonical.extend(headers.iter().map(|name| {
            let target = format!("AWSCognitoIdentityProviderService.{operation}");
            let value = match *name {
                "content-type" => "application/x-amz-json-1.1",
                "host" => "localhost:8480",
                "x-amz-date" => at,
                "x-amz-target" => &target,
                other => panic!("no value for {other}"),
            };
            format!("{name}:{value}")
        }));
        let hash = || keyward_core::sha256_hex(body.as_bytes());
        canonical.extend([String::new(), names.clone(), self.payload.map_or_else(hash, str::to_owned)]);
        let scope = format!("{}/{region}/{service}/aws4_request", &at[..8]);
        let canonical = keyward_core::sha256_hex(canonical.join("\n").as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{canonical}");
        let sign = |key: &[u8], text: &str| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
        };
        let key =
            scope.split('/').fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| sign(&key, part));
        let digits: Vec<String> = sign(&key, &text).iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "AWS4-HMAC-SHA256 Credential={access_key_id}/{scope}, SignedHeaders={names}, Signature={}",
            digits.concat()
        )
    }
}

/// What a client of the protocol does.
impl App {
    pub(crate) fn client_id(&self) -> String {
        self.client_id.clone()
    }

    /// A request for this operation, to be sent by awaiting it.
    pub(crate) fn cognito(&self, operation: &str, input: impl Into<Value>) -> Request {
        self.cognito_raw(operation, input.into().to_string())
    }

    /// The same with any body.
    pub(crate) fn cognito_raw(&self, operation: &str, body: String) -> Request {
        self.anonymous()
            .request(Method::POST, "/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", &format!("AWSCognitoIdentityProviderService.{operation}"))
            .body(body)
    }

    /// What a client signs with that has a new access key of this user, who has a role.
    pub(crate) async fn signing(&self, user: &str) -> Signing {
        let issued = self.keyward.create_access_key(&Caller::operator(), user).await.unwrap();
        evidence::secret(issued.secret.expose());
        Signing::with(&issued.key.id, issued.secret.expose())
    }

    /// A request for this operation, signed.
    pub(crate) fn signed(&self, signing: &Signing, operation: &str, input: impl Into<Value>) -> Request {
        let body = input.into().to_string();
        let authorization = signing.authorization(operation, &body);
        self.with_authorization(&authorization, &signing.at, operation, body)
    }

    /// A request for this operation, with the headers that a client sends who signs.
    pub(crate) fn with_authorization(
        &self,
        authorization: &str,
        at: &str,
        operation: &str,
        body: String,
    ) -> Request {
        self.cognito_raw(operation, body)
            .header("host", "localhost:8480")
            .header("x-amz-date", at)
            .header("authorization", authorization)
    }

    pub(crate) fn initiate(&self, flow: &str, parameters: impl Into<Value>) -> Request {
        let (client_id, parameters): (_, Value) = (self.client_id(), parameters.into());
        self.cognito(
            "InitiateAuth",
            json!({ "AuthFlow": flow, "ClientId": client_id, "AuthParameters": parameters }),
        )
    }

    pub(crate) fn password_auth(&self, username: &str, password: &str) -> Request {
        self.initiate("USER_PASSWORD_AUTH", json!({ "USERNAME": username, "PASSWORD": password }))
    }

    /// The answer to the challenge in `asked`.
    pub(crate) fn respond(&self, asked: &Answer, responses: impl Into<Value>) -> Request {
        let (client_id, responses): (_, Value) = (self.client_id(), responses.into());
        self.cognito(
            "RespondToAuthChallenge",
            json!({
                "ClientId": client_id, "ChallengeName": asked["ChallengeName"], "Session": asked["Session"],
                "ChallengeResponses": responses,
            }),
        )
    }

    /// The same by a back end that signs: `InitiateAuth`, in its own flow.
    #[expect(clippy::needless_pass_by_value, reason = "a value is written where it is used")]
    pub(crate) fn admin_initiate(&self, signing: &Signing, flow: &str, parameters: Value) -> Request {
        let (pool_id, client_id) = (self.keyward.local_pool().id(), self.client_id());
        let input = json!({
            "UserPoolId": pool_id, "ClientId": client_id, "AuthFlow": flow, "AuthParameters": parameters,
        });
        self.signed(signing, "AdminInitiateAuth", input)
    }

    /// The same by a back end: the answer to the challenge in `asked`.
    #[expect(clippy::needless_pass_by_value, reason = "a value is written where it is used")]
    pub(crate) fn admin_respond(&self, signing: &Signing, asked: &Answer, responses: Value) -> Request {
        let (pool_id, client_id) = (self.keyward.local_pool().id(), self.client_id());
        let input = json!({
            "UserPoolId": pool_id, "ClientId": client_id, "ChallengeName": asked["ChallengeName"],
            "Session": asked["Session"], "ChallengeResponses": responses,
        });
        self.signed(signing, "AdminRespondToAuthChallenge", input)
    }

    /// The tokens of the first admin.
    pub(crate) async fn admin_tokens(&self) -> Value {
        self.password_auth(ADMIN, ADMIN_PASSWORD).await.expect(200)["AuthenticationResult"].clone()
    }

    /// Makes a pool with an app client that has every flow on; their ids.
    pub(crate) async fn pool(&self, settings: UserPoolSettings) -> (String, String) {
        let (operator, name) = (Caller::operator(), "other".to_owned());
        let new = NewUserPool { name, settings, region: None };
        let pool = self.keyward.create_user_pool(&operator, new).await.unwrap();
        let flows = ["USER_PASSWORD", "USER_SRP", "ADMIN_USER_PASSWORD", "REFRESH_TOKEN", "USER", "CUSTOM"];
        let flows = flows.map(|flow| format!("ALLOW_{flow}_AUTH"));
        let settings = AppClientSettings { flows: flows.to_vec(), ..AppClientSettings::default() };
        let new = NewAppClient { name: "client".into(), settings, secret: NewSecret::None };
        let described = self.keyward.create_app_client(&operator, &pool.id, new).await.unwrap();
        (pool.id, described.client.id)
    }

    /// Makes a user who has a temporary password.
    pub(crate) async fn new_user(&self) {
        let new = NewUser {
            username: ANN.into(),
            phone: Some("+12345678900".into()),
            temporary_password: Some(TEMPORARY.into()),
            ..NewUser::default()
        };
        self.keyward.create_user(&Caller::operator(), new).await.unwrap();
    }

    /// Makes a user who has chosen a password; their tokens.
    pub(crate) async fn user_tokens(&self) -> Value {
        self.new_user().await;
        let asked = self.password_auth(ANN, TEMPORARY).await.expect(200);
        let answer = self.respond(&asked, json!({ "NEW_PASSWORD": PASSWORD })).await.expect(200);
        answer["AuthenticationResult"].clone()
    }
}

impl Answer {
    /// Asserts that this is a failure of the protocol, in body and headers alike.
    #[track_caller]
    pub(crate) fn expect_refusal(self, name: &str, message: &str) {
        assert_eq!(self.text, json!({ "__type": name, "message": message }).to_string());
        assert_eq!(self.header("x-amzn-errortype"), name);
        // What a header can hold is in one.
        let is_fit = message.len() <= 4096 && HeaderValue::from_str(message).is_ok();
        let expected = if is_fit { message } else { "" };
        assert_eq!(self.header("x-amzn-errormessage"), expected);
        assert_eq!(self.header("content-type"), "application/x-amz-json-1.1");
        assert_eq!(self.status.as_u16(), if name == "InternalErrorException" { 500 } else { 400 });
    }
}

/// What an authenticator application shows for `secret` now.
pub(crate) fn code(secret: &Value, clock: &Clock) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret.as_str().unwrap()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).build_noncompliant();
    totp.generate(u64::try_from(clock.now_seconds()).unwrap()).to_string()
}

/// Sets up a software token for the user of these tokens; its secret.
pub(crate) async fn enrol(app: &App, access_token: &Value) -> Value {
    let associated =
        app.cognito("AssociateSoftwareToken", json!({ "AccessToken": access_token })).await.expect(200);
    let secret = associated["SecretCode"].clone();
    let input = json!({ "AccessToken": access_token, "UserCode": code(&secret, &app.clock) });
    let verified = app.cognito("VerifySoftwareToken", input).await.expect(200);
    assert_eq!(verified.text, r#"{"Status":"SUCCESS"}"#);
    let settings = json!({ "Enabled": true, "PreferredMfa": true });
    let others = json!({ "Enabled": false, "PreferredMfa": false });
    let input = json!({
        "AccessToken": access_token, "SoftwareTokenMfaSettings": settings, "SMSMfaSettings": others,
    });
    assert_eq!(app.cognito("SetUserMFAPreference", input).await.expect(200).text, "{}");
    app.clock.advance_ms(30_000);
    secret
}

/// The names of an object's members, sorted.
pub(crate) fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The digits in the message that was made last.
pub(crate) async fn sent(app: &App) -> String {
    let page = app.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap();
    let body = page.items.last().unwrap().content.body.expose().to_owned();
    body.split(|character: char| !character.is_ascii_digit()).find(|text| text.len() >= 6).unwrap().to_owned()
}
