//! Lists in pieces: how much is asked for, and where the next piece begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{Error, Result};

/// The most items in one page.
pub const MAXIMUM_LIMIT: usize = 1000;

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
        let next = items.last().filter(|_| has_more).map(|item| URL_SAFE_NO_PAD.encode(key(item)));
        Page { items, next }
    }
}

fn decode(cursor: &str) -> Result<String> {
    let wrong = || {
        Error::invalid("cursor", "This is not a cursor of ours; leave it out to start from the beginning.")
    };
    // What we give out encodes at most a name of 256 characters.
    if cursor.len() > 2048 {
        return Err(wrong());
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
    // PostgreSQL takes no NUL in a text.
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0')).ok_or_else(wrong)
}
