//! The table of Cognito's operations in `docs/COMPATIBILITY.md`, found out by asking for each.
//!
//! `KEYWARD_UPDATE=1 cargo test -p keyward --test it compatibility` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use keyward::cognito::{MODEL, OPERATIONS, SIGNED_OPERATIONS};

use crate::cognito_support::example_input;
use crate::support::App;

/// What there is to know of an operation that is served, beside that it is.
const NOTES: &[(&str, &str)] = &[
    (
        "AdminInitiateAuth",
        "ADMIN_USER_PASSWORD_AUTH, ADMIN_NO_SRP_AUTH, USER_SRP_AUTH, USER_AUTH, REFRESH_TOKEN_AUTH",
    ),
    ("AdminRespondToAuthChallenge", "what RespondToAuthChallenge takes"),
    ("AdminSetUserMFAPreference", "software tokens, SMS, email"),
    ("ChangePassword", "the user's other sessions end"),
    ("ConfirmForgotPassword", "five tries for a code"),
    ("ConfirmSignUp", "five tries for a code; a Session where the client allows USER_AUTH"),
    ("DeleteUser", "not the last admin"),
    ("ForgotPassword", "five codes an hour"),
    ("GetUserAttributeVerificationCode", "five codes an hour"),
    ("VerifyUserAttribute", "five tries for a code"),
    ("AssociateSoftwareToken", "software tokens (TOTP), with an access token or the session of MFA_SETUP"),
    (
        "CreateUserPool",
        "what has no effect here (email and SMS configuration, devices, tier, issuer) is kept; Lambda triggers, \
         enforced threat protection, customer-managed keys, client registration, confirmation by link are \
         refused",
    ),
    (
        "CreateUserPoolClient",
        "what belongs to the hosted pages and OAuth is kept, without effect; providers other than COGNITO are \
         refused",
    ),
    ("AddUserPoolClientSecret", "where the client was made with a secret"),
    ("CreateResourceServer", "kept; nothing asks for its scopes"),
    ("DeleteUserPool", "not the home pool"),
    ("DeleteUserPoolClient", "not the one that Keyward's own command line signs in through"),
    ("DescribeUserPoolClient", "of two secrets, the newer one"),
    ("GetCSVHeader", "the columns that `keyward user import` reads; there are no import jobs"),
    ("GetTokensFromRefreshToken", "with refresh tokens that rotate and that don't"),
    ("InitiateAuth", "USER_PASSWORD_AUTH, USER_SRP_AUTH, USER_AUTH, REFRESH_TOKEN_AUTH"),
    ("ResendConfirmationCode", "five codes an hour"),
    (
        "RespondToAuthChallenge",
        "NEW_PASSWORD_REQUIRED, PASSWORD_VERIFIER, SOFTWARE_TOKEN_MFA, SMS_MFA, EMAIL_OTP, SELECT_MFA_TYPE, \
         MFA_SETUP, SELECT_CHALLENGE, PASSWORD, PASSWORD_SRP, SMS_OTP, WEB_AUTHN",
    ),
    (
        "UpdateUserPool",
        "in the home pool, what isn't said of MFA, self-service and protection is as it began: OPTIONAL, not \
         allowed, ACTIVE; the texts of its messages, its MFA and its first factors take `*`",
    ),
    (
        "UpdateUserPoolClient",
        "of the one that Keyward's own command line signs in through, what isn't said is as it began, its flows \
         stay on, and it takes `*`",
    ),
    (
        "SetUserPoolMfaConfig",
        "with `MfaConfiguration`, second factors that aren't named are none any more; without, what isn't \
         named stays, and so do passkeys; SMS needs no SmsConfiguration; of the home pool it takes `*`",
    ),
    ("SetUserMFAPreference", "software tokens, SMS, email"),
    ("StartWebAuthnRegistration", "user verification is asked for also where the pool prefers it"),
    ("SignUp", "not in the home pool; no Session, ConfirmSignUp gives it"),
];

const BEGIN: &str = "<!-- Written by the test `compatibility`; KEYWARD_UPDATE=1 writes it anew. -->\n\n";
const END: &str = "\n<!-- The end of what the test writes. -->\n";

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "who runs the test says whether the file is to be written")]
async fn the_table_of_operations_is_what_really_happens() {
    let app = App::new().await;
    let mut served = BTreeSet::new();
    let mut table = "| operation | AWS asks for | Keyward |\n|---|---|---|\n".to_owned();
    for operation in MODEL {
        let name = operation.name;
        let answer = app.cognito(name, example_input()).await;
        let not_offered = format!("Keyward doesn't offer {name}; docs/COMPATIBILITY.md lists what it does.");
        let credential = if operation.is_signed { "SigV4" } else { "" };
        let outcome = if answer["message"] == not_offered {
            let exception = answer.str("__type").to_owned();
            answer.expect_refusal(&exception, &not_offered);
            format!("no: {exception}")
        } else {
            // The example's tokens and passwords aren't anybody's; but nothing is wrong with their form.
            let message = answer["message"].as_str().unwrap_or_default();
            assert!(answer["__type"] != "SerializationException", "{name}: {}", answer.text);
            assert!(!message.contains("validation error"), "{name}: {}", answer.text);
            served.insert(name);
            let note = NOTES.iter().find(|(noted, _)| *noted == name).map(|(_, note)| *note);
            format!("**yes**{}", note.map_or(String::new(), |note| format!(": {note}")))
        };
        writeln!(table, "| {name} | {credential} | {outcome} |").unwrap();
    }
    let (count, all) = (served.len(), MODEL.len());
    let table = format!("{count} of {all} operations are served.\n\n{table}");

    assert_eq!(served, OPERATIONS.iter().chain(SIGNED_OPERATIONS).copied().collect());
    assert!(NOTES.iter().all(|(name, _)| served.contains(name)), "a note on what isn't served");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/COMPATIBILITY.md");
    let document = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (known, after) = rest.split_once(END).unwrap();
    if std::env::var("KEYWARD_UPDATE").is_ok_and(|value| value == "1") {
        std::fs::write(&file, [before, BEGIN, &table, END, after].concat()).unwrap();
    } else {
        assert!(
            known == table,
            "docs/COMPATIBILITY.md isn't true any more; KEYWARD_UPDATE=1 writes it anew:\n{table}"
        );
    }
}
