//! The audit log.

use serde::{Deserialize, Serialize};

use super::{Call, Client, Page, Result, Slice};

/// Who did what to whom, when, and whether it was done.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Event {
    pub id: String,
    pub at: String,
    #[serde(default)]
    pub actor: Party,
    #[serde(default)]
    pub credential: Option<serde_json::Value>,
    #[serde(default)]
    pub action: String,
    #[serde(default)]
    pub target: Option<Party>,
    #[serde(default)]
    pub outcome: String,
    #[serde(default)]
    pub detail: serde_json::Value,
    #[serde(default)]
    pub request_id: Option<String>,
    #[serde(default)]
    pub address: Option<String>,
}

/// Somebody or something in an event.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
pub(crate) struct Party {
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
}

/// Which events are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub target: Option<String>,
    pub since: Option<String>,
    pub until: Option<String>,
}

impl Client {
    /// Newest first.
    pub(crate) async fn audit(&self, slice: Slice, filter: &Filter) -> Result<Page<Event>> {
        let given = [
            ("actor", &filter.actor),
            ("action", &filter.action),
            ("target", &filter.target),
            ("since", &filter.since),
            ("until", &filter.until),
        ];
        let mut query = slice.query();
        query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        self.json(Call::get(&["api", "v1", "audit"]).query(query)).await
    }
}
