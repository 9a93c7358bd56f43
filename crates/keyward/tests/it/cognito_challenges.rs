//! What a sign-in may ask for, of whoever signs in and of a back end that signs its users in: both are asked
//! the same.

use serde_json::{Value, json};

use crate::cognito_support::{PASSWORD, Signing, TEMPORARY, code, members, sent};
use crate::support::{ADMIN_BOT, Answer, App, Request};

const NAME: &str = "ann";
const EMAIL: &str = "ann@example.com";
const NUMBER: &str = "+12345678900";
const WRONG_CODE: &str = "Invalid code or auth state for the user.";
const INVALID: &str = "Invalid session for the user.";
const USED: &str = "Invalid session for the user, session can only be used once.";
const EXPIRED: &str = "Invalid session for the user, session is expired.";

/// A pool with an app client, and who asks there.
struct Place {
    app: App,
    signing: Signing,
    is_back_end: bool,
    pool_id: String,
    client_id: String,
}

impl Place {
    /// One where whoever signs in asks, and one where a back end does.
    async fn both(settings: Value, factors: Value) -> [Self; 2] {
        [Self::new(false, settings.clone(), factors.clone()).await, Self::new(true, settings, factors).await]
    }

    async fn new(is_back_end: bool, mut settings: Value, mut factors: Value) -> Self {
        let app = App::new().await;
        let signing = app.signing(ADMIN_BOT).await;
        settings["PoolName"] = "pool".into();
        let made = app.signed(&signing, "CreateUserPool", settings).await.expect(200);
        let pool_id = made["UserPool"]["Id"].as_str().unwrap().to_owned();
        if factors != json!({}) {
            factors["UserPoolId"] = pool_id.clone().into();
            app.signed(&signing, "SetUserPoolMfaConfig", factors).await.expect(200);
        }
        let client_id = String::new();
        let place = Self { app, signing, is_back_end, pool_id, client_id };
        let client_id = place.client(json!({})).await;
        Self { client_id, ..place }
    }

    /// The id of a new app client with every flow.
    async fn client(&self, mut settings: Value) -> String {
        settings["ClientName"] = "app".into();
        settings["PreventUserExistenceErrors"] = "ENABLED".into();
        settings["ExplicitAuthFlows"] = json!([
            "ALLOW_USER_PASSWORD_AUTH",
            "ALLOW_ADMIN_USER_PASSWORD_AUTH",
            "ALLOW_USER_SRP_AUTH",
            "ALLOW_USER_AUTH",
            "ALLOW_REFRESH_TOKEN_AUTH"
        ]);
        let made = self.admin("CreateUserPoolClient", settings).await.expect(200);
        made["UserPoolClient"]["ClientId"].as_str().unwrap().to_owned()
    }

    /// A signed request about this pool.
    fn admin(&self, operation: &str, mut input: Value) -> Request {
        input["UserPoolId"] = self.pool_id.clone().into();
        self.app.signed(&self.signing, operation, input)
    }

    /// A user with a temporary password.
    async fn new_user(&self, name: &str, attributes: Value) {
        let attributes = attributes.as_object().unwrap().iter();
        let attributes: Vec<_> =
            attributes.map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        let input = json!({
            "Username": name, "TemporaryPassword": TEMPORARY, "UserAttributes": attributes,
            "MessageAction": "SUPPRESS",
        });
        self.admin("AdminCreateUser", input).await.expect(200);
    }

    /// A user with a password, an address and a number, both proven.
    async fn user(&self) {
        let proven = json!({
            "email": EMAIL, "email_verified": "true",
            "phone_number": NUMBER, "phone_number_verified": "true",
        });
        self.new_user(NAME, proven).await;
        let input = json!({ "Username": NAME, "Password": PASSWORD, "Permanent": true });
        self.admin("AdminSetUserPassword", input).await.expect(200);
    }

    #[expect(clippy::needless_pass_by_value, reason = "a value is written where it is used")]
    fn initiate(&self, flow: &str, parameters: Value) -> Request {
        let input = json!({ "ClientId": self.client_id, "AuthFlow": flow, "AuthParameters": parameters });
        if self.is_back_end {
            self.admin("AdminInitiateAuth", input)
        } else {
            self.app.cognito("InitiateAuth", input)
        }
    }

    fn with_password(&self, password: &str) -> Request {
        let flow = if self.is_back_end { "ADMIN_USER_PASSWORD_AUTH" } else { "USER_PASSWORD_AUTH" };
        self.initiate(flow, json!({ "USERNAME": NAME, "PASSWORD": password }))
    }

    fn by_choice(&self, name: &str, preferred: &str) -> Request {
        self.initiate("USER_AUTH", json!({ "USERNAME": name, "PREFERRED_CHALLENGE": preferred }))
    }

    fn respond(&self, asked: &Answer, responses: Value) -> Request {
        self.answer(asked["ChallengeName"].as_str().unwrap(), &asked["Session"], responses)
    }

    #[expect(clippy::needless_pass_by_value, reason = "a value is written where it is used")]
    fn answer(&self, challenge: &str, session: &Value, responses: Value) -> Request {
        let input = json!({
            "ClientId": self.client_id, "ChallengeName": challenge, "Session": session,
            "ChallengeResponses": responses,
        });
        if self.is_back_end {
            self.admin("AdminRespondToAuthChallenge", input)
        } else {
            self.app.cognito("RespondToAuthChallenge", input)
        }
    }

    /// What is told of sign-ins: how each ended, and what was shown.
    async fn events(&self) -> Vec<(String, Value)> {
        let told = self.admin("AdminListUserAuthEvents", json!({ "Username": NAME })).await.expect(200);
        let events = told["AuthEvents"].as_array().unwrap().iter();
        let outcome = |event: &Value| event["EventResponse"].as_str().unwrap().to_owned();
        events.map(|event| (outcome(event), event["ChallengeResponses"].clone())).collect()
    }

    /// The access token of a sign-in that is done.
    async fn access_token(&self) -> Value {
        tokens(&self.with_password(PASSWORD).await)["AccessToken"].clone()
    }
}

#[track_caller]
fn tokens(answer: &Answer) -> &Value {
    assert_eq!(members(answer), ["AuthenticationResult", "ChallengeParameters"], "{}", answer.text);
    &answer["AuthenticationResult"]
}

#[track_caller]
fn assert_asked(answer: &Answer, name: &str, parameters: &[&str]) {
    assert_eq!(
        (&answer["ChallengeName"], members(&answer["ChallengeParameters"])),
        (&name.into(), parameters.to_vec())
    );
}

fn wrong(code: &str) -> String {
    let wrong = (code.parse::<u32>().unwrap() + 1) % 10_u32.pow(u32::try_from(code.len()).unwrap());
    format!("{wrong:0width$}", width = code.len())
}

const SENT: [&str; 3] = ["CODE_DELIVERY_DELIVERY_MEDIUM", "CODE_DELIVERY_DESTINATION", "USER_ID_FOR_SRP"];

fn every_factor(mfa: &str) -> Value {
    json!({
        "MfaConfiguration": mfa, "SoftwareTokenMfaConfiguration": { "Enabled": true },
        "SmsMfaConfiguration": { "SmsAuthenticationMessage": "{####}" },
        "EmailMfaConfiguration": { "Subject": "Code", "Message": "{####}" },
    })
}

#[tokio::test]
async fn where_everybody_needs_a_second_factor_nobody_is_in_before_it_is_set_up() {
    for place in Place::both(json!({}), every_factor("ON")).await {
        place.new_user(NAME, json!({ "email": EMAIL })).await;
        let asked = place.with_password(TEMPORARY).await.expect(200);
        assert_asked(
            &asked,
            "NEW_PASSWORD_REQUIRED",
            &["USER_ID_FOR_SRP", "requiredAttributes", "userAttributes"],
        );

        let asked = place.respond(&asked, json!({ "USERNAME": NAME, "NEW_PASSWORD": PASSWORD })).await;

        assert_asked(&asked, "MFA_SETUP", &["MFAS_CAN_SETUP", "USER_ID_FOR_SRP"]);
        let can_set_up = r#"["SOFTWARE_TOKEN_MFA","SMS_MFA","EMAIL_OTP"]"#;
        assert_eq!(asked["ChallengeParameters"]["MFAS_CAN_SETUP"], can_set_up);
        place
            .respond(&asked, json!({ "USERNAME": NAME }))
            .await
            .expect_refusal("NotAuthorizedException", INVALID);
        let session = json!({ "Session": asked["Session"] });
        let associated = place.app.cognito("AssociateSoftwareToken", session).await.expect(200);
        let secret = &associated["SecretCode"];
        let input = json!({ "Session": associated["Session"], "UserCode": code(secret, &place.app.clock) });
        let verified = place.app.cognito("VerifySoftwareToken", input).await.expect(200);
        assert_eq!(verified["Status"], "SUCCESS");
        let finish = || place.answer("MFA_SETUP", &verified["Session"], json!({ "USERNAME": NAME }));
        tokens(&finish().await);
        finish().await.expect_refusal("NotAuthorizedException", USED);

        place.app.clock.advance_ms(30_000);
        let asked = place.with_password(PASSWORD).await.expect(200);
        assert_asked(&asked, "SOFTWARE_TOKEN_MFA", &["USER_ID_FOR_SRP"]);
        let shown = json!({ "USERNAME": NAME, "SOFTWARE_TOKEN_MFA_CODE": code(secret, &place.app.clock) });
        let access = tokens(&place.respond(&asked, shown).await)["AccessToken"].clone();
        let off = json!({ "AccessToken": access, "SoftwareTokenMfaSettings": { "Enabled": false } });
        place.app.cognito("SetUserMFAPreference", off).await.expect_refusal(
            "InvalidParameterException",
            "This user pool asks everybody for a second factor; switch another one on first.",
        );
        let user = place.admin("AdminGetUser", json!({ "Username": NAME })).await.expect(200);
        assert_eq!(user["PreferredMfaSetting"], "SOFTWARE_TOKEN_MFA");
        // Lost, it is to be set up anew.
        place.admin("AdminDeleteSoftwareToken", json!({ "Username": NAME })).await.expect(200);
        assert_asked(
            &place.with_password(PASSWORD).await,
            "MFA_SETUP",
            &["MFAS_CAN_SETUP", "USER_ID_FOR_SRP"],
        );
    }
}

#[tokio::test]
async fn codes_by_sms_and_email_are_second_factors() {
    for place in Place::both(json!({}), every_factor("OPTIONAL")).await {
        place.user().await;
        let access = place.access_token().await;
        let prefer = |sms: Value, email: Value| {
            let input = json!({ "AccessToken": access, "SMSMfaSettings": sms, "EmailMfaSettings": email });
            place.app.cognito("SetUserMFAPreference", input)
        };
        let (on, preferred) = (json!({ "Enabled": true }), json!({ "Enabled": true, "PreferredMfa": true }));

        prefer(preferred.clone(), preferred.clone())
            .await
            .expect_refusal("InvalidParameterException", "Only one second factor can be preferred.");
        assert_eq!(prefer(preferred, Value::Null).await.expect(200).text, "{}");
        let asked = place.with_password(PASSWORD).await.expect(200);
        assert_asked(&asked, "SMS_MFA", &SENT);
        assert_eq!(asked["ChallengeParameters"]["CODE_DELIVERY_DELIVERY_MEDIUM"], "SMS");
        assert_eq!(asked["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"], "+*******8900");
        let first = sent(&place.app).await;
        let show = |code: &str| place.respond(&asked, json!({ "USERNAME": NAME, "SMS_MFA_CODE": code }));
        place
            .respond(&asked, json!({ "USERNAME": NAME }))
            .await
            .expect_refusal("InvalidParameterException", "Missing required parameter SMS_MFA_CODE");
        show(&wrong(&first)).await.expect_refusal("CodeMismatchException", WRONG_CODE);
        let access = tokens(&show(&first).await)["AccessToken"].clone();
        show(&first).await.expect_refusal("NotAuthorizedException", USED);
        let user = place.app.cognito("GetUser", json!({ "AccessToken": access })).await.expect(200);
        assert_eq!(
            (&user["PreferredMfaSetting"], &user["UserMFASettingList"]),
            (&"SMS_MFA".into(), &json!(["SMS_MFA"]))
        );

        let input = json!({ "Username": NAME, "SMSMfaSettings": on, "EmailMfaSettings": on });
        assert_eq!(place.admin("AdminSetUserMFAPreference", input).await.expect(200).text, "{}");
        let asked = place.with_password(PASSWORD).await.expect(200);
        assert_asked(&asked, "SELECT_MFA_TYPE", &["MFAS_CAN_CHOOSE", "USER_ID_FOR_SRP"]);
        assert_eq!(asked["ChallengeParameters"]["MFAS_CAN_CHOOSE"], r#"["SMS_MFA","EMAIL_OTP"]"#);
        let select = |answer: &str| place.respond(&asked, json!({ "USERNAME": NAME, "ANSWER": answer }));
        select("SOFTWARE_TOKEN_MFA")
            .await
            .expect_refusal("InvalidParameterException", "That isn't one of the factors to choose from.");
        let chosen = select("EMAIL_OTP").await.expect(200);
        select("SMS_MFA").await.expect_refusal("NotAuthorizedException", USED);
        assert_asked(&chosen, "EMAIL_OTP", &SENT);
        assert_eq!(chosen["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"], "a***@e***");
        let second = sent(&place.app).await;
        let shown = json!({ "USERNAME": NAME, "EMAIL_OTP_CODE": second });
        tokens(&place.respond(&chosen, shown).await);
        let user = place.admin("AdminGetUser", json!({ "Username": NAME })).await.expect(200);
        assert_eq!(
            (&user["PreferredMfaSetting"], &user["UserMFASettingList"]),
            (&Value::Null, &json!(["SMS_MFA", "EMAIL_OTP"]))
        );
        let shown =
            |name: &str, outcome: &str| json!({ "ChallengeName": name, "ChallengeResponse": outcome });
        for (outcome, code) in [("Pass", "Success"), ("Fail", "Failure")] {
            let shown = json!([shown("Password", "Success"), shown("Mfa", code)]);
            assert!(place.events().await.contains(&(outcome.to_owned(), shown)), "{outcome}");
        }
        // Guesses lock, whichever the factor.
        let asked = place.with_password(PASSWORD).await.expect(200);
        let chosen =
            place.respond(&asked, json!({ "USERNAME": NAME, "ANSWER": "SMS_MFA" })).await.expect(200);
        let third = sent(&place.app).await;
        let show = |code: &str| place.respond(&chosen, json!({ "USERNAME": NAME, "SMS_MFA_CODE": code }));
        for _ in 0..5 {
            show(&wrong(&third)).await.expect_refusal("CodeMismatchException", WRONG_CODE);
        }
        show(&third).await.expect_refusal("NotAuthorizedException", "Password attempts exceeded");
    }
}

#[tokio::test]
async fn a_sign_in_begins_with_the_factor_that_is_chosen() {
    let factors = json!(["PASSWORD", "EMAIL_OTP", "SMS_OTP"]);
    let settings = json!({ "Policies": { "SignInPolicy": { "AllowedFirstAuthFactors": factors } } });
    for place in Place::both(settings, json!({})).await {
        place.user().await;
        let offered = json!(["PASSWORD_SRP", "PASSWORD", "EMAIL_OTP", "SMS_OTP"]);
        let select = async |answer: Value| {
            let asked = place.initiate("USER_AUTH", json!({ "USERNAME": NAME })).await.expect(200);
            assert_asked(&asked, "SELECT_CHALLENGE", &["USER_ID_FOR_SRP"]);
            assert_eq!(asked["AvailableChallenges"], offered);
            let answered = place.respond(&asked, answer).await.expect(200);
            let again = place.respond(&asked, json!({ "USERNAME": NAME, "ANSWER": "PASSWORD" })).await;
            again.expect_refusal("NotAuthorizedException", USED);
            answered
        };

        tokens(&select(json!({ "USERNAME": NAME, "ANSWER": "PASSWORD", "PASSWORD": PASSWORD })).await);
        let asked = select(json!({ "USERNAME": NAME, "ANSWER": "PASSWORD_SRP", "SRP_A": "a1" })).await;
        assert_asked(
            &asked,
            "PASSWORD_VERIFIER",
            &["SALT", "SECRET_BLOCK", "SRP_B", "USERNAME", "USER_ID_FOR_SRP"],
        );
        for (choice, parameter, medium) in
            [("EMAIL_OTP", "EMAIL_OTP_CODE", "EMAIL"), ("SMS_OTP", "SMS_OTP_CODE", "SMS")]
        {
            let asked = select(json!({ "USERNAME": NAME, "ANSWER": choice })).await;
            assert_asked(&asked, choice, &SENT);
            assert_eq!(asked["ChallengeParameters"]["CODE_DELIVERY_DELIVERY_MEDIUM"], medium);
            let code = sent(&place.app).await;
            let show = |code: &str| place.respond(&asked, json!({ "USERNAME": NAME, parameter: code }));
            show(&wrong(&code)).await.expect_refusal("CodeMismatchException", WRONG_CODE);
            tokens(&show(&code).await);
            show(&code).await.expect_refusal("NotAuthorizedException", USED);
            let asked = place.by_choice(NAME, choice).await.expect(200);
            assert_asked(&asked, choice, &SENT);
        }
        let asked = place.by_choice(NAME, "PASSWORD").await.expect(200);
        tokens(&place.respond(&asked, json!({ "USERNAME": NAME, "PASSWORD": PASSWORD })).await);
        // Neither a password nor a second factor was shown.
        for outcome in ["Pass", "Fail"] {
            assert!(place.events().await.contains(&(outcome.to_owned(), json!([]))), "{outcome}");
        }
        // What the pool doesn't allow isn't offered, preferred or not.
        assert_asked(&place.by_choice(NAME, "WEB_AUTHN").await, "SELECT_CHALLENGE", &["USER_ID_FOR_SRP"]);
    }
}

#[tokio::test]
async fn a_choice_looks_the_same_for_a_name_that_nobody_has() {
    let factors = json!(["PASSWORD", "EMAIL_OTP", "SMS_OTP"]);
    let settings = json!({ "Policies": { "SignInPolicy": { "AllowedFirstAuthFactors": factors } } });
    let place = Place::new(false, settings, json!({})).await;
    place.user().await;
    let all = json!({ "Enabled": true });
    // Somebody without an address, somebody with a second factor, and nobody.
    place.new_user("bob", json!({})).await;
    let input = json!({ "Username": "bob", "Password": PASSWORD, "Permanent": true });
    place.admin("AdminSetUserPassword", input).await.expect(200);
    place.admin("SetUserPoolMfaConfig", every_factor("OPTIONAL")).await.expect(200);
    place.new_user("eve", json!({ "email": "eve@example.com", "email_verified": "true" })).await;
    let input = json!({ "Username": "eve", "Password": PASSWORD, "Permanent": true });
    place.admin("AdminSetUserPassword", input).await.expect(200);
    place
        .admin("AdminSetUserMFAPreference", json!({ "Username": "eve", "EmailMfaSettings": all }))
        .await
        .expect(200);

    let shape = |answer: &Answer| {
        let parameters = &answer["ChallengeParameters"];
        let masked = parameters["CODE_DELIVERY_DESTINATION"].as_str().unwrap_or_default();
        let id = parameters["USER_ID_FOR_SRP"].as_str().unwrap().len();
        let names: Vec<String> = members(parameters).into_iter().map(str::to_owned).collect();
        let is_masked = masked.contains("***");
        (answer["ChallengeName"].clone(), answer["AvailableChallenges"].clone(), names, id, is_masked)
    };
    for preferred in ["", "PASSWORD", "EMAIL_OTP", "SMS_OTP"] {
        // An address may fail 20 times a minute.
        place.app.clock.advance_ms(60_000);
        let expected = shape(&place.by_choice(NAME, preferred).await.expect(200));
        for name in ["bob", "eve", "nobody", "nobody@example.com"] {
            let asked = place.by_choice(name, preferred).await.expect(200);
            assert_eq!(shape(&asked), expected, "{name}");
            let answer = match preferred {
                "" => json!({ "USERNAME": name, "ANSWER": "PASSWORD", "PASSWORD": "Wrong-password-1" }),
                "PASSWORD" => json!({ "USERNAME": name, "PASSWORD": "Wrong-password-1" }),
                otp => json!({ "USERNAME": name, format!("{otp}_CODE"): "00000000" }),
            };
            let (kind, message) = match preferred {
                "" | "PASSWORD" => ("NotAuthorizedException", "Incorrect username or password."),
                _ => ("CodeMismatchException", WRONG_CODE),
            };
            place.respond(&asked, answer).await.expect_refusal(kind, message);
        }
    }
}

#[tokio::test]
async fn a_first_sign_in_tells_what_every_user_must_have() {
    let required =
        json!({ "Name": "given_name", "AttributeDataType": "String", "Required": true, "Mutable": true });
    let lab = json!({ "Name": "lab", "AttributeDataType": "String", "Mutable": false });
    let level = json!({ "Name": "level", "AttributeDataType": "String", "Mutable": true });
    for place in Place::both(json!({ "Schema": [required, lab, level] }), json!({})).await {
        let write = json!(["given_name", "name", "email", "phone_number", "custom:lab"]);
        let client_id = place.client(json!({ "WriteAttributes": write })).await;
        let place = Place { client_id, ..place };
        place.new_user(NAME, json!({ "email": EMAIL, "custom:level": "1" })).await;
        let asked = place.with_password(TEMPORARY).await.expect(200);
        let parameters = &asked["ChallengeParameters"];
        assert_eq!(parameters["requiredAttributes"], r#"["userAttributes.given_name"]"#);
        let known: Value = serde_json::from_str(parameters["userAttributes"].as_str().unwrap()).unwrap();
        assert_eq!(known["email"], EMAIL);
        let choose = |told: Value| {
            let mut responses = json!({ "USERNAME": NAME, "NEW_PASSWORD": PASSWORD });
            for (name, value) in told.as_object().unwrap() {
                responses[format!("userAttributes.{name}")] = value.clone();
            }
            place.respond(&asked, responses)
        };

        for told in [json!({ "name": "Ann" }), json!({ "given_name": "" })] {
            let missing = "Invalid attributes given, given_name is missing";
            choose(told).await.expect_refusal("InvalidParameterException", missing);
        }
        let unauthorized = "A client attempted to write unauthorized attribute";
        for (name, value, message) in [
            ("email", "eve@example.com", "Cannot modify an already provided email"),
            ("email_verified", "true", unauthorized),
            ("phone_number_verified", "true", unauthorized),
            ("custom:level", "9", unauthorized),
            ("family_name", "Lee", unauthorized),
        ] {
            choose(json!({ "given_name": "Ann", name: value }))
                .await
                .expect_refusal("NotAuthorizedException", message);
        }
        choose(json!({ "given_name": "Ann", "custom:nothing": "1" })).await.expect(400);
        // What isn't mutable may be told once.
        let told = json!({ "given_name": "Ann", "custom:lab": "7", "phone_number": NUMBER, "email": EMAIL });
        tokens(&choose(told).await);

        let user = place.admin("AdminGetUser", json!({ "Username": NAME })).await.expect(200);
        let attribute = |name: &str| {
            let attributes = user["UserAttributes"].as_array().unwrap().iter();
            attributes.clone().find(|one| one["Name"] == name).map(|one| one["Value"].clone())
        };
        assert_eq!(user["UserStatus"], "CONFIRMED");
        for (name, value) in
            [("given_name", "Ann"), ("custom:lab", "7"), ("custom:level", "1"), ("email", EMAIL)]
        {
            assert_eq!(attribute(name), Some(value.into()), "{name}");
        }
        for name in ["email_verified", "phone_number_verified"] {
            assert_ne!(attribute(name), Some("true".into()), "{name}");
        }
    }
}

#[tokio::test]
async fn a_session_is_good_for_its_client_its_user_and_its_time() {
    let factors = json!(["PASSWORD", "EMAIL_OTP"]);
    let settings = json!({ "Policies": { "SignInPolicy": { "AllowedFirstAuthFactors": factors } } });
    let place = Place::new(false, settings, every_factor("OPTIONAL")).await;
    place.user().await;
    place.new_user("bob", json!({})).await;
    let (short, long) = (place.client_id.clone(), place.client(json!({ "AuthSessionValidity": 15 })).await);
    let by_email = json!({ "Username": NAME, "EmailMfaSettings": { "Enabled": true } });
    let of = |client_id: &str, operation: &str, mut input: Value| {
        input["ClientId"] = client_id.into();
        place.app.cognito(operation, input)
    };
    let choice = |client_id: &str| {
        let parameters = json!({ "USERNAME": NAME, "PREFERRED_CHALLENGE": "EMAIL_OTP" });
        of(client_id, "InitiateAuth", json!({ "AuthFlow": "USER_AUTH", "AuthParameters": parameters }))
    };
    let factor = |client_id: &str| {
        let parameters = json!({ "USERNAME": NAME, "PASSWORD": PASSWORD });
        of(
            client_id,
            "InitiateAuth",
            json!({ "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": parameters }),
        )
    };
    let show = |client_id: &str, name: &str, asked: &Answer, code: &str| {
        let responses = json!({ "USERNAME": name, "EMAIL_OTP_CODE": code });
        let input = json!({
            "ChallengeName": "EMAIL_OTP", "Session": asked["Session"], "ChallengeResponses": responses,
        });
        of(client_id, "RespondToAuthChallenge", input)
    };
    let mut asked = Vec::new();
    // In place of the password, then after it.
    for client_id in [&short, &long] {
        asked.push((client_id, choice(client_id).await.expect(200), sent(&place.app).await));
    }
    place.admin("AdminSetUserMFAPreference", by_email).await.expect(200);
    for client_id in [&short, &long] {
        asked.push((client_id, factor(client_id).await.expect(200), sent(&place.app).await));
    }
    for (client_id, asked, code) in &asked {
        let other = if *client_id == &short { &long } else { &short };
        for (client_id, name) in [(other, NAME), (*client_id, "bob")] {
            show(client_id, name, asked, code).await.expect_refusal("NotAuthorizedException", INVALID);
        }
    }

    place.app.clock.advance_ms(3 * 60_000);
    for (client_id, asked, code) in asked.iter().filter(|(client_id, ..)| *client_id == &short) {
        show(client_id, NAME, asked, code).await.expect_refusal("NotAuthorizedException", EXPIRED);
    }
    place.app.clock.advance_ms(12 * 60_000 - 1);
    let (_, last, code) = asked.last().unwrap();
    tokens(&show(&long, NAME, last, code).await);
    place.app.clock.advance_ms(1);
    for (client_id, asked, code) in asked.iter().filter(|(client_id, ..)| *client_id == &long) {
        show(client_id, NAME, asked, code).await.expect_refusal("NotAuthorizedException", EXPIRED);
    }
}
