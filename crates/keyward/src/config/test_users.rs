//! The test users that a file names, beside those of RawScribe.

use std::fs;
use std::path::Path;

use keyward_core::secret::Secret;
use keyward_core::test_user::TestUser;
use serde::Deserialize;

use super::email_address;
use crate::complaint::Complaint;

/// What the file looks like, for whoever has written it otherwise.
const HINT: &str = "Write for each of them [[test_users]], username = \"...\", password = \"...\", group = \
                    \"...\" and, if you like, name = \"...\", each on a line of its own.";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    test_users: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    username: String,
    password: Secret,
    group: String,
    #[serde(default)]
    name: String,
}

/// Those of RawScribe, then the file's; one of the file takes the place of whoever has the same name.
pub(super) fn read(file: Option<&Path>) -> Result<Vec<TestUser>, Complaint> {
    let mut users = TestUser::defaults();
    let Some(path) = file else { return Ok(users) };
    let shown = path.display();
    let complain =
        |what: String| Complaint::usage(format!("The file of test users {shown} {what}")).hint(HINT);
    let text = fs::read_to_string(path).map_err(|error| complain(format!("can't be read: {error}.")))?;
    // The reader's own words may repeat a password.
    let file: File = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        complain(format!("is wrong at line {}.", before.matches('\n').count() + 1))
    })?;
    for (index, Entry { username, password, group, name }) in file.test_users.into_iter().enumerate() {
        if email_address(&username).is_err() || password.is_empty() || group.is_empty() {
            let number = index + 1;
            return Err(complain(format!("gives number {number} no email address, password or group.")));
        }
        let user = TestUser { username, password, group, name };
        match users.iter_mut().find(|known| known.username.eq_ignore_ascii_case(&user.username)) {
            Some(known) => *known = user,
            None => users.push(user),
        }
    }
    Ok(users)
}
