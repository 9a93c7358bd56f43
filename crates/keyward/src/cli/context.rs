//! What every command works with: where to write, which server, by whose credential.

use std::rc::Rc;

use keyward_core::clock::{Clock, rfc3339};
use keyward_core::random::Random;
use keyward_core::secret::Secret;
use reqwest::Url;

use super::credentials::{self, Credentials};
use super::failure::{Failure, Result};
use super::output::Output;
use super::profile_store::{ProfileName, ProfileStore, Session};
use super::settings::{CredentialStore, DEFAULT_URL, Settings};
use crate::client::{Client, Credential, Notice, Renewal, Tokens, server_address};

/// What a command is given.
pub(crate) struct Context {
    pub output: Rc<Output>,
    pub settings: Settings,
    pub profiles: Rc<ProfileStore>,
    pub profile: ProfileName,
    pub clock: Clock,
    pub random: Random,
}

/// By what the next request acts.
pub(crate) enum Identity {
    /// `KEYWARD_API_KEY`.
    ApiKey(Secret),
    /// Who is signed in, with their tokens.
    SignedIn(Session, Credentials),
}

impl Context {
    /// Reads the environment and finds the profile: `--profile`, `KEYWARD_PROFILE`, the active one.
    pub(crate) fn open(output: Output, profile: Option<ProfileName>) -> Result<Self> {
        let settings = Settings::read()?;
        let random = Random::System;
        let profiles = ProfileStore::open(random.clone())?;
        let profile = match profile.or_else(|| settings.profile.clone()) {
            Some(profile) => profile,
            None => profiles.active()?,
        };
        Ok(Self {
            output: Rc::new(output),
            settings,
            profiles: Rc::new(profiles),
            profile,
            clock: Clock::System,
            random,
        })
    }

    /// Now, as RFC 3339 in UTC.
    pub(crate) fn now(&self) -> String {
        rfc3339(self.clock.now_ms())
    }

    /// The server: `KEYWARD_URL`, what was set up, where somebody signed in, else the one on this machine.
    pub(crate) fn server(&self) -> Result<Url> {
        let (url, source) = self.server_and_source()?;
        self.output.detail(&format!("server: {} ({source})", shown(&url)));
        Ok(url)
    }

    fn server_and_source(&self) -> Result<(Url, String)> {
        if let Some(url) = &self.settings.url {
            return Ok((url.clone(), "KEYWARD_URL".to_owned()));
        }
        let setup = self.profiles.setup(&self.profile)?.map(|setup| setup.api_gateway_url);
        let known = match setup {
            Some(url) => Some(url),
            None => self.profiles.session(&self.profile)?.map(|session| session.url),
        };
        if let Some(known) = known {
            let url = server_address(&known).ok_or_else(|| {
                Failure::new("file", format!("The profile '{}' names no usable server.", self.profile))
                    .hint("`keyward setup URL --force` sets it up anew")
            })?;
            return Ok((url, format!("profile {}", self.profile)));
        }
        // A mistyped profile must not turn to another server than the one that was meant.
        if !self.profile.is_default() {
            let message = format!("Setup required for profile '{}'.", self.profile);
            return Err(Failure::new("setup-required", message).hint(format!(
                "`keyward setup URL --profile {}`, or name the server with KEYWARD_URL",
                self.profile
            )));
        }
        let url = server_address(DEFAULT_URL)
            .ok_or_else(|| Failure::new("internal", "The default address can't be read."))?;
        Ok((url, "default".to_owned()))
    }

    /// By what the next request to `server` acts; `None` when nobody is signed in there.
    pub(crate) fn identity(&self, server: &Url) -> Result<Option<Identity>> {
        if let Some(key) = &self.settings.api_key {
            self.output.detail("credential: KEYWARD_API_KEY");
            return Ok(Some(Identity::ApiKey(key.clone())));
        }
        let Some(session) = self.profiles.session(&self.profile)? else { return Ok(None) };
        // Tokens are for the server that gave them.
        if session.url != shown(server) {
            return Ok(None);
        }
        self.output.detail(&format!("credential: {} (profile {})", session.user_id, self.profile));
        let credentials = credentials::load(&self.profiles, &self.profile, session.credential_store)?;
        Ok(credentials.map(|credentials| Identity::SignedIn(session, credentials)))
    }

    /// A client that acts by whoever is signed in, or by `KEYWARD_API_KEY`.
    pub(crate) fn client(&self) -> Result<Client> {
        let server = self.server()?;
        let credential = match self.identity(&server)? {
            None => return Err(self.nobody_signed_in(&server)),
            Some(Identity::ApiKey(key)) => Credential { bearer: key, renewal: None },
            Some(Identity::SignedIn(session, credentials)) => {
                if session.is_override() && session.is_expired(self.clock.now_seconds()) {
                    return Err(Failure::not_signed_in("Override token has expired.")
                        .hint("`keyward auth set-override -u NAME --token-stdin` takes a new one"));
                }
                self.credential(&session, credentials)
            }
        };
        Ok(self.client_of(server)?.acting_by(credential))
    }

    /// A client that acts as nobody.
    pub(crate) fn anonymous(&self) -> Result<Client> {
        self.client_of(self.server()?)
    }

    /// A client of `server` that acts as nobody.
    pub(crate) fn client_of(&self, server: Url) -> Result<Client> {
        let output = Rc::clone(&self.output);
        let observer = Box::new(move |notice: Notice<'_>| tell(&output, &notice));
        let session = self.profiles.session(&self.profile)?;
        let session = session.filter(|session| session.url == shown(&server));
        let client = Client::new(
            server,
            self.settings.patience.clone(),
            self.clock.clone(),
            self.random.clone(),
            observer,
        )?;
        client.sign_in_at(session.and_then(|session| session.cognito_endpoint).as_deref())?;
        Ok(client)
    }

    fn credential(&self, session: &Session, credentials: Credentials) -> Credential {
        let renewal = match (&session.client_id, credentials.refresh_token.clone()) {
            (Some(client_id), Some(refresh_token)) => Some(Renewal {
                client_id: client_id.clone(),
                refresh_token,
                keep: self.keeper(session.clone(), credentials.clone()),
            }),
            _ => None,
        };
        Credential { bearer: credentials.access_token, renewal }
    }

    /// Keeps renewed tokens where the old ones are. A failure costs a sign-in later, never this command.
    fn keeper(&self, session: Session, credentials: Credentials) -> Box<dyn Fn(&Tokens)> {
        let (profiles, profile, clock) =
            (Rc::clone(&self.profiles), self.profile.clone(), self.clock.clone());
        let output = Rc::clone(&self.output);
        Box::new(move |tokens| {
            let kept = keep_renewed(&profiles, &profile, &clock, &session, &credentials, tokens);
            if let Err(failure) = kept {
                output.warning(&failure.message);
            }
        })
    }

    /// Keeps renewed tokens where the old ones are.
    pub(crate) fn keep_renewed(
        &self,
        session: &Session,
        credentials: &Credentials,
        tokens: &Tokens,
    ) -> Result<()> {
        keep_renewed(&self.profiles, &self.profile, &self.clock, session, credentials, tokens)
    }

    /// Keeps who signed in, and gives back where their tokens are.
    pub(crate) fn sign_in(&self, mut session: Session, credentials: &Credentials) -> Result<CredentialStore> {
        let place =
            credentials::save(&self.profiles, &self.profile, credentials, self.settings.credential_store)?;
        session.credential_store = place;
        self.profiles.save_session(&self.profile, &session)?;
        Ok(place)
    }

    /// Forgets who is signed in, tokens first.
    pub(crate) fn sign_out(&self, profile: &ProfileName) -> Result<()> {
        let place = self.profiles.session(profile)?.map(|session| session.credential_store);
        credentials::delete(&self.profiles, profile, place.unwrap_or(CredentialStore::File))?;
        self.profiles.forget_session(profile)
    }

    fn nobody_signed_in(&self, server: &Url) -> Failure {
        let elsewhere = self.profiles.session(&self.profile).ok().flatten().map(|session| session.url);
        let message = match elsewhere {
            Some(elsewhere) if elsewhere != shown(server) => {
                format!(
                    "Not signed in at {}; the profile '{}' is, at {elsewhere}.",
                    shown(server),
                    self.profile
                )
            }
            _ => format!("Not signed in at {}.", shown(server)),
        };
        let profile = self.profile_option();
        Failure::not_signed_in(message)
            .hint(format!("`keyward auth login -u NAME{profile}`, or give an API key in KEYWARD_API_KEY"))
    }

    /// What a command in a hint needs, to mean the same server.
    pub(crate) fn profile_option(&self) -> String {
        let is_meant_anyway =
            self.profile.is_default() && self.profiles.active().is_ok_and(|active| active.is_default());
        if is_meant_anyway { String::new() } else { format!(" --profile {}", self.profile) }
    }
}

fn keep_renewed(
    profiles: &ProfileStore,
    profile: &ProfileName,
    clock: &Clock,
    session: &Session,
    credentials: &Credentials,
    tokens: &Tokens,
) -> Result<()> {
    let renewed = Credentials {
        access_token: tokens.access_token.clone(),
        id_token: tokens.id_token.clone().or_else(|| credentials.id_token.clone()),
        refresh_token: tokens.refresh_token.clone().or_else(|| credentials.refresh_token.clone()),
    };
    credentials::save(profiles, profile, &renewed, Some(session.credential_store))?;
    let expires_at = Some(clock.now_seconds() + tokens.expires_in);
    profiles.save_session(profile, &Session { expires_at, ..session.clone() })
}

/// An address as people write it: without a slash at its end.
pub(crate) fn shown(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn tell(output: &Output, notice: &Notice<'_>) {
    match notice {
        Notice::Answered { method, url, status, millis, request_id } => {
            let request_id = request_id.map(|id| format!(", request {id}")).unwrap_or_default();
            output.detail(&format!("{method} {} -> {status} in {millis} ms{request_id}", shown(url)));
        }
        Notice::Waiting { seconds, attempt, of } if *seconds >= 1.0 => {
            output.note(&format!("Rate limited. Retrying in {seconds:.1}s (attempt {attempt}/{of})..."));
        }
        Notice::Waiting { seconds, .. } => output.detail(&format!("rate limited, waiting {seconds:.1} s")),
        Notice::Repeating { method, url } => {
            output.detail(&format!("{method} {}: the connection broke, trying again", shown(url)));
        }
        Notice::Renewing => output.detail("the access token was refused, renewing it"),
    }
}
