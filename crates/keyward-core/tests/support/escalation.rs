//! Nobody grants above their own rights: a property of every surface.
//!
//! Somebody who means ill holds a session, and perhaps a key. They try acts at random, with any credential
//! that they came by: keys whose secret they got, users whose password they got or whose address they
//! changed. Whatever they do, all of it together never allows more than what they began with. What their
//! credentials allow is worked out naively, from sets of plain texts, and held against what the surface says.
//!
//! A surface takes part by a [`Surface`] of its own; `keyward-core` itself is the first.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// What is tried, and what is said of it.
pub(crate) trait Surface {
    /// Does the act as whoever shows this `Authorization`.
    async fn perform(&self, authorization: &str, act: &Act) -> Outcome;

    /// Signs in with a temporary password, choosing a new one; the `Authorization` to show from then on.
    /// Nothing when that isn't let in.
    async fn sign_in(&self, username: &str, temporary_password: &str) -> Option<String>;

    /// Which of these permissions whoever shows this `Authorization` has; nothing when it isn't let in.
    async fn allowed(&self, authorization: &str, permissions: &[&'static str]) -> Option<Rights>;

    /// The `Authorization` of somebody who may do everything.
    fn admin(&self) -> &str;
}

/// Plain permissions, out of [`UNIVERSE`].
pub(crate) type Rights = BTreeSet<&'static str>;

/// How often each kind of act was done, and refused.
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

/// Something that changes what somebody may do. A name with an `@` is an account's, another a program user's.
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

/// What the acts are about: few names, so that they meet often.
const ROLES: [&str; 5] = ["role 0", "role 1", "role 2", "role 3", "role 4"];
const USERS: [&str; 7] =
    [MALLORY, "ann@example.com", "ben@example.com", "bot-0", "bot-1", "cid@example.com", "dan@example.com"];
const KEYS: [&str; 4] = ["key 0", "key 1", "key 2", "key 3"];
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

/// What it takes to try anything.
const MANAGING: [&str; 3] = ["manage:users", "manage:roles", "manage:api-keys"];

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
    /// Whether they hold the first key to begin with.
    has_key: bool,
    /// Each with the place of the credential that is shown, among those held.
    tries: Vec<(usize, Act)>,
}

/// Holds what `new_surface` makes to the rule, in `cases` stories.
///
/// # Panics
/// When somebody gained rights, with the shortest story that shows it; or when 50 stories or more were too
/// tame to prove anything: every kind of act must have been done in some and refused in others.
pub(crate) fn nobody_gains_rights<S: Surface>(cases: u32, new_surface: impl AsyncFn() -> S) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tally = Tally::default();
    let config = Config { cases, failure_persistence: None, ..Config::default() };

    let outcome = TestRunner::new(config).run(&story(), |story| {
        runtime.block_on(async {
            let surface = new_surface().await;
            tell(&surface, &story, &tally).await
        })
    });

    if let Err(error) = outcome {
        panic!("{error}");
    }
    // In a few stories, some kind may stay undone by chance.
    if cases < 50 {
        return;
    }
    for (act, [done, refused]) in tally.into_inner() {
        assert!(done > 0 && refused > 0, "{act} was done {done} times and refused {refused} times");
    }
}

/// Plays one story, and looks after each act at what they could do by now.
async fn tell(surface: &impl Surface, story: &Story, tally: &Tally) -> Result<(), TestCaseError> {
    let mut world = World::default();
    let mut held = Vec::new();
    for act in &story.beginning {
        if let Outcome::Done { secret } = surface.perform(surface.admin(), act).await {
            world.apply(act);
            match act {
                Act::CreateUser { user: MALLORY, .. } => {
                    let authorization = surface.sign_in(MALLORY, &secret.unwrap()).await.unwrap();
                    held.push(Held {
                        what: What::Session,
                        authorization: Some(authorization),
                        is_gained: false,
                    });
                }
                Act::CreateKey { key, .. } if story.has_key && *key == KEYS[0] => {
                    held.push(Held { what: What::Key(key), authorization: secret, is_gained: false });
                }
                _ => {}
            }
        }
    }
    let had = world.wielded(&held);

    for (place, act) in &story.tries {
        let Some(authorization) = held[place % held.len()].authorization.clone() else { continue };
        let outcome = surface.perform(&authorization, act).await;
        match &outcome {
            Outcome::Done { .. } => tally.borrow_mut().entry(act.name()).or_default()[0] += 1,
            Outcome::Refused => tally.borrow_mut().entry(act.name()).or_default()[1] += 1,
            Outcome::Failed => {}
        }
        let Outcome::Done { secret } = outcome else { continue };
        world.apply(act);
        held.retain(|held| world.knows(held.what));
        gain(surface, &mut held, act, secret).await;

        let has = world.wielded(&held);
        prop_assert!(has.is_subset(&had), "{act:?} gave them {:?}", has.difference(&had).collect::<Vec<_>>());
        for held in &held {
            let Some(authorization) = &held.authorization else { continue };
            let Some(allowed) = surface.allowed(authorization, &UNIVERSE).await else { continue };
            prop_assert_eq!(allowed, world.rights_of(held.what, false), "{:?} after {:?}", held.what, act);
        }
    }
    Ok(())
}

/// What the act put into their hands.
async fn gain(surface: &impl Surface, held: &mut Vec<Held>, act: &Act, secret: Option<String>) {
    let (what, authorization) = match act {
        Act::CreateKey { key, .. } | Act::RotateKey { key } => (What::Key(key), secret),
        Act::ImportKey { key, secret, .. } => (What::Key(key), Some(secret.clone())),
        Act::ResetPassword { user } | Act::CreateUser { user, .. } if user.contains('@') => {
            (What::Account(user), surface.sign_in(user, &secret.unwrap()).await)
        }
        Act::ChangeAddress { user } => (What::Account(user), None),
        _ => return,
    };
    held.retain(|held| held.what != what || held.authorization.is_some() && authorization.is_none());
    held.push(Held { what, authorization, is_gained: true });
}

/// A credential in their hands.
#[derive(Debug, Clone)]
struct Held {
    what: What,
    /// What to show; nothing for an account that they could take over by mail.
    authorization: Option<String>,
    /// Whether it is one that they came by. Then what it allows at best counts: with the second factor that
    /// whoever has an account can set up, and with the roles that sleep under a key until somebody wakes
    /// them.
    is_gained: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Mallory's, without MFA.
    Session,
    /// A whole account.
    Account(&'static str),
    Key(&'static str),
}

/// The naive reference: who has which roles, and what these allow.
#[derive(Debug, Default)]
struct World {
    roles: BTreeMap<&'static str, (Vec<&'static str>, bool)>,
    users: BTreeMap<&'static str, BTreeSet<&'static str>>,
    keys: BTreeMap<&'static str, (&'static str, Option<Vec<&'static str>>)>,
}

impl World {
    /// All that these credentials allow together, the keys among them active or not.
    fn wielded(&self, held: &[Held]) -> Rights {
        held.iter().flat_map(|held| self.rights_of(held.what, held.is_gained)).collect()
    }

    /// What the credential allows, at best or as it is shown, which is without MFA.
    fn rights_of(&self, what: What, at_best: bool) -> Rights {
        match what {
            What::Session => self.rights_of_user(MALLORY, false),
            What::Account(user) => self.rights_of_user(user, at_best),
            What::Key(key) => {
                let Some((user, scope)) = self.keys.get(key) else { return Rights::new() };
                let rights = self.rights_of_user(user, at_best);
                match scope {
                    Some(scope) => rights.intersection(&matched(scope)).copied().collect(),
                    None => rights,
                }
            }
        }
    }

    fn rights_of_user(&self, user: &str, mfa: bool) -> Rights {
        let roles = self.users.get(user).into_iter().flatten().filter_map(|role| self.roles.get(role));
        roles.filter(|(_, asks)| mfa || !asks).flat_map(|(patterns, _)| matched(patterns)).collect()
    }

    /// Whether what it belongs to is there still.
    fn knows(&self, what: What) -> bool {
        match what {
            What::Session => true,
            What::Account(user) => self.users.contains_key(user),
            What::Key(key) => self.keys.contains_key(key),
        }
    }

    fn apply(&mut self, act: &Act) {
        match act.clone() {
            Act::CreateRole { role, permissions, mfa_required } => {
                self.roles.insert(role, (permissions, mfa_required));
            }
            Act::ChangeRole { role, permissions, mfa_required } => {
                let known = self.roles.get_mut(role).unwrap();
                known.0 = permissions.unwrap_or_else(|| known.0.clone());
                known.1 = mfa_required.unwrap_or(known.1);
            }
            Act::DeleteRole { role } => {
                self.roles.remove(role);
                for roles in self.users.values_mut() {
                    roles.remove(role);
                }
            }
            Act::CreateUser { user, roles } | Act::SetRoles { user, roles } => {
                self.users.insert(user, roles.into_iter().collect());
            }
            Act::AssignRoles { user, roles } => self.users.entry(user).or_default().extend(roles),
            Act::RemoveRole { user, role } => drop(self.users.get_mut(user).unwrap().remove(role)),
            Act::ResetPassword { .. }
            | Act::ChangeAddress { .. }
            | Act::SetEnabled { .. }
            | Act::RotateKey { .. } => {}
            Act::DeleteUser { user } => {
                self.users.remove(user);
                self.keys.retain(|_, (owner, _)| *owner != user);
            }
            Act::CreateKey { key, user, scope } => drop(self.keys.insert(key, (user, scope))),
            Act::ChangeKey { key, change } => {
                let known = self.keys.get_mut(key).unwrap();
                known.1 = change.scope.unwrap_or_else(|| known.1.clone());
            }
            Act::ImportKey { key, user, .. } => drop(self.keys.insert(key, (user, None))),
            Act::DeleteKey { key } => drop(self.keys.remove(key)),
        }
    }
}

/// The plain texts that one of the patterns matches.
fn matched(patterns: &[&'static str]) -> Rights {
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
        }
    }
}

fn story() -> impl Strategy<Value = Story> {
    // Whoever can do nothing tells no story: Mallory manages something, and some of what she has others have
    // too.
    let managing = (subsequence(&MANAGING, 2..=3), subsequence(&PATTERNS[5..], 4..=8))
        .prop_map(|(managing, others)| create_role(ROLES[0], [managing, others].concat(), false));
    // There is a role to wake up, and a key to widen.
    let sleeping = patterns().prop_map(|permissions| create_role(ROLES[1], permissions, true));
    let roles = [ROLES[2], ROLES[3]]
        .map(|role| patterns().prop_map(move |permissions| create_role(role, permissions, false)));
    let mallory = subsequence(&ROLES[1..4], 0..=2)
        .prop_map(|roles| Act::CreateUser { user: MALLORY, roles: [vec![ROLES[0]], roles].concat() });
    let users = [USERS[1], USERS[2], USERS[3]]
        .map(|user| subsequence(&ROLES[..4], 1..=2).prop_map(move |roles| Act::CreateUser { user, roles }));
    let narrow = (select(&USERS[..4]), patterns()).prop_map(|(user, scope)| Act::CreateKey {
        key: KEYS[0],
        user,
        scope: Some(scope),
    });
    let key = (select(&USERS[..4]), prop::option::of(patterns())).prop_map(|(user, scope)| Act::CreateKey {
        key: KEYS[1],
        user,
        scope,
    });
    let beginning = (managing, sleeping, roles, mallory, users, narrow, key).prop_map(
        |(managing, sleeping, roles, mallory, users, narrow, key)| {
            let roles = [managing, sleeping].into_iter().chain(roles);
            roles.chain([mallory]).chain(users).chain([narrow, key]).collect()
        },
    );
    let tries = prop::collection::vec((any::<usize>(), act()), 20..80);
    (beginning, any::<bool>(), tries).prop_map(|(beginning, has_key, tries)| Story {
        beginning,
        has_key,
        tries,
    })
}

fn act() -> impl Strategy<Value = Act> {
    let some_roles = || subsequence(&ROLES, 1..=2);
    // What destroys is rarer: there should be something left to gain.
    prop_oneof![
        3 => (role(), patterns(), any::<bool>())
            .prop_map(|(role, permissions, mfa_required)| create_role(role, permissions, mfa_required)),
        4 => (role(), prop::option::of(patterns()), select(&[None, Some(true), Some(false), Some(false)]))
            .prop_map(|(role, permissions, mfa_required)| Act::ChangeRole { role, permissions, mfa_required }),
        1 => role().prop_map(|role| Act::DeleteRole { role }),
        3 => (user(), some_roles()).prop_map(|(user, roles)| Act::CreateUser { user, roles }),
        3 => (user(), some_roles()).prop_map(|(user, roles)| Act::AssignRoles { user, roles }),
        2 => (user(), some_roles()).prop_map(|(user, roles)| Act::SetRoles { user, roles }),
        4 => (user(), role()).prop_map(|(user, role)| Act::RemoveRole { user, role }),
        2 => user().prop_map(|user| Act::ResetPassword { user }),
        2 => user().prop_map(|user| Act::ChangeAddress { user }),
        1 => (user(), any::<bool>()).prop_map(|(user, enabled)| Act::SetEnabled { user, enabled }),
        1 => user().prop_map(|user| Act::DeleteUser { user }),
        3 => (key(), user(), prop::option::of(patterns()))
            .prop_map(|(key, user, scope)| Act::CreateKey { key, user, scope }),
        5 => (key(), key_change()).prop_map(|(key, change)| Act::ChangeKey { key, change }),
        2 => key().prop_map(|key| Act::RotateKey { key }),
        3 => (key(), user(), "[0-9a-zA-Z]{64}")
            .prop_map(|(key, user, text)| Act::ImportKey { key, user, secret: format!("vams_{text}") }),
        2 => key().prop_map(|key| Act::DeleteKey { key }),
    ]
}

fn create_role(role: &'static str, permissions: Vec<&'static str>, mfa_required: bool) -> Act {
    Act::CreateRole { role, permissions, mfa_required }
}

fn key_change() -> impl Strategy<Value = KeyChange> {
    let scope = prop_oneof![Just(None), Just(Some(None)), patterns().prop_map(|scope| Some(Some(scope)))];
    let active = select(&[None, Some(true), Some(false)]);
    let expires_at = select(&[None, None, Some(""), Some("2020-01-01"), Some("2100-01-01")]);
    (scope, active, expires_at).prop_map(|(scope, active, expires_at)| KeyChange {
        scope,
        active,
        expires_at,
    })
}

fn role() -> impl Strategy<Value = &'static str> {
    select(&ROLES)
}

fn user() -> impl Strategy<Value = &'static str> {
    prop_oneof![1 => Just(MALLORY), 4 => select(&USERS)]
}

fn key() -> impl Strategy<Value = &'static str> {
    prop_oneof![1 => Just(KEYS[0]), 2 => select(&KEYS)]
}

fn patterns() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(select(&PATTERNS), 0..4)
}
