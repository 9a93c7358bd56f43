//! The paging options of the lists, and what a list looks like as JSON.

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::failure::{Failure, Result};
use crate::client::{self, Page, Slice};

/// The server's largest page, and what is asked for when nobody says otherwise.
const LARGEST_PAGE: u32 = 1000;
/// How many items `--auto-paginate` fetches when nobody says otherwise.
const DEFAULT_MAX_ITEMS: u32 = 10_000;

#[derive(Debug, Args)]
#[command(next_help_heading = "Paging")]
pub(crate) struct Paging {
    /// Items per page, at most 1000 [default: 1000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    page_size: Option<u32>,
    /// Items in all, with --auto-paginate [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_items: Option<u32>,
    /// Go on where a page ended: its `NextToken`
    #[arg(long, value_name = "TOKEN")]
    starting_token: Option<String>,
    /// Fetch page after page until all are there
    #[arg(long)]
    auto_paginate: bool,
}

/// What came of a list: one page, or all of them.
pub(crate) struct Listing<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
    /// How many pages were fetched, with --auto-paginate.
    pub pages: Option<u32>,
    /// Said when there is more than was asked for.
    pub note: Option<String>,
}

impl Paging {
    /// Fetches what the options ask for; `page` gets one page.
    pub(crate) async fn fetch<T>(
        &self,
        context: &Context,
        what: &str,
        page: impl AsyncFn(Slice) -> client::Result<Page<T>>,
    ) -> Result<Listing<T>> {
        let output = &context.output;
        if self.auto_paginate && self.starting_token.is_some() {
            return Err(Failure::new("usage", "Cannot use --auto-paginate with --starting-token.").hint(
                "--auto-paginate fetches all pages, --starting-token continues after one; take either",
            ));
        }
        let limit = Some(self.page_size.unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE));
        if !self.auto_paginate {
            if self.max_items.is_some() {
                output.warning("--max-items only applies with --auto-paginate. Ignoring --max-items.");
            }
            let slice = Slice { limit, cursor: self.starting_token.clone() };
            let page = output.waiting(&format!("Fetching {what}"), page(slice)).await?;
            return Ok(Listing { items: page.items, next: page.next_cursor, pages: None, note: None });
        }

        let wanted = self.max_items.unwrap_or(DEFAULT_MAX_ITEMS);
        let enough = usize::try_from(wanted).unwrap_or(usize::MAX);
        let spinner = output.spinner(&format!("Fetching {what}"));
        let mut items = Vec::new();
        let mut pages = 0;
        let mut cursor = None;
        let more = loop {
            let fetched = page(Slice { limit, cursor }).await?;
            pages += 1;
            items.extend(fetched.items);
            spinner.set_message(format!("Fetched {} {what} (page {pages})", items.len()));
            cursor = fetched.next_cursor;
            if cursor.is_none() || items.len() >= enough {
                break cursor.is_some() || items.len() > enough;
            }
        };
        spinner.finish_and_clear();
        items.truncate(enough);
        let note = more.then(|| format!("Reached maximum of {wanted} items. More items may be available."));
        Ok(Listing { items, next: None, pages: Some(pages), note })
    }
}

#[derive(Serialize)]
struct OnePage<T> {
    #[serde(rename = "Items")]
    items: Vec<T>,
    #[serde(rename = "NextToken")]
    next: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AllPages<T> {
    #[serde(rename = "Items")]
    items: Vec<T>,
    total_items: usize,
    auto_paginated: bool,
    page_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl<T> Listing<T> {
    /// Writes the list as JSON, in the shape that scripts of the real client read.
    pub(crate) fn write_json<J: Serialize>(self, context: &Context, shape: impl Fn(T) -> J) -> Result<()> {
        let items: Vec<J> = self.items.into_iter().map(shape).collect();
        match self.pages {
            None => context.output.json(&OnePage { items, next: self.next }),
            Some(page_count) => {
                let total_items = items.len();
                context.output.json(&AllPages {
                    items,
                    total_items,
                    auto_paginated: true,
                    page_count,
                    note: self.note,
                })
            }
        }
    }

    /// Says below a table that there is more, and how to get it.
    pub(crate) fn mention_rest(&self, context: &Context) {
        if let Some(next) = &self.next {
            context.output.note(&format!("Next token: {next}"));
            context
                .output
                .note("Use --starting-token to get the next page, or --auto-paginate to get them all.");
        }
        if let Some(note) = &self.note {
            context.output.note(note);
        }
    }
}
