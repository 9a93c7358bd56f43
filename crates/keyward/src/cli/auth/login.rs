//! `keyward auth login`.

use clap::Args;
use keyward_core::secret::Secret;
use serde::Serialize;

use crate::cli::auth::mfa;
use crate::cli::context::{Context, shown};
use crate::cli::credentials::Credentials;
use crate::cli::failure::{Failure, Result};
use crate::cli::password::PasswordSource;
use crate::cli::profile_store::Session;
use crate::cli::settings::CredentialStore;
use crate::cli::{prompt, setup};
use crate::client::{Caller, Challenge, Client, Credential, Error, SignIn, Tokens};

/// How often a code or a new password may be typed wrongly before the sign-in is given up.
const TRIES: u32 = 3;

/// Sign in
///
/// Asks for the password, and for whatever else the server wants to know: a new password, a code of an
/// authenticator app or one that was sent, and to connect such an app where everybody needs one. What is kept
/// afterwards are tokens, never the password.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward auth login -u ada@example.com
  keyward auth login -u ada@example.com --password-stdin < password.txt
  keyward auth login --user-id ada@example.com --token-stdin < token.txt")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option that can be typed")]
pub(crate) struct Login {
    /// Who signs in
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// The password; other users of this machine can see it in the list of processes
    #[arg(short, long, conflicts_with = "password_source")]
    password: Option<Secret>,
    #[command(flatten)]
    source: PasswordSource,
    /// Read the new password, if one is asked for, from stdin: the next line
    #[arg(long)]
    new_password_stdin: bool,
    /// The code of the authenticator app
    #[arg(long, value_name = "CODE")]
    mfa_code: Option<Secret>,
    /// Accepted for old scripts: a refresh token is kept, never a password
    #[arg(long, conflicts_with_all = ["token_override", "token_stdin"])]
    save_credentials: bool,
    /// Whose token --token-override is
    #[arg(long, value_name = "NAME")]
    user_id: Option<String>,
    /// Act by this token instead of signing in
    #[arg(long, value_name = "TOKEN", requires = "user_id", conflicts_with = "token_stdin")]
    token_override: Option<Secret>,
    /// Act by the token that stdin gives instead of signing in
    #[arg(long, requires = "user_id", conflicts_with = "password_source")]
    token_stdin: bool,
    /// When that token ends: seconds since 1970, ISO 8601, or +SECONDS
    #[arg(long, value_name = "WHEN")]
    expires_at: Option<String>,
    /// Don't ask the server for its version
    #[arg(long)]
    skip_version_check: bool,
}

#[derive(Serialize)]
struct SignedIn {
    success: bool,
    authentication_type: &'static str,
    user_id: String,
    expires_in_seconds: i64,
    message: &'static str,
    refresh_note: &'static str,
    credentials_saved: bool,
    credential_store: CredentialStore,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
}

pub(super) async fn run(context: &Context, login: Login) -> Result<()> {
    let override_token = match (&login.token_override, login.token_stdin) {
        (Some(token), _) => Some(token.clone()),
        (None, true) => Some(prompt::secret_from_stdin("Token")?),
        (None, false) => None,
    };
    if let (Some(token), Some(user_id)) = (override_token, &login.user_id) {
        let expires_at = login.expires_at.as_deref();
        let message = "Token override authentication successful";
        return super::keep_override(context, user_id, token, expires_at, message).await;
    }

    let output = &context.output;
    let client = context.anonymous()?;
    let username = username(context, login.username.as_deref())?;
    // What is missing is told at once; a person types nothing before there is a server to take it.
    let given = if prompt::can_ask() { None } else { Some(password(context, &login)?) };
    let asked = client_id(context, &client, login.skip_version_check);
    let client_id = output.waiting("Asking the server", asked).await?;
    let password = given.map_or_else(|| password(context, &login), Ok)?;
    let conversation = Conversation {
        context,
        client: &client,
        client_id: &client_id,
        mfa_code: login.mfa_code.as_ref(),
        new_password_stdin: login.new_password_stdin,
    };
    let tokens = conversation.hold(&username, &password).await?;

    let session = Session {
        url: shown(client.base()),
        token_type: "Bearer".to_owned(),
        user_id: username.clone(),
        expires_at: Some(context.clock.now_seconds() + tokens.expires_in),
        client_id: Some(client_id),
        cognito_endpoint: client.cognito_endpoint(),
        credential_store: CredentialStore::File,
    };
    let credentials = Credentials {
        access_token: tokens.access_token.clone(),
        refresh_token: tokens.refresh_token,
        id_token: tokens.id_token,
    };
    let credentials_saved = credentials.refresh_token.is_some();
    let credential_store = context.sign_in(session, &credentials)?;

    // Signed in already: that the server can't tell now what it means is no reason to fail.
    let client = client.acting_by(Credential { bearer: tokens.access_token, renewal: None });
    let caller = output.waiting("Asking the server", client.me()).await.ok();
    if output.json {
        return output.json(&SignedIn {
            success: true,
            authentication_type: "cognito",
            user_id: username,
            expires_in_seconds: tokens.expires_in,
            message: "Cognito authentication successful",
            refresh_note: "A refresh token is kept, never the password",
            credentials_saved,
            credential_store,
            roles: caller.map(|caller| caller.roles),
        });
    }
    tell(context, &username, credential_store, caller.as_ref());
    if login.save_credentials {
        output.note(
            "--save-credentials: the password was not kept; a refresh token renews the sign-in instead.",
        );
    }
    Ok(())
}

/// Signs in and keeps nothing of it; what is asked for on the way is answered as by `keyward auth login`.
pub(crate) async fn sign_in(
    context: &Context,
    client: &Client,
    username: &str,
    password: &Secret,
    mfa_code: Option<&Secret>,
) -> Result<Tokens> {
    let config = context.output.waiting("Asking the server", client.amplify_config()).await?;
    let client_id = config.client_id().ok_or_else(without_passwords)?;
    let conversation = Conversation { context, client, client_id, mfa_code, new_password_stdin: false };
    conversation.hold(username, password).await
}

fn without_passwords() -> Failure {
    Failure::new("unsupported", "This server signs nobody in with a password.")
        .hint("`keyward auth set-override -u NAME --token-stdin` acts by a token from elsewhere")
}

fn tell(context: &Context, username: &str, place: CredentialStore, caller: Option<&Caller>) {
    let output = &context.output;
    output.success(&format!("Signed in as {username}."));
    super::say_where(context, place);
    match caller {
        Some(caller) if caller.roles.is_empty() => {
            output.note("You hold no role yet, so you may do nothing. Somebody who may give roles types:");
            output.note(&format!("`keyward role user create -u {username} --role-name ROLE`"));
        }
        Some(caller) => output.note(&format!("Roles: {}", caller.roles.join(", "))),
        None => (),
    }
    if context.settings.api_key.is_some() {
        output.warning("KEYWARD_API_KEY is set: commands act by that key as long as it is.");
    }
}

fn username(context: &Context, given: Option<&str>) -> Result<String> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    if context.output.json || !prompt::can_ask() {
        return Err(Failure::new("input-needed", "--username is required for Cognito authentication"));
    }
    let name = prompt::line("Username: ")?;
    if name.trim().is_empty() { Err(Failure::aborted()) } else { Ok(name.trim().to_owned()) }
}

fn password(context: &Context, login: &Login) -> Result<Secret> {
    let given = match &login.password {
        Some(password) => Some(password.clone()),
        None => login.source.read()?,
    };
    match given {
        Some(password) => Ok(password),
        None if context.output.json => {
            Err(Failure::new("input-needed", "--password is required when using --json-output")
                .hint("or `--password-stdin`, which keeps it out of the list of processes"))
        }
        None => prompt::secret("Password", "`--password-stdin` reads it from stdin"),
    }
}

/// The app client to sign in with, asked anew each time: a server that was set up anew has another.
async fn client_id(context: &Context, client: &Client, skip_version_check: bool) -> Result<String> {
    if !skip_version_check {
        setup::check_version(client).await?;
    }
    let config = client.amplify_config().await?;
    if let Some(mut setup) = context.profiles.setup(&context.profile)?
        && setup.api_gateway_url == shown(client.base())
    {
        setup.amplify_config = config.clone();
        context.profiles.save_setup(&context.profile, &setup)?;
    }
    config.client_id().map(ToOwned::to_owned).ok_or_else(without_passwords)
}

/// One sign-in, from the password to the tokens.
struct Conversation<'a> {
    context: &'a Context,
    client: &'a Client,
    client_id: &'a str,
    mfa_code: Option<&'a Secret>,
    new_password_stdin: bool,
}

impl Conversation<'_> {
    /// Answers challenge after challenge. A session that saw a wrong answer is over, so that the whole begins
    /// again, with the same password.
    async fn hold(&self, username: &str, password: &Secret) -> Result<Tokens> {
        let output = &self.context.output;
        let mut tries = 1;
        'anew: loop {
            let begun = self.client.sign_in(self.client_id, username, password);
            let mut state = output.waiting("Signing in", begun).await?;
            loop {
                let mut challenge = match state {
                    SignIn::Done(tokens) => return Ok(tokens),
                    SignIn::Asked(challenge) => challenge,
                };
                let answer = if challenge.name == "MFA_SETUP" {
                    challenge.session = self.set_up_factor(username, &challenge).await?;
                    None
                } else {
                    Some(self.answer_to(&challenge)?)
                };
                let answer = answer.as_ref().map(|(name, value)| (*name, value));
                let sent = self.client.answer(self.client_id, &challenge, answer);
                match output.waiting("Signing in", sent).await {
                    Ok(next) => state = next,
                    Err(Error::SignIn { kind, message })
                        if tries < TRIES && self.may_ask_again(&kind, &challenge) =>
                    {
                        tries += 1;
                        output.warning(&message);
                        continue 'anew;
                    }
                    Err(Error::SignIn { message, .. }) => {
                        let message = format!("Challenge response failed: {message}");
                        return Err(
                            Failure::new("sign-in-failed", message).member("challenge", challenge.name)
                        );
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }

    fn may_ask_again(&self, kind: &str, challenge: &Challenge) -> bool {
        let can_ask = prompt::can_ask() && !self.context.output.json;
        let was_typed = match challenge.name.as_str() {
            "SOFTWARE_TOKEN_MFA" => self.mfa_code.is_none(),
            _ => !self.new_password_stdin,
        };
        can_ask && was_typed && matches!(kind, "CodeMismatchException" | "InvalidPasswordException")
    }

    fn answer_to(&self, challenge: &Challenge) -> Result<(&'static str, Secret)> {
        let json = self.context.output.json;
        match challenge.name.as_str() {
            "NEW_PASSWORD_REQUIRED" => {
                let otherwise = "`--new-password-stdin` reads it from stdin";
                let password = if self.new_password_stdin {
                    prompt::secret_from_stdin("New password")?
                } else if json {
                    let failure = Failure::new("new-password-required", "A new password is required.");
                    return Err(failure.hint(otherwise));
                } else {
                    self.context.output.note("This password was for once: choose your own.");
                    prompt::new_secret("New password", otherwise)?
                };
                Ok(("NEW_PASSWORD", password))
            }
            "SOFTWARE_TOKEN_MFA" => {
                let otherwise = "`--mfa-code CODE` gives it";
                let code = match self.mfa_code {
                    Some(code) => code.clone(),
                    None if json => {
                        let failure =
                            Failure::new("mfa-required", "A code of the authenticator app is required.");
                        return Err(failure.hint(otherwise));
                    }
                    None => prompt::secret("Code of the authenticator app", otherwise)?,
                };
                Ok(("SOFTWARE_TOKEN_MFA_CODE", code))
            }
            "SMS_MFA" => Ok(("SMS_MFA_CODE", self.sent_code(challenge)?)),
            "EMAIL_OTP" => Ok(("EMAIL_OTP_CODE", self.sent_code(challenge)?)),
            "SELECT_MFA_TYPE" => Ok(("ANSWER", self.factor(challenge)?)),
            other => Err(Failure::new("unsupported", format!("Unsupported challenge: {other}"))),
        }
    }

    /// A code that was sent for this very sign-in, so that none can be given beforehand.
    fn sent_code(&self, challenge: &Challenge) -> Result<Secret> {
        let to = challenge.destination.as_deref().unwrap_or("you");
        self.require_person("mfa-required", format!("A code that was sent to {to} is required."))?;
        prompt::secret(&format!("Code that was sent to {to}"), "")
    }

    /// The one that is typed; without a terminal the first one, which is the authenticator app if it can be.
    fn factor(&self, challenge: &Challenge) -> Result<Secret> {
        let factors = challenge.factors.join(", ");
        let first = challenge.factors.first().map_or("SOFTWARE_TOKEN_MFA", String::as_str);
        let is_asked = self.mfa_code.is_none() && prompt::can_ask() && !self.context.output.json;
        if !is_asked {
            return Ok(Secret::from(first));
        }
        let typed = prompt::line(&format!("Second factor ({factors}) [{first}]: "))?;
        Ok(Secret::from(if typed.trim().is_empty() { first } else { typed.trim() }))
    }

    /// Connects an authenticator app, without which this server lets nobody in; the session to go on with.
    async fn set_up_factor(&self, username: &str, challenge: &Challenge) -> Result<Secret> {
        let output = &self.context.output;
        self.require_person("mfa-setup-required", "A second factor has to be set up first.".to_owned())?;
        let begun = self.client.associate_in_sign_in(&challenge.session);
        let (secret, session) = output.waiting("Signing in", begun).await?;
        output.note("This server asks everybody for a second factor.");
        mfa::show(output, &secret, &mfa::otpauth_url(username, &secret))?;
        let mut tries = 1;
        loop {
            let code = prompt::secret("Code that the app shows", "")?;
            let shown = self.client.verify_in_sign_in(&session, &code);
            match output.waiting("Signing in", shown).await {
                Err(Error::SignIn { kind, message })
                    if tries < TRIES && kind == "EnableSoftwareTokenMFAException" =>
                {
                    tries += 1;
                    output.warning(&message);
                }
                outcome => return Ok(outcome?),
            }
        }
    }

    fn require_person(&self, code: &'static str, message: String) -> Result<()> {
        if prompt::can_ask() && !self.context.output.json {
            return Ok(());
        }
        Err(Failure::new(code, message)
            .hint("`keyward auth login` at a terminal, without --json-output, asks for it"))
    }
}
