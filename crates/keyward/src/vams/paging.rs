//! How VAMS asks for a list in pieces.

use keyward_core::error::{Code, Error, Result};
use keyward_core::page::{Cursor, MAXIMUM_LIMIT, Page};
use serde::Deserialize;

/// What VAMS calls a cursor.
pub(super) const STARTING_TOKEN: &str = "startingToken";

/// The query of a list.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paging {
    page_size: Option<i64>,
    max_items: Option<i64>,
    starting_token: Option<String>,
}

/// How much is wanted, and from where.
#[derive(Debug)]
pub(super) struct Wanted {
    limit: usize,
    token: Option<String>,
}

impl Paging {
    /// `default` items when nobody says, and never more than `most`: VAMS, too, gives less than was asked for
    /// rather than refusing.
    pub(super) fn wanted(self, default: usize, most: usize) -> Result<Wanted> {
        let sizes = [("pageSize", self.page_size), ("maxItems", self.max_items)];
        let mut limit = None;
        for (name, size) in sizes.into_iter().filter_map(|(name, size)| Some((name, size?))) {
            let size = usize::try_from(size).ok().filter(|size| *size > 0);
            let size = size.ok_or_else(|| Error::invalid(name, format!("{name} must be 1 or more.")))?;
            limit = Some(limit.map_or(size, |limit: usize| limit.min(size)));
        }
        let token = self.starting_token;
        Cursor::new(None, token.as_deref())
            .map_err(|error| Error { code: Code::InvalidInput(STARTING_TOKEN.into()), ..error })?;
        Ok(Wanted { limit: limit.unwrap_or(default).min(most), token })
    }
}

impl Wanted {
    /// Everything.
    pub(super) fn all() -> Self {
        Self { limit: usize::MAX, token: None }
    }

    /// As many pages of `list` as make up what is wanted.
    pub(super) async fn of<T, F>(self, list: impl Fn(Cursor) -> F) -> Result<Page<T>>
    where
        F: Future<Output = Result<Page<T>>>,
    {
        let (mut items, mut next) = (Vec::new(), self.token);
        loop {
            let limit = (self.limit - items.len()).min(MAXIMUM_LIMIT);
            let page = list(Cursor::new(Some(limit), next.as_deref())?).await?;
            items.extend(page.items);
            next = page.next;
            if next.is_none() || items.len() >= self.limit {
                return Ok(Page { items, next });
            }
        }
    }
}
