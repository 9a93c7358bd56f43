//! `ListUsers`: its filter, and its pages.

use std::collections::BTreeSet;

use keyward_core::user_pool::UserPoolSettings;
use serde_json::{Value, json};

use crate::cognito_support::PASSWORD;
use crate::cognito_users::{Administrator, by_name};
use crate::support::{ADMIN, App};

const PEOPLE: [(&str, &str, &str, &str); 7] = [
    ("ada", "ada@example.com", "Ada Lovelace", "+441"),
    ("Alan", "alan@example.org", "Alan \"Prof\" Turing", "+4420"),
    ("ben", "BEN@example.com", "Ben", "+431"),
    ("cid", "cid@example.com", "Ada", "+432"),
    ("dan", "dan@example.com", "Dan", "+433"),
    ("eve", "ada.two@example.com", "Ada L", "+434"),
    ("fay", "fay@example.com", "ádá", "+40"),
];

/// Makes all of them: who comes after `dan` is disabled, and `ada` has chosen a password.
async fn people(admin: &Administrator<'_>) {
    for (username, email, name, phone) in PEOPLE {
        admin.make(username, &[("email", email), ("name", name), ("phone_number", phone)]).await;
    }
    for username in ["eve", "fay"] {
        admin.ask("AdminDisableUser", json!({ "Username": username })).await.expect(200);
    }
    let input = json!({ "Username": "ada", "Password": PASSWORD, "Permanent": true });
    admin.ask("AdminSetUserPassword", input).await.expect(200);
}

/// The names of those that a filter lists, page by page, each but the last of `limit`.
async fn listed(admin: &Administrator<'_>, filter: &str, limit: usize) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), Value::Null);
    loop {
        let input = json!({ "Filter": filter, "Limit": limit, "PaginationToken": token });
        let page = admin.ask("ListUsers", input).await.expect(200);
        let users = page["Users"].as_array().unwrap().iter();
        names.extend(users.map(|user| user["Username"].as_str().unwrap().to_owned()));
        token = page["PaginationToken"].clone();
        if token.is_null() {
            return names;
        }
        assert_eq!(names.len() % limit, 0, "no page is short that isn't the last");
    }
}

#[tokio::test]
async fn a_filter_lists_those_that_fit_page_by_page() {
    let app = App::new().await;
    let home = Administrator::of(&app).await;
    let other = Administrator::of_pool(&app, UserPoolSettings::default()).await;
    for admin in [&home, &other] {
        people(admin).await;
        let sub = admin.user("ben").await["UserAttributes"]["sub"].as_str().unwrap().to_owned();

        for (filter, expected) in [
            (r#"username = "ALAN""#, vec!["Alan"]),
            (r#"username ^= "a""#, vec!["Alan", "ada"]),
            (r#"email = "ben@example.com""#, vec!["ben"]),
            (r#"email^="ada""#, vec!["ada", "eve"]),
            (r#"email ^= "Ada@""#, vec!["ada"]),
            (r#"phone_number ^= "+44""#, vec!["Alan", "ada"]),
            (r#"phone_number = "+40""#, vec!["fay"]),
            (r#"phone_number = "+4""#, vec![]),
            (r#"name = "Ada""#, vec!["cid"]),
            (r#"name ^= "Ada""#, vec!["ada", "cid", "eve"]),
            (r#"name = "Alan \"Prof\" Turing""#, vec!["Alan"]),
            (r#"name ^= "á""#, vec!["fay"]),
            (r#"given_name ^= """#, vec![]),
            (r#"cognito:user_status = "confirmed" "#, vec!["ada"]),
            (r#"cognito:user_status ^= "RESET""#, vec![]),
            (r#"status = "Disabled""#, vec!["eve", "fay"]),
            (r#"status = "disabled""#, vec![]),
            (&format!("sub = \"{sub}\""), vec!["ben"]),
            (&format!("sub ^= \"{}\"", &sub[..35]), vec!["ben"]),
        ] {
            for limit in [1, 2, 60] {
                let mut names = listed(admin, filter, limit).await;
                // The home pool's first admin is one of them where it fits.
                names.retain(|name| name != ADMIN);
                assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "{filter}: {names:?}");
                names.sort_unstable();
                assert_eq!(names, expected, "{filter}");
            }
        }
        let everybody = PEOPLE.len() + usize::from(admin.pool_id == home.pool_id);
        for filter in
            ["", r#"status ^= """#, r#"cognito:user_status ^= """#, r#"sub ^= """#, r#"username ^= """#]
        {
            for limit in [1, 3, 60] {
                let names: BTreeSet<String> = listed(admin, filter, limit).await.into_iter().collect();
                // No program user is among them, though the home pool has one.
                assert_eq!(names.len(), everybody, "{filter}: {names:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_listed_of_a_user_can_be_chosen() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    people(&admin).await;
    let list = async |more: Value| {
        let mut input = json!({ "Filter": "username = \"ada\"" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        admin.ask("ListUsers", input).await.expect(200).json
    };

    let all = list(json!({ "Limit": 0 })).await;

    let shown = admin.user("ada").await;
    assert_eq!(by_name(&all["Users"][0]["Attributes"]), shown["UserAttributes"]);
    assert_eq!(all["Users"][0]["UserStatus"], "CONFIRMED");
    assert_eq!(all.as_object().unwrap().len(), 1);
    let few = list(json!({ "AttributesToGet": ["email", "nickname"] })).await;
    assert_eq!(by_name(&few["Users"][0]["Attributes"]), json!({ "email": "ada@example.com" }));
    let none = list(json!({ "AttributesToGet": [] })).await;
    assert_eq!(none["Users"][0]["Attributes"], json!([]));
}

#[tokio::test]
async fn what_is_no_filter_or_no_token_is_refused() {
    let app = App::new().await;
    let admin = Administrator::of(&app).await;
    people(&admin).await;
    let list = |input: Value| admin.ask("ListUsers", input);
    let refused = async |input: Value, message: &str| {
        list(input).await.expect_refusal("InvalidParameterException", message);
    };

    for filter in ["email", "email = ada", r#"email = "a" and name = "b""#] {
        refused(json!({ "Filter": filter }), "Error while parsing filter").await;
    }
    let custom = json!({ "Filter": r#"custom:foo = "x""# });
    refused(custom, "Invalid search attribute: custom:foo").await;
    let limit = "1 validation error detected: Value '61' at 'limit' failed to satisfy constraint: Member must have \
        value less than or equal to 60";
    refused(json!({ "Limit": 61 }), limit).await;

    for unknown in ["x", "custom:foo", "Email"] {
        let input = json!({ "AttributesToGet": ["email", unknown] });
        refused(input, "One or more requested attributes do not exist.").await;
    }

    let first = list(json!({ "Limit": 1 })).await.expect(200);
    let token = first["PaginationToken"].as_str().unwrap();
    let mut tampered = token.to_owned();
    tampered.pop();
    for (token, filter) in [("x", ""), (tampered.as_str(), ""), (token, r#"name ^= "A""#)] {
        let input = json!({ "PaginationToken": token, "Filter": filter });
        refused(input, "Invalid pagination token given.").await;
    }
    let groups = admin.ask("ListGroups", json!({ "Limit": 1 })).await.expect(200)["NextToken"].clone();
    refused(json!({ "PaginationToken": groups }), "Invalid pagination token given.").await;
}
