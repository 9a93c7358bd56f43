//! Pools of users and app clients: made, changed, deleted, on both databases.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::app_client::{
    AppClientSettings, DescribedAppClient, NewAppClient, NewSecret, TimeUnit, TokenUnits,
};
use keyward_core::audit::{AuditQuery, Outcome};
use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Result, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::message::{Channel, Template};
use keyward_core::page::Cursor;
use keyward_core::permission::MANAGE_POOLS;
use keyward_core::secret::Secret;
use keyward_core::user_pool::{
    EmailMfa, FirstFactor, Identifiers, MessageTexts, Messages, MfaMode, NewUserPool, Occasion, PoolFactors,
    RecoveryMechanism, ResourceServer, SchemaAttribute, Scope, SmsMfa, UserPool, UserPoolSettings, WebAuthn,
};
use serde_json::json;

use crate::support::{START_MS, TestDatabase, account, on_both, person, role};

on_both! {
    a_pool_is_made_told_changed_and_deleted,
    a_pool_that_cannot_be_is_not_made,
    pools_are_listed_in_pages,
    what_never_changes_stays,
    factors_are_set_one_by_one,
    attributes_are_added,
    tags_and_resource_servers_come_and_go,
    changes_at_once_are_all_made,
    a_client_is_made_told_changed_and_deleted,
    a_client_that_cannot_be_is_not_made,
    a_secret_is_replaced_without_a_gap,
    a_secret_lies_sealed,
    a_client_belongs_to_its_pool,
    what_is_deleted_on_one_node_is_gone_on_the_other,
    nobody_without_the_permission_does_anything,
    what_is_asked_twice_with_one_key_is_done_once,
    the_home_pool_and_its_first_client_stay,
    the_texts_of_the_home_pool_take_every_right,
    what_the_home_pool_asks_of_who_signs_in_takes_every_right,
    the_first_client_of_the_home_pool_lets_the_command_line_in,
}

fn said<T>(outcome: Result<T>) -> String {
    outcome.map(drop).unwrap_err().message.into_owned()
}

async fn pool(keyward: &Keyward, settings: UserPoolSettings) -> UserPool {
    let new = NewUserPool { name: "pool".into(), settings, region: None };
    keyward.create_user_pool(&Caller::operator(), new).await.unwrap()
}

fn new_client(secret: NewSecret) -> NewAppClient {
    let flows = vec!["ALLOW_USER_PASSWORD_AUTH".to_owned()];
    NewAppClient { name: "app".into(), settings: AppClientSettings { flows, ..Default::default() }, secret }
}

async fn client(keyward: &Keyward, pool: &UserPool, secret: NewSecret) -> DescribedAppClient {
    keyward.create_app_client(&Caller::operator(), &pool.id, new_client(secret)).await.unwrap()
}

fn attribute(name: &str, data_type: &str) -> SchemaAttribute {
    SchemaAttribute {
        name: name.into(),
        data_type: data_type.into(),
        mutable: true,
        required: false,
        minimum: None,
        maximum: None,
    }
}

/// What a client sends that knows the secret.
fn secret_hash(secret: &str, username: &str, client_id: &str) -> Secret {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let digest = aws_lc_rs::hmac::sign(&key, format!("{username}{client_id}").as_bytes());
    Secret::from(STANDARD.encode(digest.as_ref()))
}

async fn a_pool_is_made_told_changed_and_deleted(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();

    let new = NewUserPool { name: "My pool".into(), region: Some("eu-west-3".into()), ..Default::default() };
    let made = keyward.create_user_pool(&operator, new).await.unwrap();

    assert!(made.id.starts_with("eu-west-3_") && made.id.len() == 19, "{}", made.id);
    assert_eq!((made.name.as_str(), made.created_at_ms, made.version), ("My pool", START_MS, 1));
    assert_eq!(keyward.described_user_pool(&operator, &made.id).await.unwrap(), made);
    assert_eq!(keyward.count_accounts(&operator, &made.id).await.unwrap(), 0);
    assert_eq!(keyward.user_pool(&made.id).await.unwrap().region(), "eu-west-3");

    let settings = UserPoolSettings { admin_create_only: true, ..UserPoolSettings::default() };
    let changed =
        keyward.update_user_pool(&operator, &made.id, Some("Other"), settings.clone()).await.unwrap();
    assert_eq!((changed.name.as_str(), &changed.settings, changed.version), ("Other", &settings, 2));
    assert_eq!(keyward.described_user_pool(&operator, &made.id).await.unwrap(), changed);

    keyward.delete_user_pool(&operator, &made.id, None).await.unwrap();
    let gone = format!("User pool {} does not exist.", made.id);
    assert_eq!(said(keyward.described_user_pool(&operator, &made.id).await), gone);
    assert_eq!(said(keyward.user_pool(&made.id).await), gone);
    assert_eq!(said(keyward.delete_user_pool(&operator, &made.id, None).await), gone);

    let query = AuditQuery { target: Some(made.id), ..AuditQuery::default() };
    let events = keyward.list_audit(&operator, &query).await.unwrap().items;
    let actions: Vec<_> = events.iter().map(|event| event.action.as_str()).collect();
    assert_eq!(actions, ["user-pool.delete", "user-pool.update", "user-pool.create"]);
    assert_eq!(events[1].detail, json!({ "changed": ["admin_create_only", "name"] }));
}

async fn a_pool_that_cannot_be_is_not_made(database: TestDatabase) {
    let keyward = database.keyward().await;
    let default = UserPoolSettings::default;
    let emails = || vec!["email".to_owned()];
    let create = async |name: &str, region: Option<&str>, settings: UserPoolSettings| {
        let new = NewUserPool { name: name.into(), region: region.map(str::to_owned), settings };
        let outcome = keyward.create_user_pool(&Caller::operator(), new).await;
        match outcome.unwrap_err().code {
            Code::InvalidInput(field) => field.into_owned(),
            code => panic!("{code:?}"),
        }
    };

    for name in ["", "Größe", "a\0b", "a/b", &"a".repeat(129)] {
        assert_eq!(create(name, None, default()).await, "name", "{name}");
    }
    for region in ["", "US", "us_east", "a\0", &"a".repeat(33)] {
        assert_eq!(create("pool", Some(region), default()).await, "region", "{region}");
    }
    let identifiers =
        Identifiers { username_attributes: emails(), alias_attributes: emails(), ..Identifiers::default() };
    let on = UserPoolSettings { mfa: MfaMode::On, software_token_mfa: true, ..default() };
    let factors = |first_factors: &[FirstFactor]| first_factors.to_vec();
    let (password, otp) = (FirstFactor::Password, FirstFactor::EmailOtp);
    let admin_only = [RecoveryMechanism::AdminOnly, RecoveryMechanism::VerifiedEmail].to_vec();
    let tags = |names: Vec<String>| names.into_iter().map(|name| (name, String::new())).collect();
    let relying_party_id = Some("https://example.com".to_owned());
    let passkeys = WebAuthn { relying_party_id, ..WebAuthn::default() };
    // What only somebody who is signed in can register, nobody can be asked for on the way in.
    let web_authn = WebAuthn { is_multi_factor: true, ..WebAuthn::default() };
    for (field, settings) in [
        ("identifiers", UserPoolSettings { identifiers, ..default() }),
        ("mfa", UserPoolSettings { mfa: MfaMode::Optional, ..default() }),
        ("mfa", UserPoolSettings { mfa: MfaMode::On, web_authn, ..default() }),
        ("first_factors", UserPoolSettings { first_factors: factors(&[otp]), ..default() }),
        ("first_factors", UserPoolSettings { first_factors: factors(&[password, otp]), ..on.clone() }),
        (
            "first_factors",
            UserPoolSettings { first_factors: factors(&[password, FirstFactor::WebAuthn]), ..on },
        ),
        ("recovery_mechanisms", UserPoolSettings { recovery_mechanisms: admin_only, ..default() }),
        ("verified_before_update", UserPoolSettings { verified_before_update: emails(), ..default() }),
        ("tags", UserPoolSettings { tags: tags(vec!["AWS:x".into()]), ..default() }),
        ("tags", UserPoolSettings { tags: tags((0..51).map(|n| n.to_string()).collect()), ..default() }),
        ("web_authn", UserPoolSettings { web_authn: passkeys, ..default() }),
    ] {
        assert_eq!(create("pool", None, settings.clone()).await, field, "{settings:?}");
    }

    let text = attribute("custom:text", "String");
    let bounds = |least: &str, most: &str| SchemaAttribute {
        minimum: Some(least.into()),
        maximum: Some(most.into()),
        ..text.clone()
    };
    for wrong in [
        vec![text.clone(), text.clone()],
        (0..51).map(|number| attribute(&format!("custom:{number}"), "String")).collect(),
        vec![attribute("colour", "String")],
        vec![attribute("custom:", "String")],
        vec![attribute(&format!("custom:{}", "x".repeat(21)), "String")],
        vec![attribute("custom:x", "Text")],
        vec![attribute("sub", "String")],
        vec![attribute("email_verified", "Boolean")],
        vec![attribute("email", "Number")],
        vec![SchemaAttribute { required: true, ..text.clone() }],
        vec![bounds("2", "1")],
        vec![bounds("1", "2049")],
        vec![bounds("-1", "1")],
        vec![bounds("a", "b")],
    ] {
        let settings = UserPoolSettings { schema: wrong.clone(), ..default() };
        assert_eq!(create("pool", None, settings).await, "schema", "{wrong:?}");
    }
}

async fn pools_are_listed_in_pages(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let mut expected = BTreeSet::from([keyward.local_pool().id().to_owned()]);
    for _ in 0..3 {
        expected.insert(pool(&keyward, UserPoolSettings::default()).await.id);
    }

    let first = keyward.user_pools(&operator, &Cursor::new(Some(3), None).unwrap()).await.unwrap();
    let next = Cursor::new(Some(3), first.next.as_deref()).unwrap();
    let second = keyward.user_pools(&operator, &next).await.unwrap();

    assert_eq!((first.items.len(), second.items.len(), &second.next), (3, 1, &None));
    let found: Vec<_> = first.items.into_iter().chain(second.items).map(|pool| pool.id).collect();
    assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
}

async fn what_never_changes_stays(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let identifiers = Identifiers {
        case_sensitive: true,
        username_attributes: vec!["email".into()],
        ..Identifiers::default()
    };
    let schema = vec![attribute("custom:colour", "String")];
    let settings = UserPoolSettings {
        identifiers: identifiers.clone(),
        schema: schema.clone(),
        deletion_protection: true,
        ..UserPoolSettings::default()
    };
    let made = pool(&keyward, settings).await;
    let factors = PoolFactors { software_token_mfa: Some(true), ..PoolFactors::default() };
    keyward.set_pool_factors(&operator, &made.id, factors).await.unwrap();

    let changed =
        keyward.update_user_pool(&operator, &made.id, None, UserPoolSettings::default()).await.unwrap();

    let expected =
        UserPoolSettings { identifiers, schema, software_token_mfa: true, ..UserPoolSettings::default() };
    assert_eq!((changed.name.as_str(), changed.settings), ("pool", expected));
}

async fn factors_are_set_one_by_one(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let made = pool(&keyward, UserPoolSettings::default()).await;
    let set = async |factors: PoolFactors| {
        keyward.set_pool_factors(&operator, &made.id, factors).await.map(|pool| pool.settings)
    };
    let default = PoolFactors::default;

    let missing = set(PoolFactors { mfa: Some(MfaMode::On), ..default() }).await;
    assert!(said(missing).contains("are required when MFA is required/optional"));

    let email = EmailMfa { subject: Some("Code".into()), body: Some("{####}".into()) };
    let sms = SmsMfa { message: Some("SMS {####}".into()), ..SmsMfa::default() };
    let settings = set(PoolFactors {
        mfa: Some(MfaMode::Optional),
        software_token_mfa: Some(true),
        sms: Some(sms),
        email: Some(email.clone()),
        ..default()
    });
    let settings = settings.await.unwrap();
    assert_eq!((settings.mfa, settings.software_token_mfa), (MfaMode::Optional, true));
    assert_eq!(settings.authentication(Channel::Sms).body, "SMS {####}");
    assert_eq!(settings.authentication(Channel::Email), Template { subject: "Code", body: "{####}" });

    // What isn't said stays.
    let passkeys = WebAuthn { relying_party_id: Some("example.com".into()), ..WebAuthn::default() };
    let settings = set(PoolFactors { web_authn: Some(passkeys.clone()), ..default() }).await.unwrap();
    assert_eq!(
        (settings.mfa, settings.software_token_mfa, settings.sms_mfa),
        (MfaMode::Optional, true, true)
    );
    assert_eq!((settings.email_mfa, settings.web_authn), (Some(email), passkeys));

    let both = PoolFactors { mfa: Some(MfaMode::Off), software_token_mfa: Some(true), ..default() };
    assert_eq!(
        said(set(both).await),
        "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."
    );
    // But beside whether there is MFA, all of them are said.
    let missing = set(PoolFactors { mfa: Some(MfaMode::On), ..default() }).await;
    assert!(said(missing).contains("are required when MFA is required/optional"));
    let token = PoolFactors { software_token_mfa: Some(true), ..default() };
    let texts = PoolFactors { email: Some(EmailMfa::default()), ..default() };
    for (mfa, factors, has_token, email) in [
        (MfaMode::Optional, token, true, None),
        // Codes in place of a password have these texts, too.
        (MfaMode::Off, texts, false, Some(EmailMfa::default())),
        (MfaMode::Off, default(), false, None),
    ] {
        let settings = set(PoolFactors { mfa: Some(mfa), ..factors }).await.unwrap();
        assert_eq!((settings.mfa, settings.software_token_mfa), (mfa, has_token));
        assert_eq!((settings.sms_mfa, settings.email_mfa), (false, email));
        assert!(settings.web_authn.relying_party_id.is_some());
    }
}

async fn attributes_are_added(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let made = pool(&keyward, UserPoolSettings::default()).await;
    let add = async |attributes: &[SchemaAttribute]| {
        keyward.add_pool_attributes(&operator, &made.id, attributes.to_vec()).await
    };
    let (colour, size) = (attribute("custom:colour", "String"), attribute("dev:size", "Number"));

    add(std::slice::from_ref(&colour)).await.unwrap();
    let changed = add(std::slice::from_ref(&size)).await.unwrap();

    assert_eq!(changed.settings.schema, [colour.clone(), size]);
    let refusal = said(add(&[attribute("custom:other", "String"), colour]).await);
    assert_eq!(refusal, "custom:colour: Existing attribute already has name custom:colour.");
    let settings = keyward.described_user_pool(&operator, &made.id).await.unwrap().settings;
    assert_eq!(settings, changed.settings);
}

async fn tags_and_resource_servers_come_and_go(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let id = pool(&keyward, UserPoolSettings::default()).await.id;
    let tags = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>()
    };

    keyward.tag_pool(&operator, &id, tags(&[("a", "1"), ("b", "2")])).await.unwrap();
    keyward.tag_pool(&operator, &id, tags(&[("b", "3"), ("c", "4")])).await.unwrap();
    let changed = keyward.untag_pool(&operator, &id, &["a".into(), "z".into()]).await.unwrap();
    assert_eq!(changed.settings.tags, tags(&[("b", "3"), ("c", "4")]));

    let server = |name: &str| ResourceServer {
        name: name.into(),
        scopes: vec![Scope { name: "read".into(), description: "Read".into() }],
    };
    keyward.create_resource_server(&operator, &id, "api", &server("one")).await.unwrap();
    let taken = keyward.create_resource_server(&operator, &id, "api", &server("two")).await.unwrap_err();
    assert_eq!(taken.code, Code::AlreadyExists(Thing::ResourceServer));
    keyward.update_resource_server(&operator, &id, "api", &server("three")).await.unwrap();
    for number in 1..25 {
        keyward.create_resource_server(&operator, &id, &number.to_string(), &server("x")).await.unwrap();
    }
    let full = keyward.create_resource_server(&operator, &id, "more", &server("x")).await.unwrap_err();
    assert_eq!(full.code, Code::Conflict);
    let first =
        keyward.resource_servers(&operator, &id, &Cursor::new(Some(24), None).unwrap()).await.unwrap();
    let next = Cursor::new(Some(24), first.next.as_deref()).unwrap();
    let last = keyward.resource_servers(&operator, &id, &next).await.unwrap();
    assert_eq!((first.items.len(), last.items), (24, vec![("api".to_owned(), server("three"))]));

    keyward.delete_resource_server(&operator, &id, "api").await.unwrap();
    for outcome in [
        keyward.delete_resource_server(&operator, &id, "api").await,
        keyward.update_resource_server(&operator, &id, "api", &server("x")).await,
    ] {
        assert_eq!(outcome.unwrap_err().code, Code::NotFound(Thing::ResourceServer));
    }
}

async fn changes_at_once_are_all_made(database: TestDatabase) {
    let keyward = database.keyward().await;
    let id = pool(&keyward, UserPoolSettings::default()).await.id;

    let tagging = (0..6).map(|number| {
        let (keyward, id) = (keyward.clone(), id.clone());
        tokio::spawn(async move {
            let tags = BTreeMap::from([(number.to_string(), String::new())]);
            keyward.tag_pool(&Caller::operator(), &id, tags).await
        })
    });
    for outcome in tagging.collect::<Vec<_>>() {
        outcome.await.unwrap().unwrap();
    }

    let pool = keyward.described_user_pool(&Caller::operator(), &id).await.unwrap();
    assert_eq!(pool.settings.tags.len(), 6);
}

async fn a_client_is_made_told_changed_and_deleted(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let pool = pool(&keyward, UserPoolSettings::default()).await;

    let made = client(&keyward, &pool, NewSecret::Generated).await;

    let id = &made.client.id;
    assert!(id.len() == 26 && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    assert_eq!(made.secret.as_ref().unwrap().expose().len(), 52);
    let told = keyward.described_app_client(&operator, &pool.id, id).await.unwrap();
    assert_eq!((&told.client.settings, &told.secret), (&made.client.settings, &made.secret));
    keyward.pool_client(id).await.unwrap().require_flow("USER_PASSWORD_AUTH").unwrap();

    let units = TokenUnits { access: Some(TimeUnit::Minutes), ..TokenUnits::default() };
    let flows = vec!["ADMIN_NO_SRP_AUTH".to_owned()];
    let settings = AppClientSettings { flows, access_token_seconds: 600, units, ..Default::default() };
    let changed =
        keyward.update_app_client(&operator, &pool.id, id, None, Some("Other"), |_| settings.clone()).await;
    let changed = changed.unwrap();
    assert_eq!((changed.client.name.as_str(), &changed.client.settings), ("Other", &settings));
    assert_eq!(changed.secret, made.secret);
    let query = AuditQuery { action: Some("app-client.update".into()), ..AuditQuery::default() };
    let event = keyward.list_audit(&operator, &query).await.unwrap().items.remove(0);
    let members = ["access_token_seconds", "flows", "units", "name"];
    assert_eq!(event.detail, json!({ "pool": pool.id, "changed": members }));
    // At once, though the client was kept in memory.
    let kept = keyward.pool_client(id).await.unwrap();
    for (flow, is_on) in [
        ("USER_PASSWORD_AUTH", false),
        ("ADMIN_USER_PASSWORD_AUTH", true),
        ("USER_SRP_AUTH", true),
        ("REFRESH_TOKEN_AUTH", true),
        ("USER_AUTH", false),
    ] {
        assert_eq!(kept.require_flow(flow).is_ok(), is_on, "{flow}");
    }

    let listed = keyward.app_clients(&operator, &pool.id, &Cursor::default()).await.unwrap();
    assert_eq!(listed.items.iter().map(|client| &client.id).collect::<Vec<_>>(), [id]);

    keyward.delete_app_client(&operator, &pool.id, id, None).await.unwrap();
    let gone = format!("User pool client {id} does not exist.");
    assert_eq!(said(keyward.pool_client(id).await), gone);
    assert_eq!(said(keyward.described_app_client(&operator, &pool.id, id).await), gone);
    assert_eq!(said(keyward.delete_app_client(&operator, &pool.id, id, None).await), gone);
}

async fn a_client_that_cannot_be_is_not_made(database: TestDatabase) {
    let keyward = database.keyward().await;
    let schema = vec![attribute("custom:colour", "String"), attribute("dev:size", "Number")];
    let pool = pool(&keyward, UserPoolSettings { schema, ..UserPoolSettings::default() }).await;
    let create = async |new: NewAppClient| {
        keyward.create_app_client(&Caller::operator(), &pool.id, new).await.map(|made| made.client.settings)
    };
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let default = AppClientSettings::default;
    let rotating = |seconds| AppClientSettings { rotation_grace_seconds: Some(seconds), ..default() };
    let day = 24 * 3600;
    let refresh = |seconds| AppClientSettings { refresh_token_seconds: seconds, ..default() };
    let flows = texts(&["ALLOW_REFRESH_TOKEN_AUTH"]);
    let mixed = texts(&["ADMIN_NO_SRP_AUTH", "ALLOW_USER_SRP_AUTH"]);

    for (field, settings) in [
        ("flows", AppClientSettings { flows: texts(&["ALLOW_ALL"]), ..default() }),
        ("flows", AppClientSettings { flows: mixed, ..default() }),
        ("flows", AppClientSettings { flows, ..rotating(0) }),
        ("rotation_grace_seconds", rotating(61)),
        ("rotation_grace_seconds", rotating(-1)),
        ("token_validity", AppClientSettings { access_token_seconds: 299, ..default() }),
        ("token_validity", AppClientSettings { access_token_seconds: day + 1, ..default() }),
        ("token_validity", AppClientSettings { id_token_seconds: 299, ..default() }),
        ("token_validity", AppClientSettings { access_token_seconds: 7200, ..refresh(3600) }),
        ("token_validity", refresh(3599)),
        ("token_validity", refresh(3650 * day + 1)),
        ("challenge_minutes", AppClientSettings { challenge_minutes: 2, ..default() }),
        ("challenge_minutes", AppClientSettings { challenge_minutes: 16, ..default() }),
        ("read_attributes", AppClientSettings { read_attributes: Some(texts(&["colour"])), ..default() }),
        ("write_attributes", AppClientSettings { write_attributes: Some(texts(&["sub"])), ..default() }),
        ("write_attributes", AppClientSettings { write_attributes: Some(texts(&["dev:size"])), ..default() }),
        (
            "write_attributes",
            AppClientSettings { write_attributes: Some(texts(&["email_verified"])), ..default() },
        ),
    ] {
        let outcome = create(NewAppClient { settings, ..new_client(NewSecret::None) }).await;
        assert_eq!(outcome.unwrap_err().code, Code::InvalidInput(field.into()));
    }
    for wrong in ["x".repeat(23), "x".repeat(65), format!("{}-", "x".repeat(30)), "é".repeat(24)] {
        let outcome = create(new_client(NewSecret::Chosen(wrong.into()))).await;
        assert_eq!(outcome.unwrap_err().code, Code::InvalidInput("secret".into()));
    }
    let settings = AppClientSettings {
        read_attributes: Some(texts(&["dev:size", "email_verified", "custom:colour"])),
        write_attributes: Some(texts(&["email", "custom:colour"])),
        ..rotating(60)
    };
    let made = create(NewAppClient { settings: settings.clone(), ..new_client(NewSecret::None) }).await;
    assert_eq!(made.unwrap(), settings);
}

async fn a_secret_is_replaced_without_a_gap(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let pool = pool(&keyward, UserPoolSettings::default()).await;
    let open = client(&keyward, &pool, NewSecret::None).await.client.id;
    let own = "own_secret_of_an_operator+1";
    let id = client(&keyward, &pool, NewSecret::Chosen(own.into())).await.client.id;
    let add = async |id: &str| keyward.add_client_secret(&operator, &pool.id, id, None).await;
    let check = async |secret: &str, username: &str| {
        let hash = secret_hash(secret, "ann", &id);
        keyward.pool_client(&id).await.unwrap().check_secret_hash(username, Some(&hash))
    };
    let wrong = format!("Unable to verify secret hash for client {id}");

    // Kept in memory from here on.
    check(own, "ann").await.unwrap();
    assert_eq!(said(check(own, "bob").await), wrong);
    assert_eq!(said(check("another_secret_of_24_chars", "ann").await), wrong);
    let through = keyward.pool_client(&id).await.unwrap();
    assert_eq!(
        said(through.check_secret_hash("ann", None)),
        format!("Client {id} is configured with secret but SECRET_HASH was not received")
    );
    for odd in ["", "%", "AAAA", &STANDARD.encode([0; 32])] {
        assert_eq!(said(through.check_secret_hash("ann", Some(&odd.into()))), wrong);
    }
    through.check_secret(Some(&own.into())).unwrap();
    assert_eq!(through.check_secret(None).unwrap_err().code, Code::Unauthenticated);
    assert_eq!(through.check_secret(Some(&"other".into())).unwrap_err().code, Code::Unauthenticated);

    let second = add(&id).await.unwrap();
    check(own, "ann").await.unwrap();
    check(second.secret.expose(), "ann").await.unwrap();
    let told = keyward.described_app_client(&operator, &pool.id, &id).await.unwrap();
    let ids: Vec<_> = told.client.secrets.iter().map(|secret| secret.id.clone()).collect();
    assert_eq!(ids, [format!("{id}--{START_MS}"), format!("{id}--{}", START_MS + 1)]);
    assert_eq!(told.secret.as_ref(), Some(&second.secret));
    assert_eq!(add(&id).await.unwrap_err().code, Code::Conflict);

    let delete =
        async |secret_id: &str| keyward.delete_client_secret(&operator, &pool.id, &id, secret_id).await;
    delete(&ids[0]).await.unwrap();
    assert_eq!(said(check(own, "ann").await), wrong);
    check(second.secret.expose(), "ann").await.unwrap();
    assert_eq!(delete(&ids[0]).await.unwrap_err().code, Code::NotFound(Thing::ClientSecret));
    assert_eq!(
        said(delete(&ids[1]).await),
        "The last secret of an app client can't be deleted; add another one first."
    );

    // A client without a secret asks for none, and isn't made to.
    let through = keyward.pool_client(&open).await.unwrap();
    through.check_secret_hash("ann", None).unwrap();
    through.check_secret(None).unwrap();
    assert_eq!(add(&open).await.unwrap_err().code, Code::InvalidInput("secret".into()));
}

async fn a_secret_lies_sealed(database: TestDatabase) {
    let keyward = database.keyward().await;
    let pool = pool(&keyward, UserPoolSettings::default()).await;
    let made = client(&keyward, &pool, NewSecret::Generated).await;
    let origin = Origin { idempotency_key: Some("once".into()), ..Origin::default() };
    let caller = Caller { origin, ..Caller::operator() };
    let second = keyward.add_client_secret(&caller, &pool.id, &made.client.id, None).await.unwrap();

    let contents = format!("{:?}", database.contents().await);

    assert!(contents.contains(&second.stored.id));
    for secret in [made.secret.unwrap(), second.secret] {
        assert!(!contents.contains(secret.expose()));
    }
}

async fn a_client_belongs_to_its_pool(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let one = pool(&keyward, UserPoolSettings::default()).await;
    let other = pool(&keyward, UserPoolSettings::default()).await;
    let id = client(&keyward, &one, NewSecret::Generated).await.client.id;
    let settings = AppClientSettings::default;

    let gone = format!("User pool client {id} does not exist.");
    for outcome in [
        keyward.described_app_client(&operator, &other.id, &id).await.map(drop),
        keyward.update_app_client(&operator, &other.id, &id, None, None, |_| settings()).await.map(drop),
        keyward.delete_app_client(&operator, &other.id, &id, None).await.map(drop),
        keyward.add_client_secret(&operator, &other.id, &id, None).await.map(drop),
        keyward.delete_client_secret(&operator, &other.id, &id, "x").await.map(drop),
    ] {
        assert_eq!(said(outcome), gone);
    }

    // With its pool goes the client.
    keyward.pool_client(&id).await.unwrap();
    keyward.delete_user_pool(&operator, &one.id, None).await.unwrap();
    assert_eq!(said(keyward.pool_client(&id).await), gone);
}

async fn what_is_deleted_on_one_node_is_gone_on_the_other(database: TestDatabase) {
    let (one, other) = (database.keyward().await, database.keyward().await);
    let pool = pool(&one, UserPoolSettings::default()).await;
    let made = client(&one, &pool, NewSecret::Generated).await;
    let (operator, id) = (Caller::operator(), &made.client.id);
    let second = one.add_client_secret(&operator, &pool.id, id, None).await.unwrap();
    let hash = secret_hash(made.secret.unwrap().expose(), "ann", id);
    let through = other.pool_client(id).await.unwrap();
    through.check_secret_hash("ann", Some(&hash)).unwrap();
    let opened = other.user_pool(&pool.id).await.unwrap();

    one.delete_client_secret(&operator, &pool.id, id, &made.client.secrets[0].id).await.unwrap();
    other.clock().advance_ms(1001);
    let through = other.pool_client(id).await.unwrap();
    through.check_secret_hash("ann", Some(&hash)).unwrap_err();
    let hash = secret_hash(second.secret.expose(), "ann", id);
    through.check_secret_hash("ann", Some(&hash)).unwrap();

    one.delete_user_pool(&operator, &pool.id, None).await.unwrap();
    other.clock().advance_ms(1001);
    assert_eq!(other.pool_client(id).await.unwrap_err().code, Code::NotFound(Thing::AppClient));
    assert_eq!(opened.settings().await.unwrap_err().code, Code::NotFound(Thing::UserPool));
}

async fn nobody_without_the_permission_does_anything(database: TestDatabase) {
    let keyward = database.keyward().await;
    let pool = pool(&keyward, UserPoolSettings::default()).await;
    let made = client(&keyward, &pool, NewSecret::Generated).await;
    let (id, client_id) = (&pool.id, &made.client.id);
    role(&keyward, "managers", &["manage:users", "manage:roles", "manage:api-keys", "view:*"]).await;
    account(&keyward, "mallory@example.com", &["managers"]).await;
    let caller = person(&keyward, "mallory@example.com", false).await;
    let page = Cursor::default();
    let server = ResourceServer { name: "x".into(), scopes: Vec::new() };
    let before = database.column("SELECT settings FROM user_pools ORDER BY id").await;

    let new = NewUserPool { name: "new".into(), ..NewUserPool::default() };
    let settings = UserPoolSettings::default;
    let client_settings = AppClientSettings::default();
    let (k, c) = (&keyward, &caller);
    let read: [Result<()>; 6] = [
        k.described_user_pool(c, id).await.map(drop),
        k.count_accounts(c, id).await.map(drop),
        k.user_pools(c, &page).await.map(drop),
        k.resource_servers(c, id, &page).await.map(drop),
        k.described_app_client(c, id, client_id).await.map(drop),
        k.app_clients(c, id, &page).await.map(drop),
    ];
    let changed: [Result<()>; 14] = [
        k.create_user_pool(c, new).await.map(drop),
        k.update_user_pool(c, id, None, settings()).await.map(drop),
        k.set_pool_factors(c, id, PoolFactors::default()).await.map(drop),
        k.add_pool_attributes(c, id, vec![attribute("custom:x", "String")]).await.map(drop),
        k.tag_pool(c, id, BTreeMap::new()).await.map(drop),
        k.untag_pool(c, id, &[]).await.map(drop),
        k.create_resource_server(c, id, "x", &server).await,
        k.update_resource_server(c, id, "x", &server).await,
        k.delete_resource_server(c, id, "x").await,
        k.create_app_client(c, id, new_client(NewSecret::None)).await.map(drop),
        k.update_app_client(c, id, client_id, None, None, |_| client_settings).await.map(drop),
        k.add_client_secret(c, id, client_id, None).await.map(drop),
        k.delete_client_secret(c, id, client_id, "x").await,
        k.delete_app_client(c, id, client_id, None).await.map(drop),
    ];
    let deleted = k.delete_user_pool(c, id, None).await.map(drop);

    let expected = Code::Forbidden(MANAGE_POOLS.to_owned());
    let refusals = changed.len() + 1;
    for outcome in read.into_iter().chain(changed).chain([deleted]) {
        assert_eq!(outcome.unwrap_err().code, expected);
    }
    assert_eq!(database.column("SELECT settings FROM user_pools ORDER BY id").await, before);
    let query = AuditQuery { actor: Some(caller.name().to_owned()), ..AuditQuery::default() };
    let events = keyward.list_audit(&Caller::operator(), &query).await.unwrap().items;
    assert_eq!(events.iter().filter(|event| event.outcome == Outcome::Refused).count(), refusals);
}

async fn what_is_asked_twice_with_one_key_is_done_once(database: TestDatabase) {
    let keyward = database.keyward().await;
    let caller = |key: &str| {
        let origin = Origin { idempotency_key: Some(key.into()), ..Origin::default() };
        Caller { origin, ..Caller::operator() }
    };

    let create = async || {
        let new = NewUserPool { name: "pool".into(), ..NewUserPool::default() };
        keyward.create_user_pool(&caller("pool"), new).await.unwrap().id
    };
    let pool_id = create().await;
    assert_eq!(create().await, pool_id);
    let create = async || {
        let new = new_client(NewSecret::Generated);
        let made = keyward.create_app_client(&caller("client"), &pool_id, new).await;
        made.map(|made| (made.client.id, made.secret)).unwrap()
    };
    let made = create().await;
    assert_eq!(create().await, made);
    let add = async || {
        let issued = keyward.add_client_secret(&caller("secret"), &pool_id, &made.0, None).await;
        issued.unwrap().secret
    };
    assert_eq!(add().await, add().await);

    let operator = Caller::operator();
    let clients = keyward.app_clients(&operator, &pool_id, &Cursor::default()).await.unwrap();
    assert_eq!(clients.items.len(), 1);
    assert_eq!(keyward.user_pools(&operator, &Cursor::default()).await.unwrap().items.len(), 2);
}

async fn the_home_pool_and_its_first_client_stay(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let home = keyward.local_pool().id().to_owned();
    let client_id = keyward.local_pool().first_client().await.unwrap().unwrap().id;

    // Also when it isn't protected like any other.
    keyward.update_user_pool(&operator, &home, None, UserPoolSettings::default()).await.unwrap();
    let outcome = keyward.delete_user_pool(&operator, &home, None).await;
    assert_eq!(said(outcome), "The home pool, whose users have roles and keys, can't be deleted.");
    let outcome = keyward.delete_app_client(&operator, &home, &client_id, None).await;
    assert_eq!(outcome.unwrap_err().code, Code::Conflict);

    keyward.clock().advance_ms(1);
    let pool = keyward.described_user_pool(&operator, &home).await.unwrap();
    let second = client(&keyward, &pool, NewSecret::None).await.client.id;
    keyward.delete_app_client(&operator, &home, &second, None).await.unwrap();
}

async fn the_texts_of_the_home_pool_take_every_right(database: TestDatabase) {
    let keyward = database.keyward().await;
    let home = keyward.local_pool().id().to_owned();
    let other = pool(&keyward, UserPoolSettings::default()).await.id;
    role(&keyward, "pool-managers", &[MANAGE_POOLS]).await;
    account(&keyward, "mallory@example.com", &["pool-managers"]).await;
    let mallory = person(&keyward, "mallory@example.com", false).await;
    let text = Some("<img src='https://example.com/{####}'>".to_owned());
    let texts = MessageTexts { email_body: text.clone(), ..MessageTexts::default() };
    let messages = Messages { verification: texts, ..Messages::default() };
    let settings = UserPoolSettings { messages, ..UserPoolSettings::of_home() };
    let email = Some(EmailMfa { body: text, ..EmailMfa::default() });
    let factors = PoolFactors { email, ..PoolFactors::default() };

    let update = async |caller: &Caller, id: &str, settings: &UserPoolSettings| {
        keyward.update_user_pool(caller, id, None, settings.clone()).await.map(drop)
    };
    let set = async |caller: &Caller, id: &str| {
        keyward.set_pool_factors(caller, id, factors.clone()).await.map(drop)
    };
    let every = Code::Forbidden("*".into());
    assert_eq!(update(&mallory, &home, &settings).await.unwrap_err().code, every);
    assert_eq!(set(&mallory, &home).await.unwrap_err().code, every);
    update(&mallory, &home, &UserPoolSettings::of_home()).await.unwrap();
    let elsewhere = UserPoolSettings { mfa: MfaMode::Off, ..settings.clone() };
    update(&mallory, &other, &elsewhere).await.unwrap();
    set(&mallory, &other).await.unwrap();

    let operator = Caller::operator();
    update(&operator, &home, &settings).await.unwrap();
    set(&operator, &home).await.unwrap();
    // As they are, or without them, it's no text of mallory's.
    update(&mallory, &home, &settings).await.unwrap();
    update(&mallory, &home, &UserPoolSettings::of_home()).await.unwrap();
}

async fn what_the_home_pool_asks_of_who_signs_in_takes_every_right(database: TestDatabase) {
    let keyward = database.keyward().await;
    let home = keyward.local_pool().id().to_owned();
    let other = pool(&keyward, UserPoolSettings::default()).await.id;
    role(&keyward, "pool-managers", &[MANAGE_POOLS]).await;
    account(&keyward, "mallory@example.com", &["pool-managers"]).await;
    let mallory = person(&keyward, "mallory@example.com", false).await;
    let first_factors = vec![FirstFactor::Password, FirstFactor::EmailOtp];
    let settings = [
        UserPoolSettings { mfa: MfaMode::Off, ..UserPoolSettings::of_home() },
        UserPoolSettings { mfa: MfaMode::On, ..UserPoolSettings::of_home() },
        UserPoolSettings { first_factors, ..UserPoolSettings::of_home() },
    ];
    let factors = [
        PoolFactors { mfa: Some(MfaMode::Off), ..PoolFactors::default() },
        PoolFactors { software_token_mfa: Some(false), ..PoolFactors::default() },
        PoolFactors { web_authn: Some(WebAuthn::default()), ..PoolFactors::default() },
    ];
    let before = database.column("SELECT settings FROM user_pools ORDER BY id").await;

    let every = Code::Forbidden("*".into());
    for settings in &settings {
        let outcome = keyward.update_user_pool(&mallory, &home, None, settings.clone()).await;
        assert_eq!(outcome.unwrap_err().code, every);
    }
    for factors in &factors {
        let outcome = keyward.set_pool_factors(&mallory, &home, factors.clone()).await;
        assert_eq!(outcome.unwrap_err().code, every);
    }

    assert_eq!(database.column("SELECT settings FROM user_pools ORDER BY id").await, before);
    keyward.set_pool_factors(&mallory, &other, factors[0].clone()).await.unwrap();
    // Who says what is set already, or nothing, changes nothing of it.
    let operator = Caller::operator();
    keyward.update_user_pool(&operator, &home, None, settings[2].clone()).await.unwrap();
    let same = UserPoolSettings { tags: [("a".into(), "b".into())].into(), ..settings[2].clone() };
    keyward.update_user_pool(&mallory, &home, None, same).await.unwrap();
}

async fn the_first_client_of_the_home_pool_lets_the_command_line_in(database: TestDatabase) {
    let keyward = database.keyward().await;
    let home = keyward.local_pool().id().to_owned();
    let first = keyward.local_pool().first_client().await.unwrap().unwrap();
    role(&keyward, "pool-managers", &[MANAGE_POOLS]).await;
    account(&keyward, "mallory@example.com", &["pool-managers"]).await;
    let mallory = person(&keyward, "mallory@example.com", false).await;
    let update = async |caller: &Caller, settings: &AppClientSettings| {
        let outcome =
            keyward.update_app_client(caller, &home, &first.id, None, None, |_| settings.clone()).await;
        outcome.map(|described| described.client.settings).map_err(|error| error.code)
    };
    let with = |flows: &[&str]| AppClientSettings {
        flows: flows.iter().copied().map(str::to_owned).collect(),
        ..AppClientSettings::of_home()
    };

    let operator = Caller::operator();
    let rotating = AppClientSettings {
        rotation_grace_seconds: Some(10),
        ..with(&["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"])
    };
    for settings in [
        AppClientSettings::unsaid(),
        AppClientSettings::default(),
        with(&["ALLOW_CUSTOM_AUTH"]),
        with(&["ALLOW_USER_PASSWORD_AUTH"]),
        with(&["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]),
        rotating,
    ] {
        assert_eq!(update(&operator, &settings).await.unwrap_err(), Code::InvalidInput("flows".into()));
    }
    assert_eq!(keyward.local_pool().first_client().await.unwrap().unwrap().settings, first.settings);

    // Every user of the home pool signs in through it, and be it with everything that it needs.
    let needed = with(&["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH"]);
    assert_eq!(update(&mallory, &needed).await.unwrap_err(), Code::Forbidden("*".into()));
    assert_eq!(update(&operator, &needed).await.unwrap(), needed);

    // Another one of the home pool is anybody's.
    keyward.clock().advance_ms(1);
    let pool = keyward.described_user_pool(&operator, &home).await.unwrap();
    let second = client(&keyward, &pool, NewSecret::None).await.client.id;
    let settings = AppClientSettings::unsaid();
    keyward.update_app_client(&mallory, &home, &second, None, None, |_| settings).await.unwrap();
    assert_eq!(keyward.unsaid_client_settings(&home, &second).await.unwrap(), AppClientSettings::unsaid());
    assert_eq!(keyward.unsaid_client_settings(&home, &first.id).await.unwrap(), AppClientSettings::of_home());
}

/// What a pool with these attributes says of a value.
fn check(schema: Vec<SchemaAttribute>, pairs: &[(&str, &str)], occasion: Occasion) -> String {
    let settings = UserPoolSettings { schema, ..UserPoolSettings::default() };
    let attributes = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    settings
        .check_attributes(&attributes, occasion)
        .map_or_else(|error| error.message.into_owned(), |()| "good".into())
}

#[test]
fn attributes_are_held_against_the_schema() {
    let bounded = |name: &str, data_type: &str, least: &str, most: &str| SchemaAttribute {
        minimum: Some(least.into()),
        maximum: Some(most.into()),
        ..attribute(name, data_type)
    };
    let schema = vec![
        bounded("custom:code", "String", "2", "4"),
        bounded("custom:count", "Number", "-5", "10"),
        attribute("custom:is", "Boolean"),
        attribute("custom:at", "DateTime"),
        SchemaAttribute { mutable: false, ..attribute("custom:fixed", "String") },
        attribute("dev:note", "String"),
        SchemaAttribute { required: true, ..bounded("email", "String", "3", "20") },
        SchemaAttribute { required: true, ..attribute("name", "String") },
    ];
    let change = |name: &str, value: &str| check(schema.clone(), &[(name, value)], Occasion::Change);
    let wrong = |text: &str| format!("Attributes did not conform to the schema: {text}");

    for (name, value) in [
        ("custom:code", "ab"),
        ("custom:code", "äöüß"),
        ("custom:code", ""),
        ("custom:count", "-5"),
        ("custom:count", "10"),
        ("custom:is", "true"),
        ("custom:is", "False"),
        ("custom:at", "2027-01-01T00:00:00Z"),
        ("custom:at", "2027-01-01"),
        ("dev:note", "x"),
        ("birthdate", "1815-12-10"),
        ("nickname", "x"),
        ("updated_at", "1800000000"),
        ("email_verified", "true"),
    ] {
        assert_eq!(change(name, value), "good", "{name}");
    }
    for (name, value, fault) in [
        ("colour", "x", "colour: Attribute does not exist in the schema."),
        ("custom:colour", "x", "custom:colour: Attribute does not exist in the schema."),
        ("custom:code", "a", "custom:code: String must be no shorter than 2 characters"),
        ("custom:code", "abcde", "custom:code: String must be no longer than 4 characters"),
        ("custom:count", "-6", "custom:count: Number must be no smaller than -5"),
        ("custom:count", "11", "custom:count: Number must be no larger than 10"),
        ("custom:count", "1.5", "custom:count: Value must be a number"),
        ("custom:is", "yes", "custom:is: Value must be true or false"),
        ("custom:at", "soon", "custom:at: Value must be a date and time of ISO 8601"),
        ("birthdate", "10/12/1815", "birthdate: Birthdate must have the format YYYY-MM-DD"),
        ("updated_at", "-1", "updated_at: Number must be no smaller than 0"),
        ("nickname", &"x".repeat(2049), "nickname: String must be no longer than 2048 characters"),
        ("email", "", "email: The attribute is required"),
        ("email", &"x".repeat(21), "email: String must be no longer than 20 characters"),
    ] {
        assert_eq!(change(name, value), wrong(fault));
    }
    assert_eq!(change("custom:fixed", "x"), "user.custom:fixed: Attribute cannot be updated.");
    for name in ["sub", "identities"] {
        assert_eq!(change(name, "x"), format!("Cannot modify the non-mutable attribute {name}"));
    }

    let create = |pairs: &[(&str, &str)]| check(schema.clone(), pairs, Occasion::Creation);
    assert_eq!(create(&[("email", "a@b"), ("name", "A"), ("custom:fixed", "x")]), "good");
    assert_eq!(
        create(&[("custom:code", "a")]),
        wrong(
            "custom:code: String must be no shorter than 2 characters\nemail: The attribute is required\nname: \
             The attribute is required"
        )
    );
    let settings = UserPoolSettings { schema, ..UserPoolSettings::default() };
    settings.check_removal(["custom:code", "nickname"]).unwrap();
    for name in ["email", "custom:fixed", "sub", "colour"] {
        settings.check_removal([name]).unwrap_err();
    }
}

#[test]
fn texts_that_are_not_set_are_cognitos() {
    let settings = UserPoolSettings::default();
    for channel in [Channel::Email, Channel::Sms] {
        assert_eq!(settings.verification(channel), Template::VERIFICATION);
        assert_eq!(settings.invitation(channel), Template::INVITATION);
        assert_eq!(settings.authentication(channel), Template::AUTHENTICATION);
    }
    let recovery = [RecoveryMechanism::VerifiedPhoneNumber, RecoveryMechanism::VerifiedEmail];
    assert_eq!(settings.recovery(), recovery);
    assert_eq!(settings.first_factors(), [FirstFactor::Password]);
}
