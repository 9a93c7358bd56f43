//! What may be done: `action:resource` patterns, sets of them, and how one contains another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// See the users, their roles and what a user may do.
pub const VIEW_USERS: &str = "view:users";
/// Create, change and delete users, and hand out roles to them.
pub const MANAGE_USERS: &str = "manage:users";
/// See the roles.
pub const VIEW_ROLES: &str = "view:roles";
/// Create, change and delete roles.
pub const MANAGE_ROLES: &str = "manage:roles";
/// See the API keys, never their secrets.
pub const VIEW_API_KEYS: &str = "view:api-keys";
/// Create, change, rotate and delete API keys.
pub const MANAGE_API_KEYS: &str = "manage:api-keys";
/// Read the audit log.
pub const VIEW_AUDIT: &str = "view:audit";
/// Manage the user pools beside the home pool with all that is in them, and the settings and app clients of
/// every pool.
pub const MANAGE_POOLS: &str = "manage:pools";
/// Ask what another's credential may do.
pub const VERIFY_CREDENTIALS: &str = "verify:credentials";

/// The longest permission, in characters.
const MAXIMUM_LENGTH: usize = 256;

/// A permission string: `action:resource`, or `*` for everything. A trailing `*` stands for any rest, the
/// empty one too; any other `*` is just a character. Upper and lower case differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Permission(String);

impl Permission {
    /// Reads a permission string of at most 256 characters.
    ///
    /// # Errors
    /// `InvalidInput("permissions")` when it isn't `*` or `action:resource`, or has white space in it.
    pub fn parse(text: &str) -> Result<Self> {
        let has_both_parts =
            text.split_once(':').is_some_and(|(action, resource)| !action.is_empty() && !resource.is_empty());
        let is_clean = !text.chars().any(|character| character.is_whitespace() || character.is_control());
        if (text == "*" || has_both_parts) && is_clean && text.chars().count() <= MAXIMUM_LENGTH {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(
            "permissions",
            "A permission must be `*` or `action:resource` without spaces, at most 256 characters, such as \
             `submit:SOP*`.",
        ))
    }

    /// The text, as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all that `other` allows is allowed by this one too.
    pub fn contains(&self, other: &Self) -> bool {
        match self.prefix() {
            // What `other` stands for begins with `other` less its star: if that begins with our prefix, all
            // does.
            Some(prefix) => other.prefix().unwrap_or(&other.0).starts_with(prefix),
            None => self == other,
        }
    }

    /// What everything matched must begin with; `None` when only the very text matches.
    fn prefix(&self) -> Option<&str> {
        self.0.strip_suffix('*')
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for Permission {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Permission {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Permission> for String {
    fn from(permission: Permission) -> Self {
        permission.0
    }
}

/// A set of permissions, kept so that asking takes two binary searches, however many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PermissionSet {
    /// The texts that match themselves alone, sorted; none of them is matched by a prefix.
    literals: Vec<Permission>,
    /// The patterns with a trailing star, sorted. INVARIANT: none contains another, so that at most one can
    /// match a text, and it is the greatest one that isn't greater than the text.
    prefixes: Vec<Permission>,
}

impl PermissionSet {
    /// Whether the set allows all that `wanted` stands for.
    pub fn allows(&self, wanted: &Permission) -> bool {
        let start = wanted.prefix().unwrap_or(wanted.as_str());
        self.matching_prefix(start).is_some()
            || (wanted.prefix().is_none() && self.literals.binary_search(wanted).is_ok())
    }

    /// Whether the set allows `wanted`, one of this crate's own permissions or another plain text.
    pub fn allows_text(&self, wanted: &str) -> bool {
        self.matching_prefix(wanted).is_some()
            || self.literals.binary_search_by(|literal| literal.as_str().cmp(wanted)).is_ok()
    }

    /// Whether the set allows all that `other` allows.
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|permission| self.allows(permission))
    }

    /// What both sets allow.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        // Two patterns share something only where one contains the other, and then it is the narrower one.
        let ours = self.iter().filter(|permission| other.allows(permission));
        let theirs = other.iter().filter(|permission| self.allows(permission));
        ours.chain(theirs).cloned().collect()
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.literals.is_empty() && self.prefixes.is_empty()
    }

    /// Whether everything is allowed.
    pub fn allows_everything(&self) -> bool {
        self.prefixes.first().is_some_and(|permission| permission.as_str() == "*")
    }

    /// The permissions, without those that another one contains: literals first, each part sorted.
    pub fn iter(&self) -> impl Iterator<Item = &Permission> {
        self.literals.iter().chain(&self.prefixes)
    }

    fn matching_prefix(&self, text: &str) -> Option<&Permission> {
        // A pattern less its star sorts before everything that begins with it.
        let after = self.prefixes.partition_point(|pattern| pattern.prefix().unwrap_or_default() <= text);
        let candidate = self.prefixes.get(after.checked_sub(1)?)?;
        text.starts_with(candidate.prefix()?).then_some(candidate)
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        let (mut patterns, mut literals): (Vec<_>, Vec<_>) =
            permissions.into_iter().partition(|permission| permission.prefix().is_some());
        // Sorted by what comes before the star: `a:*` must stand before `a:!x*`, though `*` > `!`.
        patterns.sort_unstable_by(|one, other| one.prefix().cmp(&other.prefix()));
        let mut set = Self::default();
        for pattern in patterns {
            if !set.prefixes.last().is_some_and(|previous| previous.contains(&pattern)) {
                set.prefixes.push(pattern);
            }
        }
        literals.sort_unstable();
        literals.dedup();
        literals.retain(|literal| set.matching_prefix(literal.as_str()).is_none());
        set.literals = literals;
        set
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(texts: &[&str]) -> PermissionSet {
        texts.iter().map(|text| Permission::parse(text).unwrap()).collect()
    }

    /// What the rule says, word by word, without any cleverness.
    fn matches_naively(pattern: &str, text: &str) -> bool {
        let mut pattern: Vec<char> = pattern.chars().collect();
        let text: Vec<char> = text.chars().collect();
        if pattern.last() == Some(&'*') {
            pattern.pop();
            return text.len() >= pattern.len() && text[..pattern.len()] == pattern[..];
        }
        pattern == text
    }

    /// Few characters, so that patterns meet often.
    fn permission_text() -> impl Strategy<Value = String> {
        prop_oneof![
            1 => Just("*".to_owned()),
            9 => "[ab!*~]{1,2}:[ab!*~é]{1,3}\\*?",
        ]
    }

    #[test]
    fn a_trailing_star_matches_any_rest_and_nothing_else_is_special() {
        assert!(set(&["submit:SOP*"]).allows_text("submit:SOP1"));
        assert!(set(&["submit:SOP*"]).allows_text("submit:SOP"));
        assert!(!set(&["submit:SOP*"]).allows_text("submit:sop1"));
        assert!(!set(&["sub*:SOP"]).allows_text("submit:SOP"));
        assert!(set(&["*"]).allows_text("manage:users"));
        assert!(!set(&[]).allows_text("manage:users"));
    }

    #[test]
    fn what_is_not_a_permission_is_refused() {
        for text in ["", "**", "read", ":x", "x:", "a b:c", "a:b\n", &format!("a:{}", "b".repeat(255))] {
            assert!(Permission::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_set_decides_as_the_naive_reference_does(
            patterns in prop::collection::vec(permission_text(), 0..8),
            text in "[ab!~]{1,2}:[ab!~é]{1,4}",
        ) {
            let set: PermissionSet = patterns.iter().map(|text| Permission::parse(text).unwrap()).collect();
            let expected = patterns.iter().any(|pattern| matches_naively(pattern, &text));
            prop_assert_eq!(set.allows_text(&text), expected);
            prop_assert_eq!(set.allows(&Permission::parse(&text).unwrap()), expected);
        }

        #[test]
        fn a_contained_set_never_allows_more(
            ours in prop::collection::vec(permission_text(), 0..5),
            theirs in prop::collection::vec(permission_text(), 0..5),
            text in "[ab!~]{1,2}:[ab!~é]{1,4}",
        ) {
            let [ours, theirs]: [PermissionSet; 2] = [ours, theirs]
                .map(|texts| texts.iter().map(|text| Permission::parse(text).unwrap()).collect());
            if ours.contains(&theirs) && theirs.allows_text(&text) {
                prop_assert!(ours.allows_text(&text));
            }
            let both = ours.intersection(&theirs);
            prop_assert_eq!(both.allows_text(&text), ours.allows_text(&text) && theirs.allows_text(&text));
            prop_assert!(ours.contains(&both) && theirs.contains(&both));
        }
    }
}
