//! Somebody who may do everything can always sign in.

use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Error};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::sign_in::{Question, SignInRequest};
use keyward_core::provisioning::FirstAdmin;
use keyward_core::role::RoleUpdate;
use keyward_core::user::UserUpdate;
use keyward_core::user_pool::{MfaMode, PoolFactors, SmsMfa, UserPoolSettings};

use crate::sign_in::{ANN, PASSWORD, World, asked, done};
use crate::support::{DAY_MS, SECOND_MS, TestDatabase, account, code, on_both, person, role, texts};

on_both! {
    the_last_admin_cannot_be_taken_away_by_any_way,
    an_admin_may_go_while_another_can_sign_in,
    whoever_cannot_sign_in_does_not_count_as_another_admin,
    of_two_admins_who_are_deleted_at_once_one_stays,
    deleting_one_admin_and_demoting_the_other_at_once_leaves_one,
    the_machine_brings_an_admin_back,
    the_machine_lets_the_command_line_in_again,
    the_machine_forgets_the_second_factor_that_the_last_admin_has_lost,
    a_pool_that_asks_for_no_second_factor_strands_no_admin_who_needs_one,
    no_setting_of_the_home_pool_asks_for_what_no_admin_can_show,
    the_machine_leads_in_where_everybody_needs_a_second_factor,
}

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";

/// Ada, the first admin, who has a password for good.
async fn ada(keyward: &Keyward) -> Caller {
    let first = FirstAdmin { email: ADA.into(), password: Some("Correct-horse-1".into()) };
    keyward.bootstrap(first).await.unwrap();
    person(keyward, ADA, false).await
}

fn is_conflict(error: &Error) -> bool {
    error.code == Code::Conflict
}

async fn the_last_admin_cannot_be_taken_away_by_any_way(database: TestDatabase) {
    let keyward = database.keyward().await;
    let ada = ada(&keyward).await;
    let before = database.contents().await;

    let disable = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    assert_eq!(code(keyward.delete_user(&ada, ADA, None).await), Code::Conflict);
    assert_eq!(code(keyward.update_user(&ada, ADA, disable).await), Code::Conflict);
    assert_eq!(code(keyward.set_roles(&ada, ADA, &[], None).await), Code::Conflict);
    assert_eq!(code(keyward.remove_role(&ada, ADA, "ADMINS", None).await), Code::Conflict);
    assert_eq!(code(keyward.delete_role(&ada, "ADMINS", None).await), Code::Conflict);
    let strip = RoleUpdate { permissions: Some(texts(&["manage:*"])), ..RoleUpdate::default() };
    assert_eq!(code(keyward.update_role(&ada, "ADMINS", strip).await), Code::Conflict);
    let ask_for_mfa = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    assert_eq!(code(keyward.update_role(&ada, "ADMINS", ask_for_mfa).await), Code::Conflict);

    assert_eq!(database.contents().await, before);
}

async fn an_admin_may_go_while_another_can_sign_in(database: TestDatabase) {
    let keyward = database.keyward().await;
    let ada = ada(&keyward).await;
    role(&keyward, "ROOT", &["*"]).await;
    account(&keyward, BOB, &["ROOT"]).await;

    keyward.delete_user(&ada, ADA, None).await.unwrap();

    assert_eq!(code(keyward.delete_role(&Caller::operator(), "ROOT", None).await), Code::Conflict);
}

async fn whoever_cannot_sign_in_does_not_count_as_another_admin(database: TestDatabase) {
    let keyward = database.keyward().await;
    let ada = ada(&keyward).await;
    // Neither a bot, nor somebody disabled, nor somebody whose temporary password is too old, nor somebody
    // whose second factor is missing.
    keyward.assign_roles(&ada, "bot", &texts(&["ADMINS"])).await.unwrap();
    account(&keyward, BOB, &["ADMINS"]).await;
    let disable = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    keyward.update_user(&ada, BOB, disable).await.unwrap();
    account(&keyward, "carol@example.com", &["ADMINS"]).await;
    keyward.clock().advance_ms(8 * DAY_MS);
    role(&keyward, "ROOT", &["*"]).await;
    let ask_for_mfa = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    keyward.update_role(&ada, "ROOT", ask_for_mfa).await.unwrap();
    account(&keyward, "dora@example.com", &["ROOT"]).await;

    assert_eq!(code(keyward.delete_user(&ada, ADA, None).await), Code::Conflict);
}

async fn of_two_admins_who_are_deleted_at_once_one_stays(database: TestDatabase) {
    let keyward = database.keyward().await;
    let other_node = database.keyward().await;
    let ada = ada(&keyward).await;
    let operator = Caller::operator();
    for _ in 0..5 {
        account(&keyward, BOB, &["ADMINS"]).await;

        let disable = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
        let (one, other) = tokio::join!(
            keyward.update_user(&ada, ADA, disable),
            other_node.delete_user(&operator, BOB, None),
        );

        let errors: Vec<Error> = one.err().into_iter().chain(other.err()).collect();
        assert_eq!(errors.iter().filter(|error| is_conflict(error)).count(), 1, "{errors:?}");
        let enable = UserUpdate { enabled: Some(true), ..UserUpdate::default() };
        keyward.update_user(&operator, ADA, enable).await.unwrap();
        let _ = keyward.delete_user(&operator, BOB, None).await;
    }
}

async fn deleting_one_admin_and_demoting_the_other_at_once_leaves_one(database: TestDatabase) {
    let keyward = database.keyward().await;
    let other_node = database.keyward().await;
    let ada = ada(&keyward).await;
    role(&keyward, "ROOT", &["*"]).await;
    account(&keyward, BOB, &["ROOT"]).await;

    let (one, other) =
        tokio::join!(keyward.delete_user(&ada, ADA, None), other_node.delete_role(&ada, "ROOT", None),);

    let errors: Vec<Error> = one.err().into_iter().chain(other.err()).collect();
    assert_eq!(errors.iter().filter(|error| is_conflict(error)).count(), 1, "{errors:?}");
}

async fn the_machine_brings_an_admin_back(database: TestDatabase) {
    let keyward = database.keyward().await;
    let ada = ada(&keyward).await;
    keyward.clock().advance_ms(SECOND_MS);
    account(&keyward, BOB, &["ADMINS"]).await;
    let disable = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    keyward.update_user(&ada, BOB, disable).await.unwrap();
    keyward.set_roles(&ada, BOB, &[], None).await.unwrap();

    let recovered = keyward.recover_admin(Some(BOB), false).await.unwrap();

    assert!(recovered.user.enabled);
    assert_eq!(recovered.user.roles, ["ADMINS"]);
    assert!(recovered.temporary_password.is_some());
    assert_eq!(keyward.recover_admin(None, false).await.unwrap().user.username, ADA);
    keyward.assign_roles(&ada, "bot", &texts(&["ADMINS"])).await.unwrap();
    assert!(keyward.recover_admin(Some("bot"), false).await.is_err());
    assert!(keyward.recover_admin(Some("nobody@example.com"), false).await.is_err());
}

async fn the_machine_lets_the_command_line_in_again(database: TestDatabase) {
    let keyward = database.keyward().await;
    ada(&keyward).await;
    let locked_out = r#"{"flows":["ALLOW_CUSTOM_AUTH"],"rotation_grace_seconds":10,"challenge_minutes":5}"#;
    database.execute(&format!("UPDATE app_clients SET settings = '{locked_out}'")).await;

    let password = keyward.recover_admin(None, false).await.unwrap().temporary_password.unwrap();

    let client = keyward.local_pool().first_client().await.unwrap().unwrap();
    assert_eq!(client.settings.challenge_minutes, 5);
    let origin = Origin::default();
    let request = SignInRequest::new(&origin, &client.id);
    asked(keyward.sign_in_with_password(request, ADA, &password).await, Question::NewPassword);
    // What is good stays as it is.
    keyward.recover_admin(None, false).await.unwrap();
    assert_eq!(keyward.local_pool().first_client().await.unwrap().unwrap().version, client.version);
}

async fn the_machine_forgets_the_second_factor_that_the_last_admin_has_lost(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (keyward, operator) = (&world.keyward, Caller::operator());
    role(keyward, "keepers", &["*"]).await;
    keyward.assign_roles(&operator, ANN, &["keepers".into()]).await.unwrap();
    world.enrol(&world.tokens().await).await;
    let ask_for_mfa = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
    keyward.update_role(&operator, "keepers", ask_for_mfa).await.unwrap();

    let recovered = keyward.recover_admin(Some(ANN), true).await.unwrap();

    assert!(!recovered.user.mfa);
    let password = recovered.temporary_password.unwrap();
    let challenge = asked(world.sign_in(password.expose()).await, Question::NewPassword);
    let tokens = done(world.choose(&challenge, "Another-Horse-9!").await);
    assert!(world.authenticate(&tokens.access_token).await.unwrap().may("manage:users"));
}

async fn a_pool_that_asks_for_no_second_factor_strands_no_admin_who_needs_one(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (keyward, operator) = (&world.keyward, Caller::operator());
    let home = keyward.local_pool().id();
    role(keyward, "keepers", &["*"]).await;
    keyward.assign_roles(&operator, ANN, &["keepers".into()]).await.unwrap();
    let token = world.enrol(&world.tokens().await).await;
    let ask_for_mfa = async || {
        let update = RoleUpdate { mfa_required: Some(true), ..RoleUpdate::default() };
        keyward.update_role(&operator, "keepers", update).await
    };
    let set = async |mfa, software_token_mfa| {
        let factors = PoolFactors { mfa, software_token_mfa, ..PoolFactors::default() };
        keyward.set_pool_factors(&operator, home, factors).await
    };

    // Either of the two may be, but not both.
    set(Some(MfaMode::Off), None).await.unwrap();
    assert_eq!(code(ask_for_mfa().await), Code::Conflict);
    set(Some(MfaMode::Optional), Some(true)).await.unwrap();
    ask_for_mfa().await.unwrap();

    assert_eq!(code(set(Some(MfaMode::Off), None).await), Code::Conflict);
    assert_eq!(code(set(None, Some(false)).await), Code::InvalidInput("mfa".into()));
    let settings = UserPoolSettings { mfa: MfaMode::Off, ..UserPoolSettings::of_home() };
    let outcome = keyward.update_user_pool(&operator, home, None, settings).await;
    assert_eq!(code(outcome), Code::Conflict);
    let tokens = world.tokens_with_mfa(&token).await;
    assert!(world.authenticate(&tokens.access_token).await.unwrap().may("manage:users"));

    // With another admin who needs none it may be off; then the role sleeps.
    role(keyward, "root", &["*"]).await;
    account(keyward, BOB, &["root"]).await;
    set(Some(MfaMode::Off), None).await.unwrap();
    let tokens = world.tokens().await;
    assert!(!world.authenticate(&tokens.access_token).await.unwrap().may("manage:users"));
}

async fn no_setting_of_the_home_pool_asks_for_what_no_admin_can_show(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let (keyward, operator) = (&world.keyward, Caller::operator());
    let home = keyward.local_pool().id();
    role(keyward, "keepers", &["*"]).await;
    keyward.assign_roles(&operator, ANN, &["keepers".into()]).await.unwrap();
    let set = async |mfa, software_token_mfa: bool| {
        let sms = Some(SmsMfa::default());
        let software_token_mfa = Some(software_token_mfa);
        let factors = PoolFactors { mfa: Some(mfa), software_token_mfa, sms, ..PoolFactors::default() };
        keyward.set_pool_factors(&operator, home, factors).await
    };

    // She has no number.
    assert_eq!(code(set(MfaMode::On, false).await), Code::InvalidInput("mfa".into()));
    set(MfaMode::Optional, false).await.unwrap();
    let on = UserPoolSettings { mfa: MfaMode::On, ..keyward.local_pool().settings().await.unwrap() };
    let outcome = keyward.update_user_pool(&operator, home, None, on).await;
    assert_eq!(code(outcome), Code::InvalidInput("mfa".into()));
    set(MfaMode::On, true).await.unwrap();
    asked(world.sign_in(PASSWORD).await, Question::SetUpFactor);
    // What she has switched on stays good, too.
    set(MfaMode::Optional, true).await.unwrap();
    world.enrol(&world.tokens().await).await;
    assert_eq!(code(set(MfaMode::Optional, false).await), Code::Conflict);
    // No tag is taken for what is set of the pool.
    let tags = [("mfa".to_owned(), "OFF".to_owned())].into();
    keyward.tag_pool(&operator, home, tags).await.unwrap();
    assert_eq!(code(set(MfaMode::Optional, false).await), Code::Conflict);
}

async fn the_machine_leads_in_where_everybody_needs_a_second_factor(database: TestDatabase) {
    let world = World::with_user(&database).await;
    let keyward = &world.keyward;
    let home = keyward.local_pool();
    let settings = UserPoolSettings {
        mfa: MfaMode::On,
        sms_mfa: true,
        software_token_mfa: false,
        ..home.settings().await.unwrap()
    };
    let settings = serde_json::to_string(&settings).unwrap();
    database.execute(&format!("UPDATE user_pools SET mfa = 'ON', settings = '{settings}'")).await;

    let password = keyward.recover_admin(Some(ANN), true).await.unwrap().temporary_password.unwrap();

    let challenge = asked(world.sign_in(password.expose()).await, Question::NewPassword);
    let challenge = asked(world.choose(&challenge, "Another-Horse-9!").await, Question::SetUpFactor);
    keyward.associate_in_sign_in(&world.origin, &challenge.session).await.unwrap();
}
