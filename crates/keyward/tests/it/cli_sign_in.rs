//! Signing in and out: what is asked, what is kept, and to whom it is sent.

use serde_json::{Value, json};

use crate::cli_support::{Desk, Network, Reply, Request, files, mode, problem};

const PASSWORD: &str = "Correct-Horse-1";
const NEW_PASSWORD: &str = "Battery-Staple-2";
const ACCESS: &str = "access.token.one";
const RENEWED: &str = "access.token.two";
const REFRESH: &str = "refresh-token";

/// What every server answers that can be signed in to; `protocol` answers the operations of the sign-in, and
/// `rest` whatever else is asked.
fn server(
    protocol: impl Fn(&Request) -> Reply + Send + 'static,
    rest: impl Fn(&Request) -> Reply + Send + 'static,
) -> Network {
    Network::answering(move |request, _| match request.path.as_str() {
        "/api/version" => Reply::Json(200, json!({ "version": "2.5.1" })),
        "/api/amplify-config" => Reply::Json(
            200,
            json!({ "region": "us-east-1", "cognitoUserPoolId": "us-east-1_k3Y9wRd0A", "cognitoAppClientId": "app" }),
        ),
        "/" => protocol(request),
        _ => rest(request),
    })
}

fn tokens(access: &str) -> Reply {
    Reply::Json(
        200,
        json!({ "AuthenticationResult": {
            "AccessToken": access, "IdToken": "id.token", "RefreshToken": REFRESH, "TokenType": "Bearer",
            "ExpiresIn": 3600,
        }, "ChallengeParameters": {} }),
    )
}

fn challenge(name: &str) -> Reply {
    Reply::Json(
        200,
        json!({ "ChallengeName": name, "Session": "a-session-of-more-than-20-characters",
                "ChallengeParameters": { "USER_ID_FOR_SRP": "ada@example.com" } }),
    )
}

fn refusal(kind: &str, message: &str) -> Reply {
    Reply::Json(400, json!({ "__type": kind, "message": message }))
}

fn me(roles: &[&str]) -> Reply {
    Reply::Json(
        200,
        json!({ "kind": "person", "user_id": "u-1", "username": "ada@example.com", "roles": roles,
                "permissions": ["view:own"], "mfa": false, "expires_at": null }),
    )
}

fn login(desk: &Desk) {
    let ran = desk.run_with(&["auth", "login", "-u", "ada@example.com", "--password-stdin"], PASSWORD);
    ran.expect(0);
}

/// Fails when one of the secrets is in what was printed, or in any file but `credentials.json`.
fn assert_kept_secret(desk: &Desk, printed: &[&str]) {
    for secret in [PASSWORD, NEW_PASSWORD, ACCESS, RENEWED, REFRESH, "id.token"] {
        for text in printed {
            assert!(!text.contains(secret), "{secret} was printed: {text}");
        }
        for file in files(desk.home()) {
            let holds = std::fs::read_to_string(&file).unwrap_or_default().contains(secret);
            let may = file.ends_with("credentials.json") && secret != PASSWORD && secret != NEW_PASSWORD;
            assert!(!holds || may, "{secret} is in {}", file.display());
        }
    }
}

#[test]
fn a_sign_in_keeps_tokens_where_only_their_owner_can_read_them() {
    let network = server(|_| tokens(ACCESS), |_| me(&["RESEARCHERS"]));
    let desk = Desk::at(&network);

    let words = ["auth", "login", "-u", "ada@example.com", "--password-stdin", "--verbose"];
    let ran = desk.run_with(&words, &format!("{PASSWORD}\n"));

    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("✓ Signed in as ada@example.com."), "{ran}");
    assert!(ran.stderr.contains("credentials.json (only you can read it"), "{ran}");
    assert_kept_secret(&desk, &[&ran.stdout, &ran.stderr]);
    assert_eq!(mode(&desk.file("profiles/default/credentials.json")), 0o600);
    let sent = network.seen();
    let sign_in = sent.iter().find(|request| request.path == "/").unwrap();
    assert_eq!(sign_in.operation(), "InitiateAuth");
    assert_eq!(sign_in.authorization(), "");
    assert_eq!(sign_in.json()["AuthFlow"], "USER_PASSWORD_AUTH");
    assert_eq!(sign_in.json()["AuthParameters"]["PASSWORD"], PASSWORD);
    assert_eq!(sent.last().unwrap().authorization(), format!("Bearer {ACCESS}"));

    desk.run(&["whoami"]).expect(0);
    assert_eq!(network.seen().last().unwrap().authorization(), format!("Bearer {ACCESS}"));
}

#[test]
fn a_sign_in_tells_scripts_what_the_real_client_tells_them() {
    let network = server(|_| tokens(ACCESS), |_| me(&[]));
    let desk = Desk::at(&network);

    let words =
        ["auth", "login", "-u", "ada@example.com", "-p", PASSWORD, "--save-credentials", "--json-output"];
    let told = desk.run(&words).expect(0).json();

    assert_eq!(
        told,
        json!({
            "success": true, "authentication_type": "cognito", "user_id": "ada@example.com",
            "expires_in_seconds": 3600, "message": "Cognito authentication successful",
            "refresh_note": "A refresh token is kept, never the password", "credentials_saved": true,
            "credential_store": "file", "roles": [],
        })
    );
    assert_kept_secret(&desk, &[]);
}

#[test]
fn somebody_without_a_role_is_told_what_an_admin_must_type() {
    let network = server(|_| tokens(ACCESS), |_| me(&[]));

    let ran = Desk::at(&network)
        .run_with(&["auth", "login", "-u", "ada@example.com", "--password-stdin"], PASSWORD);

    assert!(ran.stderr.contains("`keyward role user create -u ada@example.com --role-name ROLE`"), "{ran}");
}

#[test]
fn a_wrong_password_ends_with_1_and_keeps_nothing() {
    let refused = |_: &Request| refusal("NotAuthorizedException", "Incorrect username or password.");
    let network = server(refused, |_| Reply::Cut);
    let desk = Desk::at(&network);

    let ran = desk.run_with(&["auth", "login", "-u", "ada@example.com", "--password-stdin"], "wrong");

    insta::assert_snapshot!(ran, @r"
    exit 1
    --- stderr
    error: Invalid username or password
    ");
    assert_eq!(files(&desk.file("")).len(), 0);
    let attempts = network.seen().iter().filter(|request| request.path == "/").count();
    assert_eq!(attempts, 1, "one attempt, for each counts towards the lockout");
}

#[test]
fn refusals_of_the_sign_in_are_told_in_the_words_that_scripts_know() {
    let told = [
        (
            "NotAuthorizedException",
            "Password attempts exceeded",
            "Authentication failed: Password attempts exceeded",
        ),
        ("UserNotFoundException", "User does not exist.", "User not found"),
        ("UserNotConfirmedException", "User is not confirmed.", "User account is not confirmed"),
        (
            "PasswordResetRequiredException",
            "Password reset required for the user",
            "Password reset is required",
        ),
        ("TooManyRequestsException", "Rate exceeded", "Authentication failed: Rate exceeded"),
        ("InternalErrorException", "", "Authentication failed: InternalErrorException"),
    ];
    for (kind, message, expected) in told {
        let network = server(move |_| refusal(kind, message), |_| Reply::Cut);
        let words = ["auth", "login", "-u", "ada@example.com", "-p", PASSWORD, "--json-output"];
        let ran = Desk::at(&network).run(&words).expect(1);
        assert_eq!(ran.json()["error"], expected);
    }
}

#[test]
fn a_first_sign_in_takes_the_new_password_from_the_next_line() {
    let network = server(
        |request| match request.operation() {
            "InitiateAuth" => challenge("NEW_PASSWORD_REQUIRED"),
            _ => tokens(ACCESS),
        },
        |_| me(&["RESEARCHERS"]),
    );
    let desk = Desk::at(&network);

    let words = ["auth", "login", "-u", "Ada@Example.com", "--password-stdin", "--new-password-stdin"];
    let ran = desk.run_with(&words, &format!("{PASSWORD}\n{NEW_PASSWORD}\n")).expect(0);

    assert_kept_secret(&desk, &[&ran.stdout, &ran.stderr]);
    let seen = network.seen();
    let answer = seen.iter().find(|request| request.operation() == "RespondToAuthChallenge").unwrap().json();
    assert_eq!(answer["ChallengeName"], "NEW_PASSWORD_REQUIRED");
    assert_eq!(answer["Session"], "a-session-of-more-than-20-characters");
    assert_eq!(answer["ChallengeResponses"]["USERNAME"], "ada@example.com");
    assert_eq!(answer["ChallengeResponses"]["NEW_PASSWORD"], NEW_PASSWORD);
}

#[test]
fn a_challenge_that_nobody_is_there_to_answer_ends_the_sign_in() {
    let told = [
        ("NEW_PASSWORD_REQUIRED", "new-password-required"),
        ("SOFTWARE_TOKEN_MFA", "mfa-required"),
        ("SMS_MFA", "mfa-required"),
        ("EMAIL_OTP", "mfa-required"),
        ("MFA_SETUP", "mfa-setup-required"),
        ("CUSTOM_CHALLENGE", "unsupported"),
    ];
    for (name, code) in told {
        let network = server(move |_| challenge(name), |_| Reply::Cut);
        let desk = Desk::at(&network);

        let words = ["auth", "login", "-u", "ada@example.com", "-p", PASSWORD, "--json-output"];
        assert_eq!(desk.run(&words).expect(1).json()["code"], code);
        assert_eq!(files(&desk.file("")).len(), 0);
    }
}

#[test]
fn a_code_of_an_authenticator_app_is_sent_once() {
    let network = server(
        |request| match request.operation() {
            "InitiateAuth" => challenge("SOFTWARE_TOKEN_MFA"),
            _ => refusal("CodeMismatchException", "Invalid code received for user"),
        },
        |_| Reply::Cut,
    );

    let words = ["auth", "login", "-u", "ada@example.com", "-p", PASSWORD, "--mfa-code", "123456"];
    let ran = Desk::at(&network).run(&words).expect(1);

    assert!(ran.stderr.contains("Challenge response failed: Invalid code received for user"), "{ran}");
    let seen = network.seen();
    let answers: Vec<_> = seen.iter().filter(|it| it.operation() == "RespondToAuthChallenge").collect();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].json()["ChallengeResponses"]["SOFTWARE_TOKEN_MFA_CODE"], "123456");
}

#[test]
fn a_bad_token_from_elsewhere_fails_and_is_not_kept() {
    let network = server(|_| Reply::Cut, |_| problem(401, "unauthenticated", "The credential isn't good."));
    let desk = Desk::at(&network);
    let lines: [&[&str]; 2] = [
        &["auth", "login", "--user-id", "ada@example.com", "--token-override", "garbage"],
        &["auth", "set-override", "-u", "ada@example.com", "--token", "garbage"],
    ];
    for words in lines {
        let ran = desk.run(words).expect(1);
        assert!(ran.stderr.contains("is not accepted and was not kept"), "{ran}");
        assert_eq!(files(&desk.file("")).len(), 0);
    }
}

#[test]
fn a_token_of_somebody_else_is_not_kept() {
    let network = server(|_| Reply::Cut, |_| me(&["ADMINS"]));
    let desk = Desk::at(&network);

    let ran = desk.run(&["auth", "set-override", "-u", "bob@example.com", "--token", ACCESS]).expect(1);

    assert!(ran.stderr.contains("The token is of ada@example.com, not of bob@example.com"), "{ran}");
    assert_eq!(files(&desk.file("")).len(), 0);
}

#[test]
fn a_good_token_from_elsewhere_is_used_until_its_end_and_can_be_cleared() {
    let network = server(|_| Reply::Cut, |_| me(&["ADMINS"]));
    let desk = Desk::at(&network);

    let words = ["auth", "set-override", "-u", "ada@example.com", "--token-stdin", "--expires-at", "+3600"];
    let ran = desk.run_with(&words, ACCESS).expect(0);
    assert_kept_secret(&desk, &[&ran.stdout, &ran.stderr]);
    assert_eq!(network.seen().last().unwrap().authorization(), format!("Bearer {ACCESS}"));

    let status = desk.run(&["auth", "status", "--json-output"]).expect(0).json();
    assert_eq!(status["authentication_type"], "override_token");
    assert_eq!(status["is_expired"], false);
    assert_eq!(status["source"], "external");
    assert_eq!(status["refresh_supported"], false);

    assert_eq!(desk.run(&["auth", "clear-override", "--json-output"]).expect(0).json()["success"], true);
    assert_eq!(desk.run(&["auth", "clear-override", "--json-output"]).expect(0).json()["success"], false);
    assert!(!desk.file("profiles/default/credentials.json").exists());
}

#[test]
fn a_token_whose_end_has_come_is_not_sent() {
    let network = server(|_| Reply::Cut, |_| me(&["ADMINS"]));
    let desk = Desk::at(&network);
    desk.run(&["auth", "set-override", "-u", "ada@example.com", "--token", ACCESS, "--expires-at", "+3600"])
        .expect(0);
    let file = desk.file("profiles/default/auth_profile.json");
    let mut session: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    session["expires_at"] = json!(1_700_000_000);
    std::fs::write(&file, session.to_string()).unwrap();
    let asked = network.seen().len();

    let ran = desk.run(&["user", "list"]).expect(1);

    assert!(ran.stderr.contains("Override token has expired."), "{ran}");
    assert_eq!(network.seen().len(), asked);
    let status = desk.run(&["auth", "status", "--json-output"]).expect(0).json();
    assert_eq!(status["is_expired"], true);
    assert_eq!(status["expires_at"], "2023-11-14T22:13:20Z");
}

#[test]
fn tokens_are_sent_to_no_other_server() {
    let network = server(|_| tokens(ACCESS), |_| me(&["ADMINS"]));
    let desk = Desk::at(&network);
    login(&desk);
    let other = Network::answering(|_, _| Reply::Cut);

    let ran = desk.with("KEYWARD_URL", &other.url).run(&["user", "list"]).expect(1);

    assert!(ran.stderr.contains(&format!("the profile 'default' is, at {}", network.url)), "{ran}");
    assert_eq!(other.seen().len(), 0);
}

#[test]
fn the_server_of_a_sign_in_is_remembered() {
    let network = server(|_| tokens(ACCESS), |_| me(&["ADMINS"]));
    let desk = Desk::at(&network);
    login(&desk);

    let ran = desk.without("KEYWARD_URL").run(&["whoami", "--json-output"]).expect(0);

    assert_eq!(ran.json()["url"], network.url);
    assert_eq!(ran.json()["userId"], "ada@example.com");
}

#[test]
fn a_401_renews_the_token_once_and_asks_again() {
    let network = server(
        |request| match request.json()["AuthFlow"].as_str() {
            Some("REFRESH_TOKEN_AUTH") => Reply::Json(
                200,
                json!({ "AuthenticationResult":
                    { "AccessToken": RENEWED, "IdToken": "id.token", "TokenType": "Bearer", "ExpiresIn": 3600 } }),
            ),
            _ => tokens(ACCESS),
        },
        |request| match request.authorization().strip_prefix("Bearer ") {
            Some(RENEWED) => me(&["ADMINS"]),
            _ => problem(401, "unauthenticated", "The token has expired."),
        },
    );
    let desk = Desk::at(&network);
    login(&desk);

    let ran = desk.run(&["whoami", "--json-output"]).expect(0);

    assert_eq!(ran.json()["userId"], "ada@example.com");
    let asked = network.seen().len();
    desk.run(&["whoami"]).expect(0);
    assert_eq!(network.seen().len(), asked + 1, "the renewed token was kept");
    assert_kept_secret(&desk, &[&ran.stdout, &ran.stderr]);
}

#[test]
fn a_403_is_neither_repeated_nor_taken_for_an_old_token() {
    let network = server(
        |_| tokens(ACCESS),
        |request| {
            if request.path == "/api/v1/me" {
                return me(&["ADMINS"]);
            }
            let detail = "You may not list users.";
            Reply::Json(403, json!({ "code": "forbidden", "detail": detail, "permission": "view:users" }))
        },
    );
    let desk = Desk::at(&network);
    login(&desk);
    let asked = network.seen().len();

    let ran = desk.run(&["user", "list"]);

    insta::assert_snapshot!(ran, @r"
    exit 1
    --- stderr
    error: You may not list users.
    hint: `keyward whoami` shows what you may do
    ");
    assert_eq!(network.seen().len(), asked + 1);
}

#[test]
fn a_refused_refresh_says_to_sign_in_anew() {
    let network = server(
        |request| match request.json()["AuthFlow"].as_str() {
            Some("REFRESH_TOKEN_AUTH") => refusal("NotAuthorizedException", "Refresh Token has been revoked"),
            _ => tokens(ACCESS),
        },
        |_| problem(401, "unauthenticated", "The session has ended."),
    );
    let desk = Desk::at(&network);
    login(&desk);

    insta::assert_snapshot!(desk.run(&["user", "list"]), @r"
    exit 1
    --- stderr
    error: The session has ended.
    hint: `keyward auth login -u NAME` signs in anew
    ");
    insta::assert_snapshot!(desk.run(&["auth", "refresh"]), @r"
    exit 1
    --- stderr
    error: Token refresh failed: Refresh Token has been revoked
    hint: `keyward auth login -u NAME` signs in anew
    ");
}

#[test]
fn signing_out_ends_the_session_at_the_server_and_forgets_the_tokens() {
    let network = server(
        |request| match request.operation() {
            "RevokeToken" => Reply::Text(200, "", String::new()),
            _ => tokens(ACCESS),
        },
        |_| me(&["ADMINS"]),
    );
    let desk = Desk::at(&network);
    login(&desk);

    desk.run(&["auth", "logout"]).expect(0);

    let revoked = network.seen().last().unwrap().clone();
    assert_eq!(revoked.operation(), "RevokeToken");
    assert_eq!(revoked.json(), json!({ "ClientId": "app", "Token": REFRESH }));
    assert_eq!(files(&desk.file("profiles")), Vec::<std::path::PathBuf>::new());
    let again = desk.run(&["auth", "logout", "--json-output"]).expect(0).json();
    assert_eq!(again, json!({ "success": false, "message": "No authentication profile found" }));
}

#[test]
fn signing_out_forgets_the_tokens_even_when_the_server_is_gone() {
    let network = server(
        |request| if request.operation() == "RevokeToken" { Reply::Cut } else { tokens(ACCESS) },
        |_| me(&["ADMINS"]),
    );
    let desk = Desk::at(&network);
    login(&desk);

    let ran = desk.run(&["auth", "logout"]).expect(0);

    assert!(ran.stderr.contains("warning: The session at the server goes on until it expires"), "{ran}");
    assert!(!desk.file("profiles/default/credentials.json").exists());
}

#[test]
fn the_status_asks_nobody_and_is_about_utc() {
    let network = server(|_| tokens(ACCESS), |_| me(&["ADMINS"]));
    let desk = Desk::at(&network).with("TZ", "Asia/Tokyo");
    let ran = desk.run(&["auth", "status", "--json-output"]).expect(0);
    assert_eq!(ran.json()["authenticated"], false);
    login(&desk);
    let asked = network.seen().len();

    let ran = desk.run(&["auth", "status", "--json-output"]).expect(0);

    let status = ran.json();
    assert_eq!(network.seen().len(), asked);
    assert_eq!(status["authentication_type"], "cognito_token");
    assert_eq!(status["user_id"], "ada@example.com");
    assert_eq!(status["is_expired"], false);
    let seconds = status["expires_at_timestamp"].as_i64().unwrap();
    let at: jiff::Timestamp = status["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at.as_second(), seconds);
    assert_kept_secret(&desk, &[&ran.stdout]);
    let current = desk.run(&["profile", "current", "--json-output"]).expect(0);
    assert_eq!(current.json()["auth_profile"]["user_id"], "ada@example.com");
    let listed = desk.run(&["profile", "info", "default", "--json-output"]).expect(0);
    assert_kept_secret(&desk, &[&current.stdout, &listed.stdout]);
}

#[test]
fn the_status_asks_the_server_when_it_is_told_to() {
    let network = server(|_| tokens(ACCESS), |_| problem(401, "unauthenticated", "The key is not known."));
    let desk = Desk::at(&network).with("KEYWARD_API_KEY", "vams_test");

    let ran = desk.run(&["auth", "status", "--json-output"]).expect(0);
    assert_eq!(ran.json()["source"], "KEYWARD_API_KEY");

    insta::assert_snapshot!(desk.run(&["auth", "status", "--check"]), @r"
    exit 1
    --- stderr
    error: The key is not known.
    hint: KEYWARD_API_KEY is not accepted: unknown, expired, disabled, or not from this address
    ");
}

#[test]
fn a_key_that_was_copied_badly_is_told_by_its_checksum() {
    let network = server(|_| Reply::Cut, |_| problem(401, "unauthenticated", "The key is not known."));
    let key = format!("vams_{}", "a".repeat(64));
    let desk = Desk::at(&network).with("KEYWARD_API_KEY", &key);

    let ran = desk.run(&["whoami"]).expect(1);

    assert!(ran.stderr.contains("hint: the key's checksum doesn't fit: was it copied whole?"), "{ran}");
    assert!(!ran.stderr.contains(&key), "{ran}");
    let seen = network.seen();
    assert_eq!(seen.last().unwrap().authorization(), format!("Bearer {key}"), "the server decides");
}

#[test]
fn a_second_factor_is_set_up_in_two_calls_without_a_terminal() {
    let network = server(
        |request| match request.operation() {
            "InitiateAuth" => tokens(ACCESS),
            "AssociateSoftwareToken" => {
                Reply::Json(200, json!({ "SecretCode": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" }))
            }
            "VerifySoftwareToken" => match request.json()["UserCode"].as_str() {
                Some("123456") => Reply::Json(200, json!({ "Status": "SUCCESS" })),
                _ => refusal("EnableSoftwareTokenMFAException", "Code mismatch"),
            },
            _ => Reply::Json(200, json!({})),
        },
        |_| me(&["ADMINS"]),
    );
    let desk = Desk::at(&network);
    desk.run(&["auth", "mfa", "setup"]).expect(1);
    login(&desk);

    let begun = desk.run(&["auth", "mfa", "setup", "--json-output"]).expect(0).json();
    assert_eq!(begun["secretCode"], "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    assert_eq!(
        begun["otpauthUrl"],
        "otpauth://totp/Keyward:ada@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Keyward"
    );

    let ran = desk.run(&["auth", "mfa", "setup", "--code", "000000"]).expect(1);
    assert!(ran.stderr.contains("error: Code mismatch"), "{ran}");
    desk.run(&["auth", "mfa", "setup", "--code", "123456"]).expect(0);
    let preference = network.seen().last().unwrap().json();
    assert_eq!(
        preference,
        json!({ "AccessToken": ACCESS, "SoftwareTokenMfaSettings": { "Enabled": true, "PreferredMfa": true } })
    );

    desk.run(&["auth", "mfa", "off"]).expect(0);
    assert_eq!(network.seen().last().unwrap().json()["SoftwareTokenMfaSettings"]["Enabled"], false);
}

#[test]
fn a_keyring_that_is_not_there_leaves_the_tokens_in_a_file() {
    let network = server(|_| tokens(ACCESS), |_| me(&["ADMINS"]));
    let desk = Desk::at(&network).without("KEYWARD_CREDENTIAL_STORE");
    let desk = desk.with("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");

    login(&desk);

    let status = desk.run(&["auth", "status", "--json-output"]).expect(0).json();
    assert_eq!(status["credential_store"], "file");
    let ran = desk
        .with("KEYWARD_CREDENTIAL_STORE", "keyring")
        .run(&["auth", "login", "-u", "ada@example.com", "-p", PASSWORD])
        .expect(1);
    assert!(ran.stderr.contains("error: The system's keyring can't be used"), "{ran}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_keyring_that_hangs_is_tried_once_and_slows_no_later_command() {
    let network = server(|_| tokens(ACCESS), |_| me(&["ADMINS"]));
    let desk = Desk::at(&network).without("KEYWARD_CREDENTIAL_STORE");
    let socket = desk.home().join("bus");
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let desk = desk.with("DBUS_SESSION_BUS_ADDRESS", &format!("unix:path={}", socket.display()));

    login(&desk);

    assert!(desk.file("profiles/default/credentials.json").exists());
    let ran = desk.run(&["whoami"]).expect(0);
    assert!(ran.took.as_secs() < 4, "{:?}", ran.took);
}
