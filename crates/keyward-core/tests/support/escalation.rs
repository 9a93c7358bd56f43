//! Nobody grants above their own rights: a property of every surface.
//!
//! Somebody who means ill holds a session, with or without MFA, or a key, or both. They try acts at random,
//! with any credential that they came by: keys whose secret they got, users whose password they got or whose
//! address they changed. Whatever they do:
//!
//! - All that they hold together never allows more than what they began with.
//! - No user, role or key gains a right by an act that the credential behind it didn't have.
//! - What isn't done leaves everything as it was.
//!
//! What everybody may do is worked out naively, from what is listed and sets of plain texts, and held against
//! what the surface itself answers.
//!
//! A surface takes part by a [`Surface`] of its own: `keyward-core` itself, and each dialect of HTTP. Where
//! requests are signed, the access keys that sign them are among the credentials.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde::Deserialize;
use serde_json::Value;

/// What is tried, and what is said of it.
pub(crate) trait Surface {
    /// Does the act as whoever shows this `Authorization`.
    async fn perform(&self, authorization: &str, act: &Act) -> Outcome;

    /// Signs in with a temporary password, choosing a new one; with `mfa` by a second factor too, which is
    /// set up where there is none. The `Authorization` to show from then on; nothing when that isn't let in.
    async fn sign_in(&self, username: &str, temporary_password: &str, mfa: bool) -> Option<String>;

    /// Which of these permissions somebody has; nothing when they aren't let in.
    async fn allowed(&self, about: About<'_>, permissions: &[&'static str]) -> Option<Rights>;

    /// All that there is, as an admin sees it: `roles`, `users` and `keys`, each a list in the members of
    /// `/api/v1`.
    async fn listing(&self) -> Value;

    /// The `Authorization` of somebody who may do everything.
    fn admin(&self) -> &str;

    /// A new access key of this user, with which they sign requests, made by somebody who may do everything;
    /// nothing where no requests are signed, so that there is no use in them.
    async fn access_key(&self, _username: &str) -> Option<String> {
        None
    }

    /// What is tried.
    fn acts() -> BoxedStrategy<Act> {
        act().boxed()
    }
}

/// Whom [`Surface::allowed`] is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum About<'a> {
    /// Whoever shows this `Authorization`.
    Holder(&'a str),
    /// The user of this name, as if signed in without MFA.
    User(&'a str),
    /// The key of this id.
    Key(&'a str),
}

/// Plain permissions, out of [`UNIVERSE`].
pub(crate) type Rights = BTreeSet<&'static str>;

/// How often each kind of act, and something by each kind of credential, was done, and refused.
type Tally = RefCell<BTreeMap<&'static str, [u32; 2]>>;

/// What became of an act.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// It was done; with the key or the temporary password that it made.
    Done { secret: Option<String> },
    /// They may not.
    Refused,
    /// They may, but it can't be done (it isn't there, it is there already).
    Failed,
}

/// Something that changes what somebody may do. A user is made an account when there is an `@` in the name,
/// else a program user.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    CreateRole {
        role: &'static str,
        permissions: Vec<&'static str>,
        mfa_required: bool,
    },
    ChangeRole {
        role: &'static str,
        permissions: Option<Vec<&'static str>>,
        mfa_required: Option<bool>,
    },
    DeleteRole {
        role: &'static str,
    },
    CreateUser {
        user: &'static str,
        roles: Vec<&'static str>,
    },
    AssignRoles {
        user: &'static str,
        roles: Vec<&'static str>,
    },
    SetRoles {
        user: &'static str,
        roles: Vec<&'static str>,
    },
    RemoveRole {
        user: &'static str,
        role: &'static str,
    },
    ResetPassword {
        user: &'static str,
    },
    ChangeAddress {
        user: &'static str,
    },
    SetEnabled {
        user: &'static str,
        enabled: bool,
    },
    DeleteUser {
        user: &'static str,
    },
    CreateKey {
        key: &'static str,
        user: &'static str,
        scope: Option<Vec<&'static str>>,
    },
    ChangeKey {
        key: &'static str,
        change: KeyChange,
    },
    RotateKey {
        key: &'static str,
    },
    /// With a secret that whoever imports it knows.
    ImportKey {
        key: &'static str,
        user: &'static str,
        secret: String,
    },
    DeleteKey {
        key: &'static str,
    },
    /// With which requests are signed that act as the user.
    CreateAccessKey {
        user: &'static str,
    },
    /// A signed operation of the Cognito protocol, about this user and the group that is this role.
    Signed {
        operation: &'static str,
        user: &'static str,
        role: &'static str,
    },
}

/// What to change of a key; several at once, for what is refused alone must not pass in company.
#[derive(Debug, Clone)]
pub(crate) struct KeyChange {
    #[expect(clippy::option_option, reason = "absent, cleared and set are three things")]
    pub(crate) scope: Option<Option<Vec<&'static str>>>,
    pub(crate) active: Option<bool>,
    /// `""` clears it.
    pub(crate) expires_at: Option<&'static str>,
}

/// In the home pool, nobody waits to be confirmed.
const NEVER_DONE: [&str; 1] = ["AdminConfirmSignUp"];

/// What the acts are about: few names, so that they meet often.
const ROLES: [&str; 6] = ["role-0", "role-1", "role-2", "role-3", "role-4", "role-5"];
const USERS: [&str; 6] = [MALLORY, "ann@example.com", "ben@example.com", "bot-0", "bot-1", "cid@example.com"];
/// Of names that no admin's key has: anybody who manages keys may delete any.
const KEYS: [&str; 4] = ["ci 0", "ci 1", "ci 2", "ci 3"];
/// Who means ill.
const MALLORY: &str = "mallory@example.com";

/// The patterns that roles and scopes are made of; the more often here, the likelier.
const PATTERNS: [&str; 16] = [
    "*",
    "manage:*",
    "manage:users",
    "manage:roles",
    "manage:api-keys",
    "a:*",
    "a:1",
    "a:1",
    "a:2",
    "a:2",
    "b:*",
    "b:1",
    "b:1",
    "b:1*",
    "b:12",
    "b:12",
];

/// When a key has ended.
const PAST: &str = "2020-01-01";

/// What it takes to try anything.
const MANAGING: [&str; 3] = ["manage:users", "manage:roles", "manage:api-keys"];

/// The operations of the Cognito protocol that AWS signs and that change what there is of users, groups or
/// the pool itself; the more often here, the likelier.
const OPERATIONS: [&str; 23] = [
    "AdminAddUserToGroup",
    "AdminAddUserToGroup",
    "AdminAddUserToGroup",
    "AdminConfirmSignUp",
    "AdminCreateUser",
    "AdminCreateUser",
    "AdminCreateUser RESEND",
    "AdminDeleteSoftwareToken",
    "AdminDeleteUser",
    "AdminDeleteUserAttributes",
    "AdminDisableUser",
    "AdminEnableUser",
    "AdminInitiateAuth",
    "AdminRemoveUserFromGroup",
    "AdminResetUserPassword",
    "AdminSetUserMFAPreference",
    "AdminSetUserPassword",
    "AdminUpdateUserAttributes",
    "CreateGroup",
    "DeleteGroup",
    "SetUserPoolMfaConfig",
    "UpdateGroup",
    "UpdateUserPool",
];

/// Plain texts that tell all those patterns apart: each pattern matches one that no narrower pattern here
/// does.
const UNIVERSE: [&str; 12] = [
    "manage:users",
    "manage:roles",
    "manage:api-keys",
    "manage:z",
    "a:1",
    "a:2",
    "a:z",
    "b:1",
    "b:12",
    "b:1z",
    "b:z",
    "z:z",
];

/// What there is to begin with, and what is tried.
#[derive(Debug, Clone)]
struct Story {
    beginning: Vec<Act>,
    /// Whether they hold a session to begin with, and whether it is with MFA.
    session: Option<bool>,
    /// Whether they hold the first key to begin with.
    has_key: bool,
    /// Each with what picks the credential that is shown, among those held.
    tries: Vec<(usize, Act)>,
}

/// What hardly anybody of the stories may do.
const TAKE_EVERY_PERMISSION: [&str; 2] = ["SetUserPoolMfaConfig", "UpdateUserPool"];

/// Holds what `new_surface` makes to the rule, in `cases` stories.
///
/// # Panics
/// When somebody gained rights, with the shortest story that shows it; or when 50 stories or more were too
/// tame to prove anything: every kind of act, and something by every kind of credential, must have been done
/// in some and refused in others.
pub(crate) fn nobody_gains_rights<S: Surface>(cases: u32, new_surface: impl AsyncFn() -> S) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tally = Tally::default();
    let config = Config { cases, failure_persistence: None, ..Config::default() };

    // By chance, some kind may stay undone: then there are more stories, but not for ever.
    for _ in 0..4 {
        let outcome = TestRunner::new(config.clone()).run(&story(S::acts()), |story| {
            runtime.block_on(async {
                let surface = new_surface().await;
                tell(&surface, &story, &tally).await
            })
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        // So few can't show that.
        let is_tame = tally.borrow().iter().any(|(kind, [done, refused])| {
            (*done == 0 && !TAKE_EVERY_PERMISSION.contains(kind)) || *refused == 0
        });
        if cases < 50 || !is_tame {
            return;
        }
    }
    panic!("too tame, by what was done and refused: {:?}", tally.borrow());
}

/// Plays one story, and looks after each act at what everybody could do by now.
async fn tell(surface: &impl Surface, story: &Story, tally: &Tally) -> Result<(), TestCaseError> {
    let mut held = begin(surface, story).await;
    let (mut listing, mut world) = look(surface).await;
    let had = world.wielded(&held);
    world.agrees_with(surface, &mut held).await?;

    for (pick, act) in &story.tries {
        // What can't be done whoever tries teaches little, so little of it is tried.
        if !world.has_room_for(act) && pick / 4 % 16 != 0 {
            continue;
        }
        // Mostly a credential that manages something; without any, nothing more will happen.
        if !held.iter().any(|held| world.manages(held)) {
            break;
        }
        let fitting = held.iter().filter(|held| held.what.is_for(act));
        let among: Vec<&Held> = fitting.filter(|held| pick % 4 == 0 || world.manages(held)).collect();
        if among.is_empty() {
            continue;
        }
        let Held { what, authorization, .. } = among[pick / 64 % among.len()];
        let (what, Some(authorization)) = (*what, authorization.as_deref()) else { continue };
        let outcome = surface.perform(authorization, act).await;
        for kind in [act.name(), what.kind()].into_iter().filter(|kind| !NEVER_DONE.contains(kind)) {
            match &outcome {
                Outcome::Done { .. } => tally.borrow_mut().entry(kind).or_default()[0] += 1,
                Outcome::Refused => tally.borrow_mut().entry(kind).or_default()[1] += 1,
                Outcome::Failed => {}
            }
        }
        let Outcome::Done { secret } = outcome else {
            prop_assert_eq!(&look(surface).await.0, &listing, "{:?} left something behind", act);
            continue;
        };
        gain(surface, &mut held, act, secret).await;
        let before = world;
        (listing, world) = look(surface).await;
        held.retain(|held| world.knows(held.what));

        let (shown, then) = (before.rights_of(what, false), before.grants());
        for (name, rights) in world.grants() {
            let gained = &rights - then.get(&name).unwrap_or(&Rights::new());
            prop_assert!(gained.is_subset(&shown), "{act:?} by {what:?} gave {name} {gained:?}");
        }
        let has = world.wielded(&held);
        prop_assert!(has.is_subset(&had), "{act:?} gave them {:?}", has.difference(&had).collect::<Vec<_>>());
        world.agrees_with(surface, &mut held).await?;
    }
    Ok(())
}

/// Makes what there is to begin with; the credentials that they hold.
async fn begin(surface: &impl Surface, story: &Story) -> Vec<Held> {
    let mut held = Vec::new();
    for act in &story.beginning {
        let Outcome::Done { secret } = surface.perform(surface.admin(), act).await else { continue };
        let (what, authorization) = match (act, story.session) {
            (Act::CreateUser { user: MALLORY, .. }, Some(mfa)) => {
                (What::Session { mfa }, surface.sign_in(MALLORY, &secret.unwrap(), mfa).await)
            }
            (Act::CreateKey { key, .. }, _) if story.has_key && *key == KEYS[0] => (What::Key(key), secret),
            _ => continue,
        };
        assert!(authorization.is_some(), "{what:?} is let in");
        held.push(Held { what, authorization, is_gained: false });
    }
    if let Some(access_key) = surface.access_key(MALLORY).await {
        let what = What::AccessKey(MALLORY);
        held.push(Held { what, authorization: Some(access_key), is_gained: false });
    }
    held
}

/// All that there is, but for the last uses of keys: whoever is refused has used their key all the same.
async fn look(surface: &impl Surface) -> (Value, World) {
    let mut listing = surface.listing().await;
    for key in listing["keys"].as_array_mut().unwrap() {
        key.as_object_mut().unwrap().remove("last_used");
    }
    let world = World::deserialize(&listing).unwrap();
    (listing, world)
}

/// What the act put into their hands.
async fn gain(surface: &impl Surface, held: &mut Vec<Held>, act: &Act, secret: Option<String>) {
    let (what, authorization) = match act {
        // Whoever writes the messages has the codes in them, and with these the accounts.
        Act::Signed { operation: "UpdateUserPool" | "SetUserPoolMfaConfig", .. } => {
            for user in USERS.into_iter().filter(|user| user.contains('@')) {
                take(held, What::Account(user), None);
            }
            return;
        }
        // They know who they are themselves.
        Act::Signed { operation: "AdminInitiateAuth", user, .. } if *user != MALLORY => {
            (What::Account(user), secret)
        }
        Act::Signed { operation, user, .. } if sets_password(operation) => {
            (What::Account(user), surface.sign_in(user, &secret.unwrap(), true).await)
        }
        Act::CreateAccessKey { user } => (What::AccessKey(user), secret),
        Act::CreateKey { key, .. } | Act::RotateKey { key } => (What::Key(key), secret),
        Act::ImportKey { key, secret, .. } => (What::Key(key), Some(secret.clone())),
        Act::ResetPassword { user } | Act::CreateUser { user, .. } if user.contains('@') => {
            (What::Account(user), surface.sign_in(user, &secret.unwrap(), true).await)
        }
        Act::ChangeAddress { user } | Act::Signed { operation: "AdminUpdateUserAttributes", user, .. } => {
            (What::Account(user), None)
        }
        _ => return,
    };
    take(held, what, authorization);
}

fn take(held: &mut Vec<Held>, what: What, authorization: Option<String>) {
    held.retain(|held| held.what != what || held.authorization.is_some() && authorization.is_none());
    held.push(Held { what, authorization, is_gained: true });
}

/// Whether somebody has a password by the operation that whoever asks for it knows.
fn sets_password(operation: &str) -> bool {
    ["AdminCreateUser", "AdminCreateUser RESEND", "AdminSetUserPassword"].contains(&operation)
}

/// A credential in their hands.
#[derive(Debug, Clone)]
struct Held {
    what: What,
    /// What to show; nothing for an account that they could take over by mail, or for a session that ended.
    authorization: Option<String>,
    /// Whether it is one that they came by. Then what it allows at best counts: also the roles that sleep
    /// under a key until somebody wakes them.
    is_gained: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Mallory's first.
    Session {
        mfa: bool,
    },
    /// A whole account, with the second factor that whoever has it can set up.
    Account(&'static str),
    Key(&'static str),
    /// Of this user.
    AccessKey(&'static str),
}

impl What {
    fn kind(self) -> &'static str {
        match self {
            Self::Session { mfa: false } => "by a session without MFA",
            Self::Session { mfa: true } => "by a session with MFA",
            Self::Account(_) => "by an account that was taken over",
            Self::Key(_) => "by a key",
            Self::AccessKey(_) => "by an access key",
        }
    }

    /// Whether it can be shown for the act: access keys are for signed requests, and nothing else is.
    fn is_for(self, act: &Act) -> bool {
        matches!(self, Self::AccessKey(_)) == matches!(act, Act::Signed { .. })
    }
}

/// The naive reference: who has which roles, and what these allow.
#[derive(Debug, Deserialize)]
struct World {
    roles: Vec<Role>,
    users: Vec<User>,
    keys: Vec<Key>,
}

#[derive(Debug, Deserialize)]
struct Role {
    name: String,
    permissions: Vec<String>,
    mfa_required: bool,
}

#[derive(Debug, Deserialize)]
struct User {
    username: String,
    enabled: bool,
    roles: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Key {
    id: String,
    name: String,
    username: String,
    scope: Option<Vec<String>>,
    active: bool,
    expires_at: Option<String>,
}

impl World {
    /// All that these credentials allow together, the keys among them active or not.
    fn wielded(&self, held: &[Held]) -> Rights {
        held.iter().flat_map(|held| self.rights_of(held.what, held.is_gained)).collect()
    }

    /// What the credential allows, at best or as it is shown.
    fn rights_of(&self, what: What, at_best: bool) -> Rights {
        match what {
            What::Session { mfa } => self.rights_of_user(MALLORY, mfa),
            What::Account(user) => self.rights_of_user(user, true),
            What::Key(name) => {
                let key = self.keys.iter().find(|key| key.name == name);
                key.map(|key| self.rights_of_key(key, at_best)).unwrap_or_default()
            }
            What::AccessKey(user) => self.rights_of_user(user, at_best),
        }
    }

    fn rights_of_user(&self, username: &str, mfa: bool) -> Rights {
        let has = |role: &&Role| {
            self.users.iter().any(|user| user.username == username && user.roles.contains(&role.name))
        };
        let roles = self.roles.iter().filter(has).filter(|role| mfa || !role.mfa_required);
        roles.flat_map(|role| matched(&role.permissions)).collect()
    }

    fn rights_of_key(&self, key: &Key, at_best: bool) -> Rights {
        let rights = self.rights_of_user(&key.username, at_best);
        key.scope.as_ref().map_or_else(|| rights.clone(), |scope| &rights & &matched(scope))
    }

    /// Whether the key is let in.
    fn works(&self, key: &Key) -> bool {
        self.may_have_keys(&key.username) && key.active && key.expires_at.as_deref() != Some(PAST)
    }

    fn may_have_keys(&self, username: &str) -> bool {
        let may = |user: &User| user.enabled && !user.roles.is_empty();
        self.users.iter().any(|user| user.username == username && may(user))
    }

    /// Whether it can be shown for anything that is guarded here.
    fn manages(&self, held: &Held) -> bool {
        let is_let_in = match held.what {
            What::Key(name) => self.keys.iter().any(|key| key.name == name && self.works(key)),
            What::AccessKey(user) => self.may_have_keys(user),
            What::Session { .. } | What::Account(_) => held.authorization.is_some(),
        };
        let rights = self.rights_of(held.what, false);
        is_let_in && MANAGING.iter().any(|permission| rights.contains(permission))
    }

    /// Whether what the act is about is there, or isn't there yet where it is to be made.
    fn has_room_for(&self, act: &Act) -> bool {
        let has_role = |name: &&str| self.roles.iter().any(|role| role.name == *name);
        let roles_of = |name| self.users.iter().find(|user| user.username == name).map(|user| &user.roles);
        let has_key = |name| self.keys.iter().any(|key| key.name == name);
        match act {
            Act::CreateRole { role, .. } => !has_role(role),
            Act::ChangeRole { role, .. } | Act::DeleteRole { role } => has_role(role),
            Act::CreateUser { user, roles } => roles_of(*user).is_none() && roles.iter().all(&has_role),
            Act::AssignRoles { roles, .. } | Act::SetRoles { roles, .. } => roles.iter().all(has_role),
            Act::RemoveRole { user, role } => {
                roles_of(*user).is_some_and(|roles| roles.iter().any(|held| held == role))
            }
            Act::ResetPassword { user } | Act::ChangeAddress { user } => {
                user.contains('@') && roles_of(*user).is_some()
            }
            Act::SetEnabled { user, .. } | Act::DeleteUser { user } => roles_of(*user).is_some(),
            Act::CreateKey { key, user, .. } | Act::ImportKey { key, user, .. } => {
                !has_key(*key) && roles_of(*user).is_some_and(|roles| !roles.is_empty())
            }
            Act::ChangeKey { key, .. } | Act::RotateKey { key } | Act::DeleteKey { key } => has_key(*key),
            Act::CreateAccessKey { user } => roles_of(*user).is_some_and(|roles| !roles.is_empty()),
            Act::Signed { operation, user, role } => match *operation {
                "CreateGroup" => !has_role(role),
                "DeleteGroup" | "UpdateGroup" => has_role(role),
                "UpdateUserPool" | "SetUserPoolMfaConfig" => true,
                "AdminCreateUser" => roles_of(*user).is_none() && user.contains('@'),
                "AdminAddUserToGroup" => roles_of(*user).is_some() && has_role(role),
                "AdminRemoveUserFromGroup" => {
                    roles_of(*user).is_some_and(|roles| roles.iter().any(|held| held == role))
                }
                _ => roles_of(*user).is_some() && user.contains('@'),
            },
        }
    }

    /// What every user, role and key allows: as things are, and at best.
    fn grants(&self) -> BTreeMap<String, Rights> {
        let users = self.users.iter().map(|user| {
            let rights = |mfa| self.rights_of_user(&user.username, mfa);
            (&user.username, user.enabled, rights(false), rights(true))
        });
        let roles = self.roles.iter().map(|role| {
            let rights = matched(&role.permissions);
            (&role.name, !role.mfa_required, rights.clone(), rights)
        });
        let keys = self.keys.iter().map(|key| {
            (&key.name, self.works(key), self.rights_of_key(key, false), self.rights_of_key(key, true))
        });
        let all = users.chain(roles).chain(keys);
        all.flat_map(|(name, is_awake, now, at_best)| {
            let now = if is_awake { now } else { Rights::new() };
            [(name.clone(), now), (format!("{name} at best"), at_best)]
        })
        .collect()
    }

    /// Holds all this against what the surface says.
    async fn agrees_with(&self, surface: &impl Surface, held: &mut [Held]) -> Result<(), TestCaseError> {
        for user in self.users.iter().filter(|user| USERS.contains(&user.username.as_str())) {
            let expected = user.enabled.then(|| self.rights_of_user(&user.username, false));
            let allowed = surface.allowed(About::User(&user.username), &UNIVERSE).await;
            prop_assert_eq!(allowed, expected, "{}", user.username);
        }
        for key in self.keys.iter().filter(|key| KEYS.contains(&key.name.as_str())) {
            let expected = self.works(key).then(|| self.rights_of_key(key, false));
            let allowed = surface.allowed(About::Key(&key.id), &UNIVERSE).await;
            prop_assert_eq!(allowed, expected, "{}", key.name);
        }
        // What an access key allows shows in what is done with it alone.
        let told = held.iter_mut().filter(|held| !matches!(held.what, What::AccessKey(_)));
        for Held { what, authorization, .. } in told {
            let Some(shown) = authorization else { continue };
            match surface.allowed(About::Holder(shown), &UNIVERSE).await {
                Some(allowed) => prop_assert_eq!(allowed, self.rights_of(*what, false), "{:?}", what),
                // A key may be made to work again, a session never.
                None if matches!(what, What::Key(_)) => {}
                None => *authorization = None,
            }
        }
        Ok(())
    }

    /// Whether what it belongs to is there still.
    fn knows(&self, what: What) -> bool {
        match what {
            What::Session { .. } => true,
            What::Account(name) | What::AccessKey(name) => {
                self.users.iter().any(|user| user.username == name)
            }
            What::Key(name) => self.keys.iter().any(|key| key.name == name),
        }
    }
}

/// The plain texts that one of the patterns matches.
fn matched(patterns: &[String]) -> Rights {
    let matches = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    };
    UNIVERSE.into_iter().filter(|text| patterns.iter().any(|pattern| matches(pattern, text))).collect()
}

impl Act {
    fn name(&self) -> &'static str {
        match self {
            Self::CreateRole { .. } => "create role",
            Self::ChangeRole { .. } => "change role",
            Self::DeleteRole { .. } => "delete role",
            Self::CreateUser { .. } => "create user",
            Self::AssignRoles { .. } => "assign roles",
            Self::SetRoles { .. } => "set roles",
            Self::RemoveRole { .. } => "remove role",
            Self::ResetPassword { .. } => "reset password",
            Self::ChangeAddress { .. } => "change address",
            Self::SetEnabled { .. } => "set enabled",
            Self::DeleteUser { .. } => "delete user",
            Self::CreateKey { .. } => "create key",
            Self::ChangeKey { .. } => "change key",
            Self::RotateKey { .. } => "rotate key",
            Self::ImportKey { .. } => "import key",
            Self::DeleteKey { .. } => "delete key",
            Self::CreateAccessKey { .. } => "create access key",
            Self::Signed { operation, .. } => operation,
        }
    }
}

fn story(acts: BoxedStrategy<Act>) -> impl Strategy<Value = Story> {
    // Whoever can do nothing tells no story: Mallory manages something, and some of what she has others have
    // too.
    let managing = (subsequence(&MANAGING, 2..=3), subsequence(&PATTERNS[5..], 5..=9))
        .prop_map(|(managing, others)| create_role(ROLES[0], [managing, others].concat(), false));
    // There is a role to wake up, a role above hers to get at, and a key to widen.
    let above =
        || (select(&PATTERNS[..2]), patterns()).prop_map(|(above, others)| [vec![above], others].concat());
    let sleeping =
        prop_oneof![patterns(), above()].prop_map(|permissions| create_role(ROLES[1], permissions, true));
    let roles = [(ROLES[2], patterns().boxed()), (ROLES[3], above().boxed())].map(|(role, permissions)| {
        permissions.prop_map(move |permissions| create_role(role, permissions, false))
    });
    let mallory = subsequence(&ROLES[1..3], 0..=2)
        .prop_map(|roles| Act::CreateUser { user: MALLORY, roles: [vec![ROLES[0]], roles].concat() });
    let users = [USERS[1], USERS[2], USERS[3]]
        .map(|user| subsequence(&ROLES[..4], 1..=2).prop_map(move |roles| Act::CreateUser { user, roles }));
    // What Mallory may hold is mostly a key of her own that manages something.
    let narrow = (subsequence(&MANAGING, 2..=3), subsequence(&PATTERNS[5..], 5..=9))
        .prop_map(|(managing, others)| [managing, others].concat());
    let scope = prop_oneof![2 => narrow.prop_map(Some), 1 => patterns().prop_map(Some), 2 => Just(None)];
    let hers = (prop_oneof![3 => Just(MALLORY), 1 => select(&USERS[1..4])], scope)
        .prop_map(|(user, scope)| Act::CreateKey { key: KEYS[0], user, scope });
    let key = (select(&USERS[..4]), prop::option::of(patterns())).prop_map(|(user, scope)| Act::CreateKey {
        key: KEYS[1],
        user,
        scope,
    });
    let beginning = (managing, sleeping, roles, mallory, users, hers, key).prop_map(
        |(managing, sleeping, roles, mallory, users, hers, key)| {
            let roles = [managing, sleeping].into_iter().chain(roles);
            roles.chain([mallory]).chain(users).chain([hers, key]).collect()
        },
    );
    let tries = prop::collection::vec((any::<usize>(), acts), 30..90);
    let held = select(&[
        (Some(false), false),
        (Some(false), true),
        (Some(true), false),
        (Some(true), true),
        (None, true),
    ]);
    (beginning, held, tries).prop_map(|(beginning, (session, has_key), tries)| Story {
        beginning,
        session,
        has_key,
        tries,
    })
}

fn act() -> impl Strategy<Value = Act> {
    let some_roles = |least| subsequence(&ROLES, least..=2);
    // What destroys is rarer, for there should be something left to gain; what there is seldom room for is
    // more frequent.
    prop_oneof![
        4 => (role(), patterns(), any::<bool>())
            .prop_map(|(role, permissions, mfa_required)| create_role(role, permissions, mfa_required)),
        4 => (role(), prop::option::of(patterns()), select(&[None, Some(true), Some(false), Some(false)]))
            .prop_map(|(role, permissions, mfa_required)| {
                Act::ChangeRole { role, permissions, mfa_required }
            }),
        2 => role().prop_map(|role| Act::DeleteRole { role }),
        4 => (user(), some_roles(0)).prop_map(|(user, roles)| Act::CreateUser { user, roles }),
        3 => (user(), some_roles(1)).prop_map(|(user, roles)| Act::AssignRoles { user, roles }),
        2 => (user(), some_roles(0)).prop_map(|(user, roles)| Act::SetRoles { user, roles }),
        12 => (user(), role()).prop_map(|(user, role)| Act::RemoveRole { user, role }),
        4 => user().prop_map(|user| Act::ResetPassword { user }),
        3 => user().prop_map(|user| Act::ChangeAddress { user }),
        2 => (user(), any::<bool>()).prop_map(|(user, enabled)| Act::SetEnabled { user, enabled }),
        2 => user().prop_map(|user| Act::DeleteUser { user }),
        4 => (key(), user(), prop::option::of(patterns()))
            .prop_map(|(key, user, scope)| Act::CreateKey { key, user, scope }),
        5 => (key(), key_change()).prop_map(|(key, change)| Act::ChangeKey { key, change }),
        2 => key().prop_map(|key| Act::RotateKey { key }),
        5 => (key(), user(), "[0-9a-zA-Z]{64}")
            .prop_map(|(key, user, text)| Act::ImportKey { key, user, secret: format!("vams_{text}") }),
        2 => key().prop_map(|key| Act::DeleteKey { key }),
        1 => user().prop_map(|user| Act::CreateAccessKey { user }),
    ]
}

/// Signed operations for the most part, and what credentials come by that they are signed with.
pub(crate) fn signed_acts() -> BoxedStrategy<Act> {
    let signed = (select(&OPERATIONS), user(), role());
    prop_oneof![
        6 => signed.prop_map(|(operation, user, role)| Act::Signed { operation, user, role }),
        1 => user().prop_map(|user| Act::CreateAccessKey { user }),
        2 => act(),
    ]
    .boxed()
}

fn create_role(role: &'static str, permissions: Vec<&'static str>, mfa_required: bool) -> Act {
    Act::CreateRole { role, permissions, mfa_required }
}

fn key_change() -> impl Strategy<Value = KeyChange> {
    let scope = prop_oneof![Just(None), Just(Some(None)), patterns().prop_map(|scope| Some(Some(scope)))];
    let active = select(&[None, Some(true), Some(false)]);
    let expires_at = select(&[None, None, Some(""), Some(PAST), Some("2100-01-01")]);
    (scope, active, expires_at).prop_map(|(scope, active, expires_at)| KeyChange {
        scope,
        active,
        expires_at,
    })
}

fn role() -> impl Strategy<Value = &'static str> {
    prop_oneof![1 => Just(ROLES[0]), 12 => select(&ROLES[1..])]
}

fn user() -> impl Strategy<Value = &'static str> {
    prop_oneof![1 => Just(MALLORY), 12 => select(&USERS[1..])]
}

fn key() -> impl Strategy<Value = &'static str> {
    prop_oneof![1 => Just(KEYS[0]), 2 => select(&KEYS)]
}

fn patterns() -> impl Strategy<Value = Vec<&'static str>> {
    let pattern = prop_oneof![select(&PATTERNS), select(&PATTERNS[5..])];
    prop::collection::vec(pattern, 0..4)
}
