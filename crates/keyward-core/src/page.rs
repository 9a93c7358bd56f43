//! Lists in pieces: how much is asked for, and where the next piece begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Result};
use crate::keyward::Keyward;

/// The most items in one page.
pub const MAXIMUM_LIMIT: usize = 1000;

/// What a page's token is sealed for.
const TOKEN: &str = "page token";

/// One piece of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What fits into this piece.
    pub items: Vec<T>,
    /// Where the next piece begins; nothing when this is the last.
    pub next: Option<String>,
}

/// How much of a list to give, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    limit: usize,
    after: Option<String>,
}

impl Default for Cursor {
    fn default() -> Self {
        Self { limit: 100, after: None }
    }
}

impl Cursor {
    /// `limit` items (1 to 1000; 100 when not said) after what `cursor` says, an opaque text of an earlier
    /// page.
    ///
    /// # Errors
    /// `InvalidInput` for a limit out of bounds or a cursor that we never gave out.
    pub fn new(limit: Option<usize>, cursor: Option<&str>) -> Result<Self> {
        let limit = limit.unwrap_or(100);
        if !(1..=MAXIMUM_LIMIT).contains(&limit) {
            return Err(Error::invalid("limit", "The limit must be between 1 and 1000."));
        }
        let after = cursor.filter(|cursor| !cursor.is_empty()).map(decode).transpose()?;
        Ok(Self { limit, after })
    }

    /// Everything from the start on, as much as one page holds.
    pub fn largest() -> Self {
        Self { limit: MAXIMUM_LIMIT, after: None }
    }

    /// `limit` items after `after`, where that is said.
    pub(crate) fn of(limit: usize, after: Option<&str>) -> Self {
        Self { limit, after: after.map(str::to_owned) }
    }

    /// What [`Cursor::new`] reads as the place after `after`.
    pub(crate) fn encoded(after: &str) -> String {
        URL_SAFE_NO_PAD.encode(after)
    }

    /// One more than is wanted, so that it shows whether there is more.
    pub(crate) fn limit_and_one(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX - 1) + 1
    }

    /// What the last item of the page before was sorted by; empty at the start, and sorts before all names.
    pub(crate) fn after(&self) -> &str {
        self.after.as_deref().unwrap_or_default()
    }

    /// The page made of up to `limit + 1` items; `key` is what they are sorted by.
    pub(crate) fn page<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> &str) -> Page<T> {
        let has_more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items.last().filter(|_| has_more).map(|item| Self::encoded(key(item)));
        Page { items, next }
    }
}

impl Keyward {
    /// The cursor that a token of [`Keyward::page_token`] leads to in this very list; the start without one.
    ///
    /// # Errors
    /// `InvalidInput` for a limit out of bounds or a token that we never gave out for this list.
    pub fn opened_cursor(&self, list: &[&str], limit: usize, token: Option<&str>) -> Result<Cursor> {
        let Some(token) = token else { return Cursor::new(Some(limit), None) };
        let wrong = || Error::invalid("token", "Invalid pagination token given.");
        let opened = self.master_key.open(TOKEN, token).ok_or_else(wrong)?;
        let (of, after): (Vec<String>, String) = serde_json::from_slice(&opened).map_err(|_| wrong())?;
        if of != list {
            return Err(wrong());
        }
        Cursor::new(Some(limit), Some(&after))
    }

    /// The token for what follows a page of this list, which tells nothing and can't be made up; nothing when
    /// nothing follows.
    pub fn page_token(&self, list: &[&str], next: Option<&str>) -> Result<Option<String>> {
        let seal = |next| {
            let plaintext = serde_json::to_vec(&(list, next)).map_err(Error::internal)?;
            self.master_key.seal(&self.random, TOKEN, &plaintext)
        };
        next.map(seal).transpose()
    }
}

fn decode(cursor: &str) -> Result<String> {
    let wrong = || {
        Error::invalid("cursor", "This is not a cursor of ours; leave it out to start from the beginning.")
    };
    // What we give out encodes at most what is indexed of a value, in hexadecimal digits, and an id.
    if cursor.len() > 4096 {
        return Err(wrong());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    // PostgreSQL takes no NUL in a text.
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_a_cursor_or_refused(text in "\\PC*", bytes in any::<Vec<u8>>(), limit in any::<usize>()) {
            for cursor in [text, URL_SAFE_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode([b"a\0", &*bytes].concat())] {
                if let Ok(read) = Cursor::new(Some(limit), Some(&cursor)) {
                    prop_assert!((1..=MAXIMUM_LIMIT).contains(&limit));
                    prop_assert!(!read.after().contains('\0'));
                    prop_assert!(cursor.is_empty() || URL_SAFE_NO_PAD.encode(read.after()) == cursor);
                }
            }
        }

        #[test]
        fn pages_of_any_size_have_every_item_once(
            names in prop::collection::btree_set("[^\0]{1,9}", 0..30),
            limit in 1..10_usize,
        ) {
            let (mut cursor, mut found) = (Cursor::new(Some(limit), None).unwrap(), Vec::new());
            loop {
                let rest = names.iter().filter(|name| name.as_str() > cursor.after());
                let wanted = usize::try_from(cursor.limit_and_one()).unwrap();
                let page = cursor.page(rest.take(wanted).collect(), |name| name);
                found.extend(page.items);
                let Some(next) = page.next else { break };
                cursor = Cursor::new(Some(limit), Some(&next)).unwrap();
            }
            prop_assert_eq!(found, names.iter().collect::<Vec<_>>());
        }
    }
}
