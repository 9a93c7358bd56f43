//! Signing in at a real server: from the first password to the second factor.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use keyward_core::caller::Caller;
use keyward_core::local_pool::mfa_preference::{FactorSetting, MfaChange};
use keyward_core::user::UserUpdate;
use keyward_core::user_pool::{EmailMfa, MfaMode, PoolFactors};
use serde_json::{Value, json};

use crate::cli_session::{Session, json_of, run, run_with};
use crate::cognito_support::sent;
use crate::support::{ADMIN, ADMIN_PASSWORD};

/// What an authenticator app shows for `secret` (base 32) at that time, as of RFC 6238.
fn one_time_code(secret: &str, now_seconds: i64) -> String {
    let mut bits = 0_u64;
    let mut length = 0;
    let mut bytes = Vec::new();
    for character in secret.bytes() {
        let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|&it| it == character).unwrap();
        bits = bits << 5 | u64::try_from(digit).unwrap();
        length += 5;
        if length >= 8 {
            length -= 8;
            bytes.push((bits >> length & 0xff) as u8);
        }
    }
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = hmac::sign(&key, &(now_seconds / 30).to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 0xf);
    let number = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_signs_in_acts_and_signs_out() {
    let session = Session::open().await;
    let desk = session.desk();
    let login = ["auth", "login", "-u", ADMIN, "--password-stdin"];

    let wrong = run_with(&desk, &login, "wrong").expect(1);
    assert!(wrong.stderr.contains("error: Invalid username or password"), "{wrong}");
    run_with(&desk, &login, ADMIN_PASSWORD).expect(0);
    assert_eq!(json_of(&desk, &["whoami"])["roles"], json!(["ADMINS"]));
    run(&desk, &["user", "list"]).expect(0);
    run(&desk, &["auth", "refresh"]).expect(0);
    run(&desk, &["auth", "status", "--check"]).expect(0);
    run(&desk, &["features", "list"]).expect(0);

    let other = session.desk();
    let tokens = std::fs::read_to_string(desk.file("profiles/default/credentials.json")).unwrap();
    let tokens: Value = serde_json::from_str(&tokens).unwrap();
    let access = tokens["access_token"].as_str().unwrap();
    run_with(&other, &["auth", "set-override", "-u", ADMIN, "--token-stdin"], access).expect(0);
    run(&other, &["whoami"]).expect(0);
    run(&desk, &["auth", "logout"]).expect(0);
    run(&other, &["whoami"]).expect(1);
    run(&desk, &["whoami"]).expect(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_new_chooses_a_password_and_connects_an_authenticator_app() {
    let session = Session::open().await;
    let admin = session.admin();
    let made = json_of(&admin, &["user", "create", "-u", "a@x.co", "-e", "a@x.co", "--role", "RESEARCHERS"]);
    let temporary = made["temporaryPassword"].as_str().unwrap();
    let desk = session.desk();
    let first = ["auth", "login", "-u", "a@x.co", "--password-stdin", "--new-password-stdin"];

    let weak = run_with(&desk, &first, &format!("{temporary}\nweak\n")).expect(1);
    assert!(weak.stderr.contains("Challenge response failed"), "{weak}");
    run_with(&desk, &first, &format!("{temporary}\nBattery-Staple-2\n")).expect(0);
    let begun = json_of(&desk, &["auth", "mfa", "setup"]);
    let secret = begun["secretCode"].as_str().unwrap();
    let code = one_time_code(secret, session.app.clock.now_seconds());
    run(&desk, &["auth", "mfa", "setup", "--code", &code]).expect(0);
    run(&desk, &["auth", "logout"]).expect(0);

    let login = ["auth", "login", "-u", "a@x.co", "-p", "Battery-Staple-2"];
    let asked = run(&desk, &[&login[..], &["--json-output"]].concat()).expect(1).json();
    assert_eq!(asked["code"], "mfa-required");
    session.app.advance(std::time::Duration::from_secs(30));
    let code = one_time_code(secret, session.app.clock.now_seconds());
    run(&desk, &[&login[..], &["--mfa-code", &code]].concat()).expect(0);
    assert_eq!(json_of(&desk, &["whoami"])["mfa"], true);
    run(&desk, &["auth", "mfa", "off"]).expect(0);

    let reset = ["user", "reset-mfa", "-u", "a@x.co"];
    let unconfirmed = run(&admin, &reset).expect(1);
    assert!(unconfirmed.stderr.contains("`keyward user reset-mfa -u a@x.co --confirm`"), "{unconfirmed}");
    run(&desk, &["whoami"]).expect(0);
    assert_eq!(json_of(&admin, &[&reset[..], &["--confirm"]].concat())["operation"], "resetMfa");
    run(&desk, &["whoami"]).expect(1);
    run(&desk, &login).expect(0);
    run(&admin, &["user", "reset-password", "-u", "a@x.co", "--confirm"]).expect(0);
    run(&desk, &["whoami"]).expect(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_password_may_be_given_by_stdin() {
    let session = Session::open().await;
    let words = ["user", "create", "-u", "a@x.co", "-e", "a@x.co", "--temporary-password-stdin"];

    run_with(&session.admin(), &words, "Temporary-Word-1\n").expect(0);

    let desk = session.desk();
    let first = ["auth", "login", "-u", "a@x.co", "--password-stdin", "--new-password-stdin"];
    run_with(&desk, &first, "Temporary-Word-1\nBattery-Staple-2\n").expect(0);
    let told = run(&desk, &["whoami"]).expect(0);
    assert!(told.stderr.contains("`keyward role user create -u a@x.co --role-name ROLE`"), "{told}");
    run(&session.admin(), &["user", "sign-out", "-u", "a@x.co"]).expect(0);
    run(&desk, &["whoami"]).expect(1);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn where_everybody_needs_a_second_factor_it_is_set_up_at_the_terminal() {
    let session = Session::open().await;
    let keyward = &session.app.keyward;
    let (pool_id, operator) = (keyward.local_pool().id(), Caller::operator());
    let (mfa, email) = (Some(MfaMode::On), Some(EmailMfa::default()));
    let software_token_mfa = Some(true);
    let factors = PoolFactors { mfa, software_token_mfa, email, ..PoolFactors::default() };
    keyward.set_pool_factors(&operator, pool_id, factors).await.unwrap();
    let set = async |email_verified: &str| {
        let attributes = BTreeMap::from([("email_verified".to_owned(), Some(email_verified.to_owned()))]);
        let update = UserUpdate { attributes, ..UserUpdate::default() };
        keyward.update_user(&operator, ADMIN, update).await.unwrap();
    };
    set("false").await;
    let desk = session.desk();
    let words = format!("auth login -u {ADMIN} -p {ADMIN_PASSWORD}");
    let sign_in = || desk.at_terminal(&words);

    let clock = session.app.clock.clone();
    let mut terminal = sign_in();
    let shown = terminal.until("Code that the app shows");
    let secret = shown.split("secret=").nth(1).unwrap().split('&').next().unwrap();
    terminal.enter_secret("000000");
    terminal.until("Code that the app shows");
    terminal.enter_secret(&one_time_code(secret, clock.now_seconds()));
    terminal.end();
    assert_eq!(json_of(&desk, &["whoami"])["mfa"], true);

    // Once more, by another factor.
    set("true").await;
    let on = Some(FactorSetting { is_enabled: true, is_preferred: false });
    let both = MfaChange { software_token: on, email: on, sms: None };
    keyward.set_mfa_preference_in(keyward.local_pool(), &operator, ADMIN, &both).await.unwrap();
    let mut terminal = sign_in();
    terminal.until("Second factor (SOFTWARE_TOKEN_MFA, EMAIL_OTP) [SOFTWARE_TOKEN_MFA]");
    terminal.enter("EMAIL_OTP");
    terminal.until("Code that was sent to a***@e***");
    terminal.enter_secret(&sent(&session.app).await);
    terminal.end();
    assert_eq!(json_of(&desk, &["whoami"])["mfa"], true);
    session.app.advance(std::time::Duration::from_secs(30));
    let code = one_time_code(secret, clock.now_seconds());
    run(&desk, &["auth", "login", "-u", ADMIN, "-p", ADMIN_PASSWORD, "--mfa-code", &code]).expect(0);
}
