//! Users and groups of a pool beside the home pool, and what only such pools have: addresses that stand for
//! names, and searches by attributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use keyward_core::caller::{Caller, Origin};
use keyward_core::error::{Code, Result, Thing};
use keyward_core::keyward::Keyward;
use keyward_core::local_pool::LocalPool;
use keyward_core::local_pool::sign_in::SignInRequest;
use keyward_core::page::Cursor;
use keyward_core::role::NewRole;
use keyward_core::user::{NewUser, User, UserStatus, UserUpdate};
use keyward_core::user_pool::{Identifiers, NewUserPool, UserPoolSettings};

use crate::support::{TestDatabase, account, client_id, code, on_both, role, texts};

on_both! {
    users_are_found_by_any_attribute_page_by_page,
    the_longest_values_are_searched_by_what_they_begin_with,
    an_alias_leads_to_one_user,
    an_address_that_is_a_name_is_one_users,
    a_proven_address_of_somebody_with_more_rights_is_refused,
    groups_and_members_come_in_pages,
    what_became_of_sign_ins_is_listed,
    a_page_token_is_good_for_its_own_list,
}

async fn pool(keyward: &Keyward, identifiers: Identifiers) -> Arc<LocalPool> {
    let settings = UserPoolSettings { identifiers, ..UserPoolSettings::default() };
    let new = NewUserPool { name: "other".into(), settings, region: None };
    let pool = keyward.create_user_pool(&Caller::operator(), new).await.unwrap();
    keyward.user_pool(&pool.id).await.unwrap()
}

fn new(username: &str, attributes: &[(&str, &str)]) -> NewUser {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    NewUser {
        username: username.into(),
        attributes: attributes.iter().map(owned).collect(),
        ..NewUser::default()
    }
}

async fn make(
    keyward: &Keyward,
    pool: &LocalPool,
    username: &str,
    attributes: &[(&str, &str)],
) -> Result<User> {
    let made = keyward.create_user_in(pool, &Caller::operator(), new(username, attributes)).await;
    made.map(|made| made.user)
}

async fn change(keyward: &Keyward, pool: &LocalPool, user: &str, changes: &[(&str, &str)]) -> Result<User> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
    let update = UserUpdate { attributes: changes.iter().map(owned).collect(), ..UserUpdate::default() };
    keyward.update_user_in(pool, &Caller::operator(), user, update).await
}

/// The names of those whom the filter lists, `limit` a page.
async fn search(keyward: &Keyward, pool: &LocalPool, filter: &str, limit: usize) -> Vec<String> {
    let (mut names, mut cursor) = (Vec::new(), None);
    loop {
        let page = Cursor::new(Some(limit), cursor.as_deref()).unwrap();
        let page = keyward.search_users_in(pool, &Caller::operator(), filter, &page).await.unwrap();
        assert!(page.items.len() == limit || page.next.is_none(), "{filter}: a short page");
        names.extend(page.items.into_iter().map(|user| user.username));
        cursor = page.next;
        if cursor.is_none() {
            return names;
        }
    }
}

async fn users_are_found_by_any_attribute_page_by_page(database: TestDatabase) {
    let keyward = database.keyward().await;
    let pool = pool(&keyward, Identifiers::default()).await;
    let (operator, count) = (Caller::operator(), 7);
    for number in 0..count {
        let (email, even) = (format!("u{number}@example.com"), if number % 2 == 0 { "Even" } else { "Odd" });
        make(&keyward, &pool, &format!("user-{number}"), &[("email", &email), ("name", even)]).await.unwrap();
        if number < 2 {
            let update = UserUpdate { enabled: Some(false), ..UserUpdate::default() };
            keyward.update_user_in(&*pool, &operator, &format!("user-{number}"), update).await.unwrap();
        }
    }
    // Another pool's users are not among them, whatever they have.
    account(&keyward, "u0@example.com", &[]).await;
    let expected =
        |numbers: &[i32]| numbers.iter().map(|number| format!("user-{number}")).collect::<Vec<_>>();

    for (filter, numbers) in [
        ("", vec![0, 1, 2, 3, 4, 5, 6]),
        (r#"name = "even""#, vec![0, 2, 4, 6]),
        (r#"name ^= "O""#, vec![1, 3, 5]),
        (r#"email ^= "u""#, vec![0, 1, 2, 3, 4, 5, 6]),
        (r#"email = "u3@example.com""#, vec![3]),
        (r#"username ^= "user-""#, vec![0, 1, 2, 3, 4, 5, 6]),
        (r#"status = "Disabled""#, vec![0, 1]),
        (r#"status ^= """#, vec![0, 1, 2, 3, 4, 5, 6]),
        (r#"cognito:user_status = "FORCE_CHANGE_PASSWORD""#, vec![0, 1, 2, 3, 4, 5, 6]),
        (r#"cognito:user_status = "CONFIRMED""#, vec![]),
        (r#"phone_number ^= """#, vec![]),
    ] {
        for limit in [1, 2, 3, 100] {
            let mut names = search(&keyward, &pool, filter, limit).await;
            names.sort_unstable();
            assert_eq!(names, expected(&numbers), "{filter} by {limit}");
        }
    }

    // What is changed is found by what it is now.
    change(&keyward, &pool, "user-3", &[("name", "Three")]).await.unwrap();
    assert_eq!(search(&keyward, &pool, r#"name ^= "t""#, 2).await, ["user-3"]);
    assert_eq!(search(&keyward, &pool, r#"name ^= "o""#, 9).await.len(), 2);
    keyward.delete_user_in(&*pool, &operator, "user-3", None).await.unwrap();
    assert_eq!(search(&keyward, &pool, r#"name ^= "t""#, 2).await, Vec::<String>::new());
}

async fn the_longest_values_are_searched_by_what_they_begin_with(database: TestDatabase) {
    let keyward = database.keyward().await;
    let pool = pool(&keyward, Identifiers::default()).await;
    // Two that differ behind what is indexed, of which no database makes anything shorter.
    let text: String = (0..2047_u32)
        .scan(1_u32, |state, _| {
            *state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            char::from_u32('\u{4E00}' as u32 + (*state >> 16) % 20_000)
        })
        .collect();
    let wide = "\u{1F980}".repeat(2048);
    make(&keyward, &pool, "one", &[("name", &format!("{text}1"))]).await.unwrap();
    make(&keyward, &pool, "two", &[("name", &format!("{text}2"))]).await.unwrap();
    make(&keyward, &pool, "crab", &[("name", &wide)]).await.unwrap();

    for limit in [1, 2] {
        let mut names = search(
            &keyward,
            &pool,
            &format!("name ^= \"{}\"", text.chars().take(240).collect::<String>()),
            limit,
        )
        .await;
        names.sort_unstable();
        assert_eq!(names, ["one", "two"]);
        let begins = format!("name ^= \"{}\"", "\u{1F980}".repeat(247));
        assert_eq!(search(&keyward, &pool, &begins, limit).await, ["crab"]);
        let is = format!("name = \"{}\"", "\u{1F980}".repeat(247));
        assert_eq!(search(&keyward, &pool, &is, limit).await, Vec::<String>::new());
    }
}

async fn an_alias_leads_to_one_user(database: TestDatabase) {
    let keyward = database.keyward().await;
    let alias_attributes = texts(&["email", "phone_number", "preferred_username"]);
    let pool = pool(&keyward, Identifiers { alias_attributes, ..Identifiers::default() }).await;
    let operator = Caller::operator();
    let proven = [("email", "Ann@example.com"), ("email_verified", "true")];
    let found = async |name: &str| keyward.user_in(&*pool, &operator, name).await.unwrap();
    let taken = Code::AlreadyExists(Thing::Alias);

    make(&keyward, &pool, "ann", &proven).await.unwrap();
    make(&keyward, &pool, "ben", &[("email", "ann@EXAMPLE.com")]).await.unwrap();

    assert_eq!(found("ann@example.com").await.username, "ann");
    assert_eq!(code(change(&keyward, &pool, "ben", &[("email_verified", "true")]).await), taken);
    assert_eq!(code(make(&keyward, &pool, "cid", &proven).await), taken);
    let before = found("ann").await;
    let forced = NewUser { takes_aliases: true, ..new("cid", &proven) };
    keyward.create_user_in(&*pool, &operator, forced).await.unwrap();
    assert_eq!(found("ann@example.com").await.username, "cid");
    let after = found("ann").await;
    assert_eq!((after.email_verified, after.version), (false, before.version + 1));

    change(&keyward, &pool, "ann", &[("preferred_username", "lovelace")]).await.unwrap();
    assert_eq!(found("LOVELACE").await.username, "ann");
    assert_eq!(code(change(&keyward, &pool, "ben", &[("preferred_username", "Lovelace")]).await), taken);
    assert_eq!(code(change(&keyward, &pool, "ben", &[("preferred_username", "cid")]).await), taken);
    assert_eq!(code(make(&keyward, &pool, "lovelace", &[]).await), taken);
    // Who is taken away from leaves it to others.
    keyward.delete_user_in(&*pool, &operator, "cid", None).await.unwrap();
    change(&keyward, &pool, "ben", &[("email_verified", "true"), ("email", "ann@example.com")])
        .await
        .unwrap();
    assert_eq!(found("ann@example.com").await.username, "ben");
}

async fn an_address_that_is_a_name_is_one_users(database: TestDatabase) {
    let keyward = database.keyward().await;
    let username_attributes = texts(&["email"]);
    let pool = pool(&keyward, Identifiers { username_attributes, ..Identifiers::default() }).await;

    let ann = make(&keyward, &pool, "ann@example.com", &[]).await.unwrap();
    make(&keyward, &pool, "ben@example.com", &[]).await.unwrap();

    assert_eq!((&ann.username, ann.email.as_deref()), (&ann.id, Some("ann@example.com")));
    assert_eq!(code(make(&keyward, &pool, "ANN@example.com", &[]).await), Code::AlreadyExists(Thing::User));
    let taken = change(&keyward, &pool, "ben@example.com", &[("email", "ann@example.com")]).await;
    assert_eq!(code(taken), Code::AlreadyExists(Thing::Alias));
    let same = change(&keyward, &pool, "ben@example.com", &[("email", "ben@example.com")]).await.unwrap();
    assert_eq!(same.status, UserStatus::ForceChangePassword);
    for name in ["ann", "+431234", "ann@"] {
        assert_eq!(code(make(&keyward, &pool, name, &[]).await), Code::InvalidInput("username".into()));
    }
}

async fn a_proven_address_of_somebody_with_more_rights_is_refused(database: TestDatabase) {
    let keyward = database.keyward().await;
    let home = keyward.local_pool();
    role(&keyward, "boss", &["*"]).await;
    role(&keyward, "manager", &["manage:users"]).await;
    account(&keyward, "boss@example.com", &["boss"]).await;
    let phone = [("phone_number", "+431234"), ("email", "chief@example.com")];
    change(&keyward, home, "boss@example.com", &phone).await.unwrap();
    keyward.assign_roles(&Caller::operator(), "boss-bot@example.com", &texts(&["boss"])).await.unwrap();
    account(&keyward, "mallory@example.com", &["manager"]).await;
    let mallory = &crate::support::person(&keyward, "mallory@example.com", true).await;
    let above = Code::Forbidden("*".into());
    let own = |changes: &[(&str, &str)]| {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), Some((*value).to_owned()));
        let attributes: BTreeMap<_, _> = changes.iter().map(owned).collect();
        let update = UserUpdate { attributes, ..UserUpdate::default() };
        keyward.update_user(mallory, "mallory@example.com", update)
    };

    for (address, verified, value) in [
        // A name, an address, and the name of a program, which has none.
        ("email", "email_verified", "BOSS@example.com"),
        ("email", "email_verified", "chief@example.com"),
        ("email", "email_verified", "boss-bot@example.com"),
        ("phone_number", "phone_number_verified", "+431234"),
    ] {
        assert_eq!(code(own(&[(address, value), (verified, "true")]).await), above, "{value}");
        // Unproven it is no more than a text, and stays that.
        own(&[(address, value)]).await.unwrap();
        assert_eq!(code(own(&[(verified, "true")]).await), above, "{value}");
        let created = keyward.create_user(mallory, new("eve", &[(address, value), (verified, "true")])).await;
        assert_eq!(code(created), above, "{value}");
    }
    // Whose name is the address vouches for it, by any surface.
    let named = NewUser { username: "chief@example.com".into(), ..NewUser::default() };
    assert_eq!(code(keyward.create_user(mallory, named).await), above);
    own(&[("email", "mallory@example.org"), ("email_verified", "true")]).await.unwrap();
}

async fn groups_and_members_come_in_pages(database: TestDatabase) {
    let keyward = database.keyward().await;
    let (operator, pool) = (Caller::operator(), pool(&keyward, Identifiers::default()).await);
    let names = ["a", "b", "c"];
    for name in names {
        make(&keyward, &pool, name, &[]).await.unwrap();
        let group = NewRole { name: name.into(), ..NewRole::default() };
        keyward.create_group_in(&*pool, &operator, group).await.unwrap();
    }
    for name in names {
        keyward.add_to_group_in(&*pool, &operator, name, "b").await.unwrap();
        keyward.add_to_group_in(&*pool, &operator, "b", name).await.unwrap();
    }

    for limit in [1, 2, 3] {
        let (mut groups, mut mine, mut members) = (Vec::new(), Vec::new(), Vec::new());
        let mut cursor = Cursor::new(Some(limit), None).unwrap();
        while groups.len() < names.len() {
            let page = keyward.list_groups_in(&*pool, &operator, &cursor).await.unwrap();
            groups.extend(page.items.into_iter().map(|group| group.name));
            cursor = Cursor::new(Some(limit), page.next.as_deref()).unwrap();
        }
        let mut cursor = Cursor::new(Some(limit), None).unwrap();
        while mine.len() < names.len() {
            let page = keyward.list_groups_of_in(&*pool, &operator, "b", &cursor).await.unwrap();
            mine.extend(page.items.into_iter().map(|group| group.name));
            cursor = Cursor::new(Some(limit), page.next.as_deref()).unwrap();
        }
        let mut cursor = Cursor::new(Some(limit), None).unwrap();
        while members.len() < names.len() {
            let page = keyward.list_members_in(&*pool, &operator, "b", &cursor).await.unwrap();
            members.extend(page.items.into_iter().map(|user| user.username));
            cursor = Cursor::new(Some(limit), page.next.as_deref()).unwrap();
        }
        members.sort_unstable();
        assert_eq!([&groups, &mine, &members], [&texts(&names); 3]);
    }
    keyward.remove_from_group_in(&*pool, &operator, "a", "b").await.unwrap();
    let members = keyward.list_members_in(&*pool, &operator, "b", &Cursor::default()).await.unwrap();
    assert_eq!(members.items.len(), 2);
    // The groups of one pool are not the roles of another.
    assert_eq!(code(keyward.role(&operator, "b").await), Code::NotFound(Thing::Role));
}

async fn what_became_of_sign_ins_is_listed(database: TestDatabase) {
    let keyward = database.keyward().await;
    let (operator, home) = (Caller::operator(), keyward.local_pool());
    account(&keyward, "ann@example.com", &[]).await;
    let client_id = client_id(&keyward).await;
    for number in 0..3 {
        let origin = Origin { request_id: format!("request {number}"), ..Origin::default() };
        let password = "Wrong-password-1".into();
        let request = SignInRequest::new(&origin, &client_id);
        let outcome = keyward.sign_in_with_password(request, "ann@example.com", &password).await;
        assert_eq!(code(outcome), Code::Unauthenticated);
    }

    let mut requests = Vec::new();
    let mut cursor = Cursor::new(Some(2), None).unwrap();
    while requests.len() < 3 {
        let page = keyward.list_sign_ins_in(&**home, &operator, "ann@example.com", &cursor).await.unwrap();
        requests.extend(page.items.into_iter().map(|event| event.request_id));
        cursor = Cursor::new(Some(2), page.next.as_deref()).unwrap();
    }
    assert_eq!(requests, ["request 2", "request 1", "request 0"]);
}

async fn a_page_token_is_good_for_its_own_list(database: TestDatabase) {
    let keyward = database.keyward().await;
    let next = Cursor::new(Some(1), None).unwrap();
    let pool = pool(&keyward, Identifiers::default()).await;
    for name in ["a", "b"] {
        make(&keyward, &pool, name, &[]).await.unwrap();
    }
    let page = keyward.search_users_in(&pool, &Caller::operator(), "", &next).await.unwrap();
    let token = keyward.page_token(&["ListUsers", "x"], page.next.as_deref()).unwrap().unwrap();

    let opened = |list: &[&str], token: &str| keyward.opened_cursor(list, 1, Some(token));
    let cursor = opened(&["ListUsers", "x"], &token).unwrap();
    let page = keyward.search_users_in(&pool, &Caller::operator(), "", &cursor).await.unwrap();
    assert_eq!((page.items[0].username.as_str(), page.next), ("b", None));
    assert_eq!(keyward.page_token(&["ListUsers"], None).unwrap(), None);
    for (list, token) in [
        (&["ListUsers", "y"] as &[&str], token.as_str()),
        (&["ListUsers"], &token),
        (&["ListGroups", "x"], &token),
        (&["ListUsers", "x"], &token[1..]),
        (&["ListUsers", "x"], ""),
        (&["ListUsers", "x"], "YQ"),
    ] {
        assert_eq!(code(opened(list, token)), Code::InvalidInput("token".into()));
    }
}
