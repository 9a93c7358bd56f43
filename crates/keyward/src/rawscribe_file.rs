//! RawScribe's file of settings while the server runs: whoever keeps users in it changes it at any time.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keyward_core::error::Result;
use keyward_core::keyward::Keyward;
use tokio::sync::Mutex;

use crate::complaint::Complaint;
use crate::config::{Config, Environment, Provider, RawScribe, RawScribeFile};

/// How often the file is looked at when nobody asks what it says.
const PAUSE: Duration = Duration::from_secs(2);

/// Looks at the file, and makes what is in it so.
#[derive(Debug)]
pub struct RawScribeWatch {
    keyward: Arc<Keyward>,
    provider: Provider,
    environment: Environment,
    file: RawScribeFile,
    seen: Mutex<Seen>,
}

/// What the file was like when it was last looked at.
#[derive(Debug, Default)]
struct Seen {
    state: Option<(SystemTime, u64)>,
    /// What was wrong with it, so that it is told once.
    complaint: Option<Complaint>,
}

/// Makes the roles what the file says of its groups and, where users are kept in it, the accounts.
///
/// # Errors
/// What is wrong with them, as the core says it.
pub async fn enter(keyward: &Keyward, config: &Config, rawscribe: &RawScribe) -> Result<()> {
    enter_for(keyward, &config.provider, rawscribe).await
}

async fn enter_for(keyward: &Keyward, provider: &Provider, rawscribe: &RawScribe) -> Result<()> {
    keyward.enter_file_roles(&rawscribe.roles()).await?;
    if *provider == Provider::Jwt {
        keyward.enter_file_users(&rawscribe.users).await?;
    }
    Ok(())
}

impl RawScribeWatch {
    /// One that has seen nothing yet.
    pub fn new(keyward: &Arc<Keyward>, config: &Config) -> Self {
        Self {
            keyward: Arc::clone(keyward),
            provider: config.provider.clone(),
            environment: config.environment,
            file: config.rawscribe.clone(),
            seen: Mutex::default(),
        }
    }

    /// Where users are kept.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// What the file says now. While something is wrong with it, what it said before counts.
    pub async fn look(&self) -> Arc<RawScribe> {
        let before = self.file.now();
        let Some(path) = &before.path else { return before };
        let state = tokio::fs::metadata(path).await.ok().and_then(|it| Some((it.modified().ok()?, it.len())));
        let mut seen = self.seen.lock().await;
        if state.is_some() && seen.state == state {
            return self.file.now();
        }
        match self.enter_again(&before).await {
            Ok(()) => *seen = Seen { state, complaint: None },
            Err(complaint) => {
                if seen.complaint.as_ref() != Some(&complaint) {
                    let hint = complaint.hint.as_deref().unwrap_or_default();
                    tracing::warn!(hint, "what it said before counts on: {complaint}");
                }
                seen.complaint = Some(complaint);
            }
        }
        self.file.now()
    }

    async fn enter_again(&self, before: &RawScribe) -> std::result::Result<(), Complaint> {
        let now = before.read_again(self.environment, self.provider == Provider::Jwt)?;
        enter_for(&self.keyward, &self.provider, &now).await?;
        if now.differs_at_start(before) {
            tracing::warn!("RawScribe's file has other settings now, which count from the next start");
        }
        self.file.replace(now.with_tokens_of(before));
        Ok(())
    }

    /// Looks again and again, until the task that runs it is dropped.
    pub async fn run(&self) {
        loop {
            self.look().await;
            tokio::time::sleep(PAUSE).await;
        }
    }
}
