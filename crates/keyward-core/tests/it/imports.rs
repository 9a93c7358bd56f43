//! Users who were accounts elsewhere: what is made of them, what is refused, how they sign in.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_cognito_srp::{SrpClient, User as SrpUser};
use keyward_core::app_client::{AppClientSettings, NewAppClient, NewSecret};
use keyward_core::audit::{AuditEvent, AuditQuery};
use keyward_core::caller::{Caller, Origin};
use keyward_core::clock::Clock;
use keyward_core::error::{Code, Result, Thing};
use keyward_core::import::{ExportedUser, Imported, ImportedUser};
use keyward_core::keyward::{Keyward, Settings};
use keyward_core::local_pool::self_service::SelfService;
use keyward_core::local_pool::sign_in::{SignIn, SignInRequest, SrpProof};
use keyward_core::page::Cursor;
use keyward_core::secret::Secret;
use keyward_core::user::{NewUser, UserQuery, UserStatus, UserUpdate};
use keyward_core::user_pool::{
    Identifiers, MfaMode, NewUserPool, SchemaAttribute, UserPool, UserPoolSettings,
};
use proptest::prelude::any;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::support::{TestDatabase, account, client_id, code, on_both, person, role, texts};

/// Openwall's test vector for bcrypt.
const BCRYPT: (&str, &str) = ("U*U", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
/// The reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32
const ARGON2ID: (&str, &str) =
    ("password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");

fn attributes(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A user with a proven address.
fn imported(username: &str) -> ImportedUser {
    let email = format!("{username}@example.com");
    ImportedUser {
        username: username.to_owned(),
        attributes: attributes(&[("email", &email), ("email_verified", "TRUE")]),
        ..ImportedUser::default()
    }
}

fn with(username: &str, more: &[(&str, &str)]) -> ImportedUser {
    let mut user = imported(username);
    user.attributes.extend(attributes(more));
    user
}

fn with_hash(username: &str, hash: &str) -> ImportedUser {
    ImportedUser {
        username: username.to_owned(),
        password_hash: Some(Secret::from(hash)),
        ..ImportedUser::default()
    }
}

async fn import(keyward: &Keyward, pool: Option<&str>, users: &[ImportedUser]) -> Vec<Result<Imported>> {
    keyward.import_users(&Caller::operator(), pool, users).await.unwrap()
}

/// `created`, `exists`, or what is said.
fn outcomes(results: &[Result<Imported>]) -> Vec<String> {
    results
        .iter()
        .map(|result| match result {
            Ok(Imported::Created(_)) => "created".to_owned(),
            Ok(Imported::Exists) => "exists".to_owned(),
            Err(error) => error.message.to_string(),
        })
        .collect()
}

async fn exported(keyward: &Keyward, pool: Option<&str>) -> Vec<ExportedUser> {
    let operator = Caller::operator();
    keyward.export_users(&operator, pool, Cursor::largest()).await.unwrap().items
}

async fn events(keyward: &Keyward, action: &str) -> Vec<AuditEvent> {
    let query = AuditQuery { action: Some(action.into()), ..AuditQuery::default() };
    keyward.list_audit(&Caller::operator(), &query).await.unwrap().items
}

async fn pool(keyward: &Keyward, name: &str, settings: UserPoolSettings) -> UserPool {
    let new = NewUserPool { region: None, name: name.to_owned(), settings };
    keyward.create_user_pool(&Caller::operator(), new).await.unwrap()
}

fn department() -> SchemaAttribute {
    SchemaAttribute {
        name: "custom:department".to_owned(),
        data_type: "String".to_owned(),
        mutable: true,
        required: false,
        minimum: None,
        maximum: Some("8".to_owned()),
    }
}

on_both!(
    users_are_imported_with_what_is_known_of_them_and_found_by_it,
    what_is_there_already_stays_as_it_is,
    each_wrong_row_is_refused_alone,
    too_many_or_no_users_are_refused,
    one_event_tells_how_many_and_never_who,
    an_address_of_somebody_with_more_rights_is_refused,
    an_import_asks_for_the_right_permission,
    a_name_or_alias_that_somebody_has_is_not_taken,
    where_an_address_is_the_name_it_is_imported_as_such,
    two_imports_at_once_make_each_user_once,
    a_whole_batch_enters_or_nothing,
    an_imported_password_signs_in_and_is_stored_anew,
    who_has_to_show_or_set_a_password_is_told_so_where_that_betrays_nobody,
    a_client_that_hides_nobody_says_at_once_that_a_password_is_to_be_set,
    what_is_exported_is_the_same_after_an_import,
    any_text_is_imported_whole_or_refused,
);

async fn users_are_imported_with_what_is_known_of_them_and_found_by_it(database: TestDatabase) {
    let keyward = database.keyward().await;
    let more = [
        ("name", "Ada Lovelace"),
        ("birthdate", "12/10/1815"),
        ("phone_number", "+12345678900"),
        ("phone_number_verified", "False"),
        ("address", "1 Main Street,\nLondon"),
    ];

    let without_phone = with("cyd", &[("phone_number_verified", "FALSE")]);

    let results =
        import(&keyward, None, &[with("Ada", &more), with_hash("bob", BCRYPT.1), without_phone]).await;

    assert_eq!(outcomes(&results), ["created", "created", "created"]);
    let operator = Caller::operator();
    let ada = keyward.user(&operator, "ada").await.unwrap();
    let Ok(Imported::Created(id)) = &results[0] else { panic!("{results:?}") };
    assert_eq!(&ada.id, id);
    assert_eq!((ada.username.as_str(), ada.status, ada.enabled), ("Ada", UserStatus::ResetRequired, true));
    assert_eq!((ada.email_verified, ada.phone_verified), (true, false));
    assert_eq!(
        ada.all_attributes(),
        attributes(&[
            ("address", "1 Main Street,\nLondon"),
            ("birthdate", "1815-12-10"),
            ("email", "Ada@example.com"),
            ("email_verified", "true"),
            ("name", "Ada Lovelace"),
            ("phone_number", "+12345678900"),
            ("phone_number_verified", "false"),
        ])
    );
    assert!(ada.roles.is_empty());
    let bob = keyward.user(&operator, "bob").await.unwrap();
    assert_eq!((bob.status, bob.email), (UserStatus::Confirmed, None));
    let found = async |search: &str| {
        let query = UserQuery { search: Some(search.into()), ..UserQuery::default() };
        keyward.list_users(&operator, &query).await.unwrap().items.len()
    };
    assert_eq!((found("ada@").await, found("b").await, found("cyd").await), (1, 1, 1));
    let indexed = database
        .column(
            "SELECT a.name FROM user_attributes a JOIN users u ON u.id = a.user_id \
                 WHERE u.username = 'Ada' ORDER BY a.name",
        )
        .await;
    assert_eq!(indexed, ["email", "name", "phone_number", "sub", "username"]);
}

async fn what_is_there_already_stays_as_it_is(database: TestDatabase) {
    let keyward = database.keyward().await;
    let users = [imported("ada"), imported("bob")];
    import(&keyward, None, &users).await;
    let before = database.contents().await;

    let others = [with("ADA", &[("name", "Another")]), imported("bob"), with_hash("bob", ARGON2ID.1)];
    assert_eq!(outcomes(&import(&keyward, None, &others).await), ["exists", "exists", "exists"]);

    assert_eq!(database.contents().await, before, "neither users nor an event");
    let mixed = [imported("bob"), imported("eve"), imported("Eve")];
    assert_eq!(outcomes(&import(&keyward, None, &mixed).await), ["exists", "created", "exists"]);
}

async fn each_wrong_row_is_refused_alone(database: TestDatabase) {
    let keyward = database.keyward().await;
    let settings = UserPoolSettings { schema: vec![department()], ..UserPoolSettings::default() };
    let other = pool(&keyward, "Other", settings).await;
    role(&keyward, "BOTS", &["read:*"]).await;
    keyward.assign_roles(&Caller::operator(), "ci-bot", &texts(&["BOTS"])).await.unwrap();
    let ann = account(&keyward, "ann@x.co", &[]).await;
    let unproven = ImportedUser { attributes: attributes(&[("email", "a@x.co")]), ..imported("unproven") };
    let mfa = ImportedUser { mfa: true, ..imported("mfa") };
    let key = format!("vams_{}", "a".repeat(64));
    let wrong = [
        (imported(""), "username", "1 to 128"),
        (imported("a b"), "username", "without spaces"),
        (imported("tab\tbed"), "username", "without spaces"),
        (imported("nul\0"), "username", "without spaces"),
        (imported(&"n".repeat(129)), "username", "1 to 128"),
        (imported("no.address@"), "username", "email address"),
        (with("address", &[("email", "nonsense")]), "attributes", "Invalid email address format"),
        (with("phone", &[("phone_number", "12345")]), "attributes", "Invalid phone number format"),
        (with("flag", &[("email_verified", "yes")]), "attributes", "true or false"),
        (with("birth", &[("birthdate", "31.12.1999")]), "attributes", "birthdate"),
        (with("never", &[("birthdate", "13/31/1999")]), "attributes", "birthdate"),
        (with("time", &[("updated_at", "yesterday")]), "attributes", "updated_at"),
        (with("unknown", &[("shoe_size", "43")]), "attributes", "does not exist in the schema"),
        (with("elsewhere", &[("custom:department", "x")]), "attributes", "does not exist in the schema"),
        (with("sub", &[("sub", &ann.id)]), "attributes", "sub"),
        (with("long", &[("name", &"x".repeat(2049))]), "attributes", "2048"),
        (with("nul", &[("name", "a\0b")]), "attributes", "NUL"),
        (ImportedUser { attributes: BTreeMap::new(), ..imported("nobody") }, "attributes", "must be TRUE"),
        (unproven, "attributes", "email_verified or phone_number_verified must be TRUE"),
        (with_hash("hash", "U*U"), "password_hash", "bcrypt"),
        (with_hash("md5", "5f4dcc3b5aa765d61d8327deb882cf99"), "password_hash", "Argon2id"),
        (with_hash("dear", &BCRYPT.1.replace("$05$", "$31$")), "password_hash", "cost 14"),
        (mfa, "mfa_enabled", "cognito:mfa_enabled"),
    ];
    let mut rows: Vec<ImportedUser> = wrong.iter().map(|(user, _, _)| user.clone()).collect();
    rows.push(imported("good"));
    rows.push(imported("ci-bot"));
    rows.push(imported(&ann.id));
    rows.push(imported(&key));
    let before = exported(&keyward, None).await.len();

    let results = import(&keyward, None, &rows).await;

    for ((user, field, why), result) in wrong.iter().zip(&results) {
        let error = result.as_ref().expect_err(&user.username);
        assert_eq!(error.code, Code::InvalidInput((*field).into()), "{:?}: {error}", user.username);
        assert!(error.message.contains(why), "{:?}: {error}", user.username);
        assert!(!error.message.contains("5f4dcc3b"), "{error}");
    }
    let rest = &results[wrong.len()..];
    assert_eq!(outcomes(&rest[..1]), ["created"]);
    assert_eq!(rest[1].as_ref().unwrap_err().code, Code::AlreadyExists(Thing::User), "a program user");
    assert_eq!(rest[2].as_ref().unwrap_err().code, Code::AlreadyExists(Thing::User), "another's id");
    assert_eq!(rest[3].as_ref().unwrap_err().code, Code::InvalidInput("username".into()), "a key");
    assert_eq!(exported(&keyward, None).await.len(), before + 1);

    let department = |value| with("ada", &[("custom:department", value)]);
    let rows = [department("Research and more"), department("R&D")];
    let results = outcomes(&import(&keyward, Some(&other.id), &rows).await);
    assert!(results[0].contains("custom:department"), "{results:?}");
    assert_eq!(results[1], "created");
}

async fn too_many_or_no_users_are_refused(database: TestDatabase) {
    let keyward = database.keyward().await;
    let operator = Caller::operator();
    let rows: Vec<ImportedUser> = (0..1001).map(|number| imported(&format!("u{number}"))).collect();

    for rows in [&rows[..], &[]] {
        let refused = keyward.import_users(&operator, None, rows).await;
        assert_eq!(code(refused), Code::InvalidInput("users".into()));
    }
    let results = import(&keyward, None, &rows[1..]).await;
    assert!(results.iter().all(|result| matches!(result, Ok(Imported::Created(_)))));
    assert_eq!(exported(&keyward, None).await.len(), 1000);
}

async fn one_event_tells_how_many_and_never_who(database: TestDatabase) {
    let keyward = database.keyward().await;
    let rows = [imported("theodora"), with_hash("bob", ARGON2ID.1), imported("no way")];

    import(&keyward, None, &rows).await;

    let events = events(&keyward, "user.import").await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].detail, serde_json::json!({ "users": 2, "with_password_hash": 1 }));
    assert_eq!(events[0].target_id.as_deref(), Some(keyward.local_pool().id()));
    let told = serde_json::to_string(&events[0]).unwrap();
    assert!(!told.contains("theodora") && !told.contains("argon2"), "{told}");
}

async fn an_address_of_somebody_with_more_rights_is_refused(database: TestDatabase) {
    let keyward = database.keyward().await;
    role(&keyward, "BOSSES", &["*"]).await;
    role(&keyward, "MANAGERS", &["manage:users", "read:*"]).await;
    role(&keyward, "READERS", &["read:*"]).await;
    account(&keyward, "boss@x.co", &["BOSSES"]).await;
    account(&keyward, "reader@x.co", &["READERS"]).await;
    account(&keyward, "manager@x.co", &["MANAGERS"]).await;
    let chief = NewUser {
        username: "chief".into(),
        attributes: attributes(&[("email", "chief@x.co"), ("phone_number", "+12345678900")]),
        roles: texts(&["BOSSES"]),
        ..NewUser::default()
    };
    keyward.create_user(&Caller::operator(), chief).await.unwrap();
    let manager = person(&keyward, "manager@x.co", false).await;
    let rows = [
        with("a", &[("email", "Boss@x.co")]),
        with("b", &[("email", "chief@x.co")]),
        with("c", &[("phone_number", "+12345678900"), ("phone_number_verified", "true")]),
        with("d", &[("email", "reader@x.co")]),
        with("e", &[("phone_number", "+12345678900"), ("phone_number_verified", "false")]),
        imported("f"),
    ];

    let results = keyward.import_users(&manager, None, &rows).await.unwrap();

    for refused in &results[..3] {
        assert!(matches!(&refused.as_ref().unwrap_err().code, Code::Forbidden(_)), "{refused:?}");
    }
    assert_eq!(outcomes(&results[3..]), ["created", "created", "created"]);
    let refusals = events(&keyward, "user.import").await;
    assert_eq!(refusals.len(), 4, "three refusals and what was made");
    // Who is there already is not asked about: the file may be run again by anybody.
    let boss = with("boss@x.co", &[("email", "boss@x.co")]);
    let again = keyward.import_users(&manager, None, &[boss]).await.unwrap();
    assert_eq!(outcomes(&again), ["exists"]);
}

async fn an_import_asks_for_the_right_permission(database: TestDatabase) {
    let keyward = database.keyward().await;
    let other = pool(&keyward, "Other", UserPoolSettings::default()).await;
    for (name, permission) in
        [("VIEWERS", "view:users"), ("MANAGERS", "manage:users"), ("KEEPERS", "manage:pools")]
    {
        role(&keyward, name, &[permission]).await;
        account(&keyward, &format!("{name}@x.co"), &[name]).await;
    }
    let rows = [imported("ada")];
    for (name, pool, may_import, may_export) in [
        ("VIEWERS", None, false, true),
        ("VIEWERS", Some(other.id.as_str()), false, false),
        ("MANAGERS", None, true, true),
        ("MANAGERS", Some(&other.id), false, false),
        ("KEEPERS", None, false, false),
        ("KEEPERS", Some(&other.id), true, true),
    ] {
        let caller = person(&keyward, &format!("{name}@x.co"), false).await;
        let imported = keyward.import_users(&caller, pool, &rows).await;
        assert_eq!(imported.is_ok(), may_import, "{name} {pool:?}");
        let exported = keyward.export_users(&caller, pool, Cursor::largest()).await;
        assert_eq!(exported.is_ok(), may_export, "{name} {pool:?}");
        assert_eq!(keyward.user_columns(&caller, pool).await.is_ok(), may_export, "{name} {pool:?}");
        assert!(!may_import || may_export);
    }
    let operator = Caller::operator();
    for pool in ["us-east-1_nowhere00", ""] {
        let unknown = keyward.import_users(&operator, Some(pool), &rows).await;
        assert_eq!(code(unknown), Code::NotFound(Thing::UserPool));
        assert_eq!(code(keyward.user_columns(&operator, Some(pool)).await), Code::NotFound(Thing::UserPool));
    }
}

async fn a_name_or_alias_that_somebody_has_is_not_taken(database: TestDatabase) {
    let keyward = database.keyward().await;
    let identifiers = Identifiers {
        alias_attributes: texts(&["email", "preferred_username"]),
        case_sensitive: true,
        ..Identifiers::default()
    };
    let settings = UserPoolSettings { identifiers, ..UserPoolSettings::default() };
    let pool = pool(&keyward, "Aliases", settings).await;
    let pool = Some(pool.id.as_str());
    import(&keyward, pool, &[with("ada", &[("preferred_username", "countess")])]).await;

    let rows = [
        imported("Ada"),
        with("eve", &[("email", "ada@example.com")]),
        with("eve", &[("email", "ada@example.com"), ("email_verified", "false")]),
        with("countess", &[]),
        with("fay", &[("preferred_username", "ada")]),
        with("gus", &[("preferred_username", "twice")]),
        with("hal", &[("preferred_username", "twice")]),
        imported("a@b.co"),
    ];
    let results = outcomes(&import(&keyward, pool, &rows).await);

    assert_eq!(results[0], "created", "names differ by case here");
    assert_eq!(results[1], "An account with the given email already exists.");
    assert!(results[2].contains("must be TRUE"), "{results:?}");
    assert_eq!(results[3], "An account with the given preferred_username already exists.");
    assert_eq!(results[4], "An account with the given preferred_username already exists.");
    assert_eq!(results[5], "created");
    assert_eq!(results[6], "An account with the given preferred_username already exists.");
    assert!(results[7].contains("cannot be of email format"), "{results:?}");
}

async fn where_an_address_is_the_name_it_is_imported_as_such(database: TestDatabase) {
    let keyward = database.keyward().await;
    let identifiers =
        Identifiers { username_attributes: texts(&["email", "phone_number"]), ..Identifiers::default() };
    let settings = UserPoolSettings { identifiers, ..UserPoolSettings::default() };
    let pool = pool(&keyward, "Addresses", settings).await;
    let named = |username: &str, flag: &str| ImportedUser {
        username: username.to_owned(),
        attributes: attributes(&[(flag, "true")]),
        ..ImportedUser::default()
    };
    let rows = [
        named("ada@x.co", "email_verified"),
        named("+12345678900", "phone_number_verified"),
        named("ADA@x.co", "email_verified"),
        named("ada", "email_verified"),
    ];

    let results = outcomes(&import(&keyward, Some(&pool.id), &rows).await);

    assert_eq!(results[..3], ["created", "created", "exists"]);
    assert!(results[3].contains("Username should be"), "{results:?}");
    let exported: Vec<String> =
        exported(&keyward, Some(&pool.id)).await.into_iter().map(|user| user.username).collect();
    assert!(exported.contains(&"ada@x.co".to_owned()) && exported.contains(&"+12345678900".to_owned()));
    assert_eq!(outcomes(&import(&keyward, Some(&pool.id), &rows[..2]).await), ["exists", "exists"]);
}

async fn two_imports_at_once_make_each_user_once(database: TestDatabase) {
    let one = database.keyward().await;
    let other = database.keyward().await;
    let rows: Vec<ImportedUser> = (0..300).map(|number| imported(&format!("u{number}"))).collect();
    let turned: Vec<ImportedUser> = rows.iter().rev().cloned().collect();

    let (one_results, other_results) = tokio::join!(import(&one, None, &rows), import(&other, None, &turned));

    let created = |results: &[Result<Imported>]| {
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        results.iter().filter(|result| matches!(result, Ok(Imported::Created(_)))).count()
    };
    assert_eq!(created(&one_results) + created(&other_results), 300);
    assert_eq!(exported(&one, None).await.len(), 300);
    let told: u64 =
        events(&one, "user.import").await.iter().map(|event| event.detail["users"].as_u64().unwrap()).sum();
    assert_eq!(told, 300);
}

async fn a_whole_batch_enters_or_nothing(database: TestDatabase) {
    let keyward = database.keyward().await;
    database.execute("ALTER TABLE audit_events RENAME TO audit_events_elsewhere").await;
    let rows: Vec<ImportedUser> = (0..150).map(|number| imported(&format!("u{number}"))).collect();

    let refused = keyward.import_users(&Caller::operator(), None, &rows).await;

    assert_eq!(code(refused), Code::Internal, "there is nowhere to enter the event");
    database.execute("ALTER TABLE audit_events_elsewhere RENAME TO audit_events").await;
    assert!(exported(&keyward, None).await.is_empty());
    assert!(database.column("SELECT name FROM user_attributes").await.is_empty());
    let results = import(&keyward, None, &rows).await;
    assert!(results.iter().all(|result| matches!(result, Ok(Imported::Created(_)))));
}

/// A Keyward that users sign in to, through two clients: one that hides who exists, and one that doesn't.
struct World {
    keyward: Arc<Keyward>,
    origin: Origin,
    hiding: String,
    telling: String,
}

impl World {
    async fn open(database: &TestDatabase) -> Self {
        // The client's half of SRP asks the machine's clock; so ours stands where that one is.
        let keyward = database.keyward_with(Clock::fixed(Clock::System.now_ms()), Settings::default()).await;
        let hiding = client_id(&keyward).await;
        let new = NewAppClient {
            name: "telling".into(),
            settings: AppClientSettings {
                flows: texts(&["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH"]),
                hides_unknown_users: false,
                ..AppClientSettings::default()
            },
            secret: NewSecret::None,
        };
        let pool_id = keyward.local_pool().id();
        let telling = keyward.create_app_client(&Caller::operator(), pool_id, new).await.unwrap().client.id;
        Self { keyward, origin: Origin::default(), hiding, telling }
    }

    async fn by_password(&self, client_id: &str, name: &str, password: &str) -> Result<SignIn> {
        let request = SignInRequest::new(&self.origin, client_id);
        self.keyward.sign_in_with_password(request, name, &password.into()).await
    }

    async fn by_srp(&self, client_id: &str, name: &str, password: &str) -> Result<SignIn> {
        let request = SignInRequest::new(&self.origin, client_id);
        let user = SrpUser::new(self.keyward.local_pool().id(), name, password);
        let client = SrpClient::new(user, client_id, None);
        let srp_a = Secret::from(client.get_auth_parameters().a);
        let begun = self.keyward.begin_srp(request, name, &srp_a).await?;
        let proof =
            client.verify(begun.secret_block.expose(), &begun.user_id, &begun.salt, &begun.srp_b).unwrap();
        let proof = SrpProof {
            secret_block: &begun.secret_block,
            timestamp: &Secret::from(proof.timestamp),
            signature: &Secret::from(proof.password_claim_signature),
            username: None,
        };
        self.keyward.finish_srp(request, proof).await
    }
}

fn said(outcome: Result<SignIn>) -> String {
    match outcome {
        Ok(SignIn::Done(_)) => "done".to_owned(),
        Ok(SignIn::Challenge(challenge)) => format!("{:?}", challenge.question),
        Err(error) => error.message.to_string(),
    }
}

const WRONG: &str = "Incorrect username or password.";
const TO_RESET: &str = "Password reset required for the user";

async fn an_imported_password_signs_in_and_is_stored_anew(database: TestDatabase) {
    let world = World::open(&database).await;
    import(&world.keyward, None, &[with_hash("bea", BCRYPT.1), with_hash("gon", ARGON2ID.1)]).await;
    let stored = "SELECT password_hash FROM users WHERE username IN ('bea', 'gon') ORDER BY username";
    assert_eq!(database.column(stored).await, [BCRYPT.1, ARGON2ID.1]);
    let verifiers = "SELECT srp_verifier FROM users WHERE srp_verifier IS NOT NULL";

    for (name, password) in [("bea", BCRYPT.0), ("gon", ARGON2ID.0)] {
        let hiding = &world.hiding;
        assert_eq!(said(world.by_password(hiding, name, "wrong").await), WRONG);
        assert_eq!(said(world.by_srp(hiding, name, password).await), TO_RESET, "the right password, too");
        assert_eq!(said(world.by_password(hiding, name, password).await), "done");

        assert_eq!(said(world.by_srp(hiding, name, password).await), "done");
        assert_eq!(said(world.by_srp(hiding, name, "wrong").await), WRONG);
        assert_eq!(said(world.by_password(hiding, name, password).await), "done");
    }
    for hash in database.column(stored).await {
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
    }
    assert_eq!(database.column(verifiers).await.len(), 2);
}

async fn who_has_to_show_or_set_a_password_is_told_so_where_that_betrays_nobody(database: TestDatabase) {
    let world = World::open(&database).await;
    let hiding = &world.hiding;
    import(&world.keyward, None, &[with_hash("bea", BCRYPT.1), imported("ada")]).await;

    // Amazon: NotAuthorizedException when PreventUserExistenceErrors is enabled.
    for name in ["ada", "nobody"] {
        assert_eq!(said(world.by_password(hiding, name, "Any-Password-1").await), WRONG);
        assert_eq!(said(world.by_srp(hiding, name, "Any-Password-1").await), WRONG);
    }
    // The first step looks like anybody's.
    let srp_a =
        Secret::from(SrpClient::new(SrpUser::new("p_1", "x", "y"), "z", None).get_auth_parameters().a);
    let request = SignInRequest::new(&world.origin, hiding);
    let begun = async |name: &str| world.keyward.begin_srp(request, name, &srp_a).await.unwrap();
    let (first, second) = (begun("bea").await, begun("bea").await);
    assert_eq!((first.user_id.len(), &first.user_id), (36, &second.user_id));
    assert_eq!(first.salt, second.salt);
    assert_ne!(first.salt, begun("nobody").await.salt);
    // The second one, which is counted, tells.
    for _ in 0..5 {
        assert_eq!(said(world.by_srp(hiding, "bea", BCRYPT.0).await), TO_RESET);
    }
    assert_eq!(said(world.by_srp(hiding, "bea", BCRYPT.0).await), "Password attempts exceeded");

    import(&world.keyward, None, &[with_hash("cal", BCRYPT.1)]).await;
    let off = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
    world.keyward.update_user(&Caller::operator(), "cal", off).await.unwrap();
    assert_eq!(said(world.by_srp(hiding, "cal", BCRYPT.0).await), WRONG, "a disabled user is nobody to tell");
}

async fn a_client_that_hides_nobody_says_at_once_that_a_password_is_to_be_set(database: TestDatabase) {
    let world = World::open(&database).await;
    let telling = &world.telling;
    import(&world.keyward, None, &[with_hash("bea", BCRYPT.1), imported("ada")]).await;
    let request = SignInRequest::new(&world.origin, telling);

    for name in ["ada", "bea"] {
        let begun = world.keyward.begin_srp(request, name, &"abc123".into()).await;
        assert_eq!(code(begun), Code::PasswordResetRequired, "{name}");
    }
    let by_password = world.by_password(telling, "ada", "Any-Password-1").await;
    assert_eq!(code(by_password), Code::PasswordResetRequired);
    assert_eq!(said(world.by_password(telling, "bea", "wrong").await), WRONG);
    assert_eq!(said(world.by_password(telling, "nobody", "wrong").await), "User does not exist.");
    assert_eq!(said(world.by_password(telling, "bea", BCRYPT.0).await), "done");
    // A code that is sent to the proven address lets them set one; so does an administrator.
    let asked = SelfService { origin: &world.origin, client_id: telling, secret_hash: None, username: "ada" };
    world.keyward.forgot_password(asked).await.unwrap();
    let sent = world.keyward.outbox(&Caller::operator(), &Cursor::default()).await.unwrap().items;
    let body = sent.last().unwrap().content.body.expose().to_owned();
    let sent_code = Secret::from(body.rsplit(' ').next().unwrap());
    let chosen = Secret::from("Battery-Staple-7!");
    world.keyward.set_forgotten_password(asked, &sent_code, &chosen).await.unwrap();
    assert_eq!(said(world.by_srp(telling, "ada", chosen.expose()).await), "done");
    import(&world.keyward, None, &[imported("eve")]).await;
    let given = world.keyward.reset_password(&Caller::operator(), "eve").await.unwrap();
    let password = given.temporary_password.unwrap();
    assert_eq!(said(world.by_password(telling, "eve", password.expose()).await), "NewPassword");
}

async fn what_is_exported_is_the_same_after_an_import(database: TestDatabase) {
    let keyward = database.keyward().await;
    let settings = UserPoolSettings { schema: vec![department()], ..UserPoolSettings::default() };
    let one = pool(&keyward, "One", settings.clone()).await;
    let other = pool(&keyward, "Other", UserPoolSettings { mfa: MfaMode::Off, ..settings }).await;
    let rows = [
        with("Ada", &[("custom:department", "R&D"), ("birthdate", "1815-12-10"), ("updated_at", "1")]),
        with("bob", &[("phone_number", "+12345678900"), ("phone_number_verified", "true")]),
    ];
    import(&keyward, Some(&one.id), &rows).await;
    let columns = keyward.user_columns(&Caller::operator(), Some(&one.id)).await.unwrap();
    assert_eq!(columns.first().unwrap(), "cognito:username");
    assert_eq!(columns[columns.len() - 2..], ["cognito:mfa_enabled", "custom:department"]);
    assert_eq!(columns.len(), 22);

    let users = exported(&keyward, Some(&one.id)).await;
    let again: Vec<ImportedUser> = users
        .iter()
        .map(|user| ImportedUser {
            username: user.username.clone(),
            attributes: user.attributes.clone(),
            mfa: user.mfa,
            password_hash: None,
        })
        .collect();
    assert_eq!(outcomes(&import(&keyward, Some(&other.id), &again).await), ["created", "created"]);

    let known = |users: Vec<ExportedUser>| {
        users.into_iter().map(|user| (user.username, user.attributes, user.enabled)).collect::<Vec<_>>()
    };
    assert_eq!(known(exported(&keyward, Some(&other.id)).await), known(users));
    assert!(exported(&keyward, None).await.is_empty(), "the home pool is another");
}

async fn any_text_is_imported_whole_or_refused(database: TestDatabase) {
    let keyward = database.keyward().await;
    let texts = (any::<String>(), any::<String>(), any::<String>());
    let mut runner = TestRunner::deterministic();
    for round in 0..40 {
        let (name, value, hash) = texts.new_tree(&mut runner).unwrap().current();
        let mut row = with(&format!("r{round}{name}"), &[("name", &value), ("nickname", &name)]);
        row.password_hash = (round % 4 == 0).then(|| Secret::from(hash));

        let result = import(&keyward, None, std::slice::from_ref(&row)).await.remove(0);

        match result {
            Ok(Imported::Created(id)) => {
                let user = keyward.user(&Caller::operator(), &id).await.unwrap();
                assert_eq!(user.username, row.username, "{row:?}");
                assert_eq!(user.attributes.get("name").map_or("", String::as_str), value);
            }
            Ok(Imported::Exists) => panic!("{row:?} was never there"),
            Err(error) => assert!(matches!(error.code, Code::InvalidInput(_)), "{error:?}"),
        }
    }
}
