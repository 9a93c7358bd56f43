//! Every setting of the server, once, with where its value came from; and the only reader of the environment.
//!
//! A flag wins over an environment variable, that over `keyward.toml`, that over RawScribe's own file, that
//! over the default. An empty environment variable counts as unset. A setting that nobody knows stops the
//! start, wherever it stands: a typo in a setting that guards something must not go unnoticed.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fmt::Display;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use axum::http::Uri;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};
use ipnet::IpNet;
use keyward_core::external_issuer::ExternalIssuerSettings;
pub use keyward_core::keyward::Environment;
use keyward_core::master_key::MasterKey;
use keyward_core::secret::Secret;
use keyward_core::test_user::TestUser;
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use tracing::level_filters::LevelFilter;

use crate::client::is_loopback;
use crate::complaint::Complaint;
pub use crate::config::provider::{CognitoPool, Provider, ToldSource};
pub use crate::config::rawscribe::{RawScribe, RawScribeFile};

mod provider;
mod rawscribe;

/// What stands in place of a secret.
const MASK: &str = "********";

/// The file that is read when no other is named, in the working folder.
const DEFAULT_FILE: &str = "keyward.toml";

/// The variable that names another file, as `--config` does.
const FILE_VARIABLE: &str = "KEYWARD_CONFIG";

/// The setting that names RawScribe's file, which other settings may stand in.
const RAWSCRIBE_CONFIG: &str = "rawscribe_config";

/// The variable that adds `GET /hello`, the bare route that `make bench` holds the others against. In no help
/// and no listing, since nobody else has a use for it.
const BENCH_HELLO_VARIABLE: &str = "KEYWARD_BENCH_HELLO";

/// Variables that the command line reads through [`environment`]; the server knows them so as not to take them
/// for typos.
pub const CLIENT_VARIABLES: &[&str] =
    &["KEYWARD_URL", "KEYWARD_API_KEY", "KEYWARD_PROFILE", "KEYWARD_TIMEOUT", "KEYWARD_CREDENTIAL_STORE"];

/// One setting: the only place that names it, beside the field of [`Config`] that holds its value.
struct Setting {
    /// Its name in `keyward.toml`; the flag is the same with `-` for `_`.
    name: &'static str,
    /// Its environment variable.
    variable: &'static str,
    /// The variable by which others than Keyward know it; Keyward's own wins.
    known_as: Option<&'static str>,
    /// What stands for its value in the help.
    value_name: &'static str,
    /// The text that counts when nobody gives one; `""` where the default is worked out, or nothing.
    default: &'static str,
    help: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    /// `true` or `false`; as a flag, the name alone means `true`.
    Switch,
    /// Only from the environment, since a command line is seen by every process and a file by many readers.
    Secret,
    /// A URL; with a password in it only from the environment.
    Url,
}

impl Setting {
    const fn plain(
        name: &'static str,
        variable: &'static str,
        value_name: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        Self { name, variable, known_as: None, value_name, default, help, kind: Kind::Plain }
    }

    const fn switch(
        name: &'static str,
        variable: &'static str,
        default: &'static str,
        help: &'static str,
    ) -> Self {
        let value_name = "true|false";
        Self { name, variable, known_as: None, value_name, default, help, kind: Kind::Switch }
    }

    const fn url(
        name: &'static str,
        variable: &'static str,
        value_name: &'static str,
        help: &'static str,
    ) -> Self {
        Self { name, variable, known_as: None, value_name, default: "", help, kind: Kind::Url }
    }

    const fn secret(name: &'static str, variable: &'static str, help: &'static str) -> Self {
        Self { name, variable, known_as: None, value_name: "", default: "", help, kind: Kind::Secret }
    }

    const fn known_as(self, variable: &'static str) -> Self {
        Self { known_as: Some(variable), ..self }
    }

    /// The variables that it is read from, those that win first.
    fn variables(&self) -> impl Iterator<Item = &'static str> {
        [self.variable].into_iter().chain(self.known_as)
    }

    fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

const SETTINGS: &[Setting] = &[
    Setting::plain(
        "listen",
        "KEYWARD_LISTEN",
        "ADDRESS",
        "127.0.0.1:8480",
        "Address and port to listen on; a port alone means this machine only",
    ),
    Setting::plain(
        "database",
        "KEYWARD_DATABASE",
        "URL",
        "",
        "Where everything is stored: sqlite:FILE, by default keyward.db in the data folder",
    ),
    Setting::plain(
        "data_dir",
        "KEYWARD_DATA_DIR",
        "FOLDER",
        "./data",
        "Folder of the database, the master key and the lock; one server at a time",
    ),
    Setting::plain(
        "public_url",
        "KEYWARD_PUBLIC_URL",
        "URL",
        "",
        "Where clients reach this server, by default http(s)://localhost:PORT",
    ),
    Setting::plain(
        "trusted_proxies",
        "KEYWARD_TRUSTED_PROXIES",
        "CIDR,...",
        "",
        "Networks of the proxies whose X-Forwarded-For is believed",
    ),
    Setting::switch(
        "behind_proxy",
        "KEYWARD_BEHIND_PROXY",
        "false",
        "Allow plain HTTP beyond this machine, because a proxy in front does the TLS",
    ),
    Setting::plain(
        "tls_cert",
        "KEYWARD_TLS_CERT",
        "FILE",
        "",
        "Certificate chain (PEM) to serve HTTPS with; read again when it changes",
    ),
    Setting::plain("tls_key", "KEYWARD_TLS_KEY", "FILE", "", "Private key (PEM) of the certificate"),
    Setting::plain(
        "environment",
        "KEYWARD_ENV",
        "NAME",
        "dev",
        "What this deployment is for: dev, test, stage or prod",
    ),
    Setting::switch(
        "dev",
        "KEYWARD_DEV",
        "false",
        "Ask for no signature where AWS asks for one: on your own machine alone, not for stage or prod",
    ),
    Setting::switch(
        "test_users",
        "KEYWARD_TEST_USERS",
        "",
        "Test users may be made; by default they may but in prod, and there never",
    ),
    Setting::plain(
        "test_users_file",
        "KEYWARD_TEST_USERS_FILE",
        "FILE",
        "",
        "File (TOML) with more test users than the three of RawScribe, or other passwords for these",
    ),
    Setting::plain(
        "region",
        "KEYWARD_REGION",
        "NAME",
        "us-east-1",
        "Region that pool ids begin with, as in Amazon Cognito",
    ),
    Setting::plain(
        "provider",
        "KEYWARD_PROVIDER",
        "NAME",
        "local",
        "Where the users live: local (here), cognito (in Amazon Cognito) or jwt (in RawScribe's file of settings)",
    ),
    Setting::plain(
        "cognito_user_pool_id",
        "KEYWARD_COGNITO_USER_POOL_ID",
        "ID",
        "",
        "The pool in Amazon Cognito, such as us-east-1_k3Y9wRd0A",
    )
    .known_as("COGNITO_USER_POOL_ID"),
    Setting::plain(
        "cognito_client_id",
        "KEYWARD_COGNITO_CLIENT_ID",
        "ID",
        "",
        "The app client of that pool that its users sign in through",
    )
    .known_as("COGNITO_CLIENT_ID"),
    Setting::plain(
        "cognito_region",
        "KEYWARD_COGNITO_REGION",
        "NAME",
        "",
        "The region of that pool, by default what its id begins with",
    )
    .known_as("COGNITO_REGION"),
    Setting::plain(
        "cognito_endpoint",
        "KEYWARD_COGNITO_ENDPOINT",
        "URL",
        "",
        "Where the Cognito protocol is spoken for that pool, by default by Amazon",
    ),
    Setting::plain(
        "cognito_groups",
        "KEYWARD_COGNITO_GROUPS",
        "NAME,...",
        "ADMINS,LAB_MANAGERS,RESEARCHERS,CLINICIANS",
        "The groups of that pool that are the roles of their names",
    ),
    Setting::plain(
        "directory_bound",
        "KEYWARD_DIRECTORY_BOUND",
        "TIME",
        "60s",
        "How old what is known of users kept elsewhere may be, such as 60s or 500ms, 10m at most",
    ),
    Setting::plain(
        RAWSCRIBE_CONFIG,
        "KEYWARD_RAWSCRIBE_CONFIG",
        "FILE",
        "",
        "RawScribe's file of settings, by default rawscribe/.config/config.json or what CONFIG_PATH names",
    ),
    Setting::plain(
        "oidc_issuer",
        "KEYWARD_OIDC_ISSUER",
        "URL",
        "",
        "Another issuer whose tokens are accepted: their iss, below which its discovery is",
    ),
    Setting::plain(
        "oidc_audience",
        "KEYWARD_OIDC_AUDIENCE",
        "TEXT",
        "",
        "What the aud of its tokens must have in it",
    ),
    Setting::plain(
        "oidc_groups_claim",
        "KEYWARD_OIDC_GROUPS_CLAIM",
        "NAME",
        "groups",
        "The claim of its tokens that has the groups",
    ),
    Setting::plain(
        "oidc_roles",
        "KEYWARD_OIDC_ROLES",
        "GROUP=ROLE,...",
        "",
        "Which of its groups have which role here; others give nothing",
    ),
    Setting::plain(
        "api_key_prefix",
        "KEYWARD_API_KEY_PREFIX",
        "TEXT",
        "vams",
        "What new API keys begin with: 2 to 16 of a-z and 0-9",
    ),
    Setting::plain(
        "issuer",
        "KEYWARD_ISSUER",
        "URL",
        "",
        "The iss of tokens, {pool} stands for the pool's id; by default PUBLIC_URL/{pool}",
    ),
    Setting::plain(
        "admin_email",
        "KEYWARD_ADMIN_EMAIL",
        "EMAIL",
        "",
        "Email address of the first admin, when the database is new",
    ),
    Setting::secret(
        "admin_password",
        "KEYWARD_ADMIN_PASSWORD",
        "Password of the first admin, when the database is new",
    ),
    Setting::secret(
        "master_key",
        "KEYWARD_MASTER_KEY",
        "64 hexadecimal digits under which secrets are sealed at rest",
    ),
    Setting::plain(
        "master_key_file",
        "KEYWARD_MASTER_KEY_FILE",
        "FILE",
        "",
        "File with the master key, by default made in the data folder",
    ),
    Setting::plain(
        "revocation_bound_ms",
        "KEYWARD_REVOCATION_BOUND_MS",
        "MS",
        "1000",
        "How old an answer about rights may be on another node, 0 to 60000 milliseconds",
    ),
    Setting::plain(
        "hashing_memory_kib",
        "KEYWARD_HASHING_MEMORY_KIB",
        "KIB",
        "19456",
        "Memory for hashing one password (Argon2id), KiB",
    ),
    Setting::plain(
        "hashing_iterations",
        "KEYWARD_HASHING_ITERATIONS",
        "COUNT",
        "2",
        "Passes for hashing one password, 1 to 100",
    ),
    Setting::plain(
        "hashing_parallelism",
        "KEYWARD_HASHING_PARALLELISM",
        "COUNT",
        "1",
        "Lanes for hashing one password, 1 to 64",
    ),
    Setting::plain(
        "password_minimum_length",
        "KEYWARD_PASSWORD_MINIMUM_LENGTH",
        "COUNT",
        "8",
        "Characters that a password has at least, 6 to 99",
    ),
    Setting::switch(
        "password_require_uppercase",
        "KEYWARD_PASSWORD_REQUIRE_UPPERCASE",
        "true",
        "Passwords need an upper-case letter",
    ),
    Setting::switch(
        "password_require_lowercase",
        "KEYWARD_PASSWORD_REQUIRE_LOWERCASE",
        "true",
        "Passwords need a lower-case letter",
    ),
    Setting::switch(
        "password_require_digit",
        "KEYWARD_PASSWORD_REQUIRE_DIGIT",
        "true",
        "Passwords need a digit",
    ),
    Setting::switch(
        "password_require_symbol",
        "KEYWARD_PASSWORD_REQUIRE_SYMBOL",
        "true",
        "Passwords need a symbol",
    ),
    Setting::switch(
        "password_refuse_common",
        "KEYWARD_PASSWORD_REFUSE_COMMON",
        "",
        "The 10,000 commonest passwords are refused; as the pool has it when not said, which is no at first",
    ),
    Setting::plain(
        "temporary_password_days",
        "KEYWARD_TEMPORARY_PASSWORD_DAYS",
        "DAYS",
        "7",
        "Days that a temporary password is good for, 1 to 365",
    ),
    Setting::plain(
        "failed_sign_ins_per_minute",
        "KEYWARD_FAILED_SIGN_INS_PER_MINUTE",
        "COUNT",
        "20",
        "Sign-ins from one client address that may fail in a minute, 0 for any number",
    ),
    Setting::url(
        "smtp_url",
        "KEYWARD_SMTP_URL",
        "URL",
        "Mail server: smtp://USER@HOST:PORT with STARTTLS, smtps://... with TLS from the start",
    ),
    Setting::plain(
        "smtp_password_file",
        "KEYWARD_SMTP_PASSWORD_FILE",
        "FILE",
        "",
        "File with the password of the mail server's user, unless KEYWARD_SMTP_URL has it",
    ),
    Setting::plain(
        "mail_from",
        "KEYWARD_MAIL_FROM",
        "ADDRESS",
        "",
        "Who emails come from, such as Keyward <no-reply@example.com>",
    ),
    Setting::plain(
        "sms_command",
        "KEYWARD_SMS_COMMAND",
        "COMMAND",
        "",
        "Program that sends an SMS, with arguments between spaces; the message is JSON on its stdin",
    ),
    Setting::url("sms_webhook", "KEYWARD_SMS_WEBHOOK", "URL", "Where to POST the JSON of an SMS, instead"),
    Setting::plain(
        "log_format",
        "KEYWARD_LOG_FORMAT",
        "FORMAT",
        "text",
        "Form of the log lines: text or json",
    ),
    Setting::plain(
        "log_level",
        "KEYWARD_LOG_LEVEL",
        "LEVEL",
        "info",
        "Least weight of log lines: error, warn, info, debug (with one line for each request) or trace",
    ),
];

/// The settings of the server, checked.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Config {
    /// Where to listen. Port 0 asks for any free one; whoever binds then writes the real one here, since
    /// [`Config::public_url`] is worked out from it.
    pub listen: SocketAddr,
    /// Where everything is stored.
    pub database: Database,
    /// The folder that one server holds.
    pub data_dir: PathBuf,
    /// Networks whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether a proxy in front does the TLS.
    pub behind_proxy: bool,
    /// The files to serve HTTPS with.
    pub tls: Option<TlsFiles>,
    /// What this deployment is for.
    pub environment: Environment,
    /// Whether requests that AWS signs are let in unsigned.
    pub dev: bool,
    /// Whether test users may be made.
    pub makes_test_users: bool,
    /// Who is to be there then.
    pub test_users: Vec<TestUser>,
    /// The region that pool ids begin with.
    pub region: String,
    /// Where the users live.
    pub provider: Provider,
    /// How old what is known of users kept elsewhere may be, milliseconds.
    pub directory_bound_ms: u64,
    /// Whose tokens are accepted beside those of the home pool.
    pub external_issuer: Option<ExternalIssuerSettings>,
    /// What RawScribe's file of settings says beside settings of ours.
    pub rawscribe: RawScribeFile,
    /// What new API keys begin with, without the `_`.
    pub api_key_prefix: String,
    /// The first admin's email address.
    pub admin_email: Option<String>,
    /// The first admin's password; counts as permanent. Only ever with `admin_email`.
    pub admin_password: Option<Secret>,
    /// Where the master key comes from.
    pub master_key: MasterKeySource,
    /// How old an answer about rights may be, milliseconds.
    pub revocation_bound_ms: u64,
    /// What hashing a password costs.
    pub password_hashing: PasswordHashing,
    /// What a password must be like.
    pub password_policy: PasswordPolicy,
    /// How many sign-ins from one address may fail in a minute; 0 for any number.
    pub failed_sign_ins_per_minute: u32,
    /// How emails are sent.
    pub mail: Option<Mail>,
    /// How SMS are sent.
    pub sms: Option<SmsGateway>,
    /// The form of the log lines.
    pub log_format: LogFormat,
    /// The least weight of log lines.
    pub log_level: LevelFilter,
    /// Whether there is `GET /hello`.
    pub bench_hello: bool,
    public_url: Option<String>,
    issuer: Option<String>,
    rows: Vec<Row>,
}

/// Where everything is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of this machine.
    Sqlite(PathBuf),
}

/// The files to serve HTTPS with, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to a root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Where the master key comes from.
#[derive(Debug, Clone)]
pub enum MasterKeySource {
    /// It was given in the environment.
    Given(MasterKey),
    /// It stands in this file, which must be there.
    File(PathBuf),
    /// It stands in the data folder, where the first start puts it.
    DataFolder,
}

/// What hashing a password (Argon2id) costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordHashing {
    /// KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// What a password must be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent demands, as Amazon Cognito names them")]
pub struct PasswordPolicy {
    /// Characters, at least.
    pub minimum_length: u32,
    /// At least one upper-case letter.
    pub require_uppercase: bool,
    /// At least one lower-case letter.
    pub require_lowercase: bool,
    /// At least one digit.
    pub require_digit: bool,
    /// At least one symbol.
    pub require_symbol: bool,
    /// None of the 10,000 commonest; as the pool has it when not said.
    pub refuse_common: Option<bool>,
    /// Days until a temporary password is refused.
    pub temporary_password_days: u32,
}

impl PasswordPolicy {
    /// What it asks of a password, as in "A password has at least 8 characters, a digit and a symbol among them."
    pub fn sentence(&self) -> String {
        let kinds = [
            (self.require_uppercase, "an upper-case letter"),
            (self.require_lowercase, "a lower-case letter"),
            (self.require_digit, "a digit"),
            (self.require_symbol, "a symbol"),
        ];
        let kinds: Vec<_> = kinds.into_iter().filter_map(|(asked, kind)| asked.then_some(kind)).collect();
        let kinds = match kinds.split_last() {
            None => String::new(),
            Some((last, [])) => format!(", {last} among them"),
            Some((last, rest)) => format!(", {} and {last} among them", rest.join(", ")),
        };
        let rare =
            if self.refuse_common == Some(true) { ", and is none of the most common ones" } else { "" };
        format!("A password has at least {} characters{kinds}{rare}.", self.minimum_length)
    }
}

/// How emails are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Through which server.
    pub server: SmtpServer,
    /// The password of the server's user, where it isn't in the URL.
    pub password_file: Option<PathBuf>,
    /// Who they come from.
    pub from: Mailbox,
}

/// A mail server that takes messages for others (RFC 6409).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What keeps others from reading along.
    pub security: SmtpSecurity,
    /// Whom to sign in as.
    pub username: Option<String>,
    /// With which password.
    pub password: Option<Secret>,
}

/// What keeps others from reading along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte on.
    Tls,
    /// TLS before anything is said that matters, or nothing is said.
    StartTls,
    /// Nothing.
    None,
}

/// How SMS are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SmsGateway {
    /// By a program, called with these arguments.
    Command(Vec<String>),
    /// By a service at this URL, which may well have a token in it.
    Webhook(Secret),
}

/// The form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object for machines.
    Json,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A flag of the command line, with its dashes.
    Flag(String),
    /// An environment variable.
    Environment(&'static str),
    /// The file of settings.
    File(PathBuf),
    /// Nobody gave one.
    Default,
}

/// A setting as `keyward config show` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub setting: &'static str,
    /// Its value, masked if it is a secret; `None` when it has none.
    pub value: Option<String>,
    /// Where the value came from.
    pub source: Source,
}

/// An environment variable of this name; empty counts as unset.
///
/// A name of the form `KEYWARD_...` must stand in [`CLIENT_VARIABLES`], or the server would take it for a typo.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    debug_assert!(!name.starts_with("KEYWARD_") || CLIENT_VARIABLES.contains(&name), "{name} is not listed");
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The variables that may hold a secret or lead to one: nothing for a program that the server calls.
pub fn own_variables() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().map(|setting| setting.variable).chain(CLIENT_VARIABLES.iter().copied())
}

/// Variables of other names than ours that count here.
fn foreign_variables() -> impl Iterator<Item = &'static str> {
    SETTINGS.iter().filter_map(|setting| setting.known_as).chain(rawscribe::VARIABLES)
}

/// Of an environment, every `KEYWARD_...` variable that is not empty, and those that others know.
fn keyward_variables(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<BTreeMap<String, String>, Complaint> {
    let mut variables = BTreeMap::new();
    for (name, value) in environment {
        let is_ours =
            |name: &&str| name.starts_with("KEYWARD_") || foreign_variables().any(|known| known == *name);
        let Some(name) = name.to_str().filter(is_ours) else { continue };
        let value = value.into_string().map_err(|_| {
            Complaint::usage(format!("The environment variable {name} isn't text."))
                .hint("Set it again, in UTF-8.")
        })?;
        if !value.is_empty() {
            variables.insert(name.to_owned(), value);
        }
    }
    Ok(variables)
}

/// The flags of a command that needs the settings: `serve`, `config show`, and what works at the machine.
#[derive(Debug, Default)]
pub struct ServeArguments {
    file: Option<PathBuf>,
    given: BTreeMap<&'static str, String>,
}

impl Args for ServeArguments {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help(format!(
                "File with settings [env: {FILE_VARIABLE}] [default: {DEFAULT_FILE}, if it is there]"
            ));
        let settings = SETTINGS.iter().filter(|setting| setting.kind != Kind::Secret).map(|setting| {
            let default = match setting.default {
                "" => String::new(),
                default => format!(" [default: {default}]"),
            };
            let variables = setting.variables().collect::<Vec<_>>().join(" or ");
            let argument = Arg::new(setting.name)
                .long(setting.name.replace('_', "-"))
                .value_name(setting.value_name)
                .help(format!("{} [env: {variables}]{default}", setting.help));
            if setting.kind == Kind::Switch {
                argument.num_args(0..=1).require_equals(true).default_missing_value("true")
            } else {
                argument
            }
        });
        let secrets = SETTINGS.iter().filter(|setting| setting.kind == Kind::Secret);
        let secrets = secrets.map(|setting| format!("  {}  {}", setting.variable, setting.help));
        let epilogue = format!(
            "Only in the environment:\n{}\n\nExample:\n  keyward serve --listen 127.0.0.1:8480",
            secrets.collect::<Vec<_>>().join("\n")
        );
        command.arg(file).args(settings).after_help(epilogue)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ServeArguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut arguments = Self::default();
        arguments.update_from_arg_matches(matches)?;
        Ok(arguments)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.file = matches.get_one::<PathBuf>("config").cloned();
        self.given = SETTINGS
            .iter()
            .filter(|setting| setting.kind != Kind::Secret)
            .filter_map(|setting| Some((setting.name, matches.get_one::<String>(setting.name)?.clone())))
            .collect();
        Ok(())
    }
}

impl Config {
    /// The settings that these flags, the environment and the file make together.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn load(arguments: &ServeArguments) -> Result<Self, Complaint> {
        Self::resolve(arguments, &keyward_variables(std::env::vars_os())?, Path::new(""))
    }

    /// The settings that these flags alone make, whatever stands around the process: for a program that holds
    /// the server within it, as tests do.
    pub fn from_flags(flags: &[&str]) -> Result<Self, Complaint> {
        let command = ServeArguments::augment_args(Command::new("serve").no_binary_name(true));
        let matches = command.try_get_matches_from(flags);
        let arguments = matches.and_then(|matches| ServeArguments::from_arg_matches(&matches));
        let arguments = arguments.map_err(|error| Complaint::usage(error.to_string()))?;
        Self::layered(&arguments, &BTreeMap::new(), File::default(), None)
    }

    /// The files that nobody names are looked for in `folder`.
    fn resolve(
        arguments: &ServeArguments,
        variables: &BTreeMap<String, String>,
        folder: &Path,
    ) -> Result<Self, Complaint> {
        refuse_unknown_variables(variables)?;
        let named = arguments.file.clone().or_else(|| variables.get(FILE_VARIABLE).map(PathBuf::from));
        let file = match &named {
            Some(path) => File::read(path)?.ok_or_else(|| {
                Complaint::usage(format!("The file of settings {} isn't there.", path.display()))
                    .hint("Check the path behind --config or KEYWARD_CONFIG.")
            })?,
            None => File::read(&folder.join(DEFAULT_FILE))?.unwrap_or_default(),
        };
        Self::layered(arguments, variables, file, Some(&folder.join(rawscribe::DEFAULT_FILE)))
    }

    /// The settings that these variables make, without flags and without a file that they don't name: for what
    /// isn't started from a command line.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Self, Complaint> {
        refuse_unknown_variables(variables)?;
        Self::layered(&ServeArguments::default(), variables, File::default(), None)
    }

    /// The settings that these layers make; RawScribe's file may stand at `usual`.
    fn layered(
        arguments: &ServeArguments,
        variables: &BTreeMap<String, String>,
        file: File,
        usual: Option<&Path>,
    ) -> Result<Self, Complaint> {
        let rawscribe_file = rawscribe::find(usual, variables);
        let mut layers = Layers { arguments, variables, files: vec![file], rawscribe_file };
        let path = layers.values().optional(RAWSCRIBE_CONFIG, path)?;
        let (settings, rawscribe) = path.as_deref().map(rawscribe::read).transpose()?.unwrap_or_default();
        layers.files.push(settings);
        let mut config = layers.values().into_config(rawscribe)?;
        if let Some(text) = variables.get(BENCH_HELLO_VARIABLE) {
            config.bench_hello = switch(text).map_err(|wrong| {
                Complaint::usage(format!("{BENCH_HELLO_VARIABLE} must be {}.", wrong.must_be))
            })?;
        }
        Ok(config)
    }

    /// Where clients reach this server, without a slash at the end.
    pub fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| default_public_url(self.listen, self.tls.is_some()))
    }

    /// The `iss` of tokens; `{pool}` in it stands for the pool's id.
    pub fn issuer(&self) -> String {
        self.issuer.clone().unwrap_or_else(|| format!("{}/{{pool}}", self.public_url()))
    }

    /// Every setting, its value with secrets masked, and where it came from.
    pub fn describe(&self) -> &[Row] {
        &self.rows
    }
}

fn default_public_url(listen: SocketAddr, tls: bool) -> String {
    format!("{}://localhost:{}", if tls { "https" } else { "http" }, listen.port())
}

/// What stands in the file of settings, as text.
#[derive(Default)]
struct File {
    path: PathBuf,
    texts: BTreeMap<&'static str, String>,
}

impl File {
    /// What stands in it; `None` when it isn't there.
    fn read(path: &Path) -> Result<Option<Self>, Complaint> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let path = path.display();
                return Err(Complaint::usage(format!("The file of settings {path} can't be read: {error}.")));
            }
        };
        Self::parse(path, &text).map(Some)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Complaint> {
        let shown = path.display();
        let table = text.parse::<toml::Table>().map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let what = error.message().lines().next().unwrap_or_default();
            Complaint::usage(format!("{shown} isn't TOML at line {line}: {what}."))
                .hint("Write one setting on each line, as in: listen = \"127.0.0.1:8480\"")
        })?;
        let mut texts = BTreeMap::new();
        for (name, value) in table {
            let setting = SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| {
                Complaint::usage(format!("{shown} has an unknown setting `{name}`.")).hint(did_you_mean(
                    &name,
                    SETTINGS
                        .iter()
                        .filter(|setting| setting.kind != Kind::Secret)
                        .map(|setting| setting.name),
                ))
            })?;
            if setting.kind == Kind::Secret {
                let complaint =
                    format!("{shown} holds {name}, which is a secret, and files are read by many.");
                return Err(Complaint::usage(complaint)
                    .hint(format!("Take it out and give it as {} in the environment.", setting.variable)));
            }
            let text = text_of(&value).ok_or_else(|| {
                Complaint::usage(format!("{shown} gives {name} a {}, which it can't be.", value.type_str()))
                    .hint("Write a text, a number, true or false, or a list of texts.")
            })?;
            texts.insert(setting.name, text);
        }
        Ok(Self { path: path.to_path_buf(), texts })
    }
}

/// A TOML value as it would be written behind a flag.
fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Array(items) => {
            items.iter().map(toml::Value::as_str).collect::<Option<Vec<_>>>().map(|items| items.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

fn refuse_unknown_variables(variables: &BTreeMap<String, String>) -> Result<(), Complaint> {
    let known = || {
        let settings = SETTINGS.iter().map(|setting| setting.variable);
        settings.chain(CLIENT_VARIABLES.iter().copied()).chain([FILE_VARIABLE, BENCH_HELLO_VARIABLE])
    };
    for (name, value) in variables {
        let is_foreign = foreign_variables().any(|variable| variable == name);
        let is_known = is_foreign || known().any(|variable| variable == name);
        if !is_known && !is_made_by_kubernetes(name, value) {
            return Err(Complaint::usage(format!("The environment variable {name} is unknown."))
                .hint(did_you_mean(name, known())));
        }
    }
    Ok(())
}

/// Whether Kubernetes (or Docker's links) put this variable there because a service is called `keyward...`:
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>
fn is_made_by_kubernetes(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let port_of_protocol = name
        .split_once("_PORT_")
        .is_some_and(|(_, rest)| rest.starts_with(|character: char| character.is_ascii_digit()));
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || port_of_protocol
        || (name.ends_with("_PORT") && is_url)
}

fn did_you_mean<'a>(name: &'a str, known: impl Iterator<Item = &'a str>) -> String {
    // What all variables begin with would make any two of them alike.
    let tail = |name: &'a str| name.strip_prefix("KEYWARD_").unwrap_or(name);
    known
        .map(|candidate| (strsim::jaro_winkler(tail(name), tail(candidate)), candidate))
        .filter(|(likeness, _)| *likeness > 0.87)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map_or_else(
            || "`keyward config show` lists every setting.".to_owned(),
            |(_, candidate)| format!("Did you mean {candidate}?"),
        )
}

/// What a value should have been, in words that follow "must be", and perhaps a hint.
struct Wrong {
    must_be: String,
    hint: Option<&'static str>,
}

impl Wrong {
    fn new(must_be: impl Into<String>) -> Self {
        Self { must_be: must_be.into(), hint: None }
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

/// The texts that won, before they are read.
struct Values(Vec<Value>);

struct Value {
    setting: &'static Setting,
    /// Empty when there is none.
    text: Secret,
    source: Source,
}

/// What settings are given by, that which wins first.
struct Layers<'a> {
    arguments: &'a ServeArguments,
    variables: &'a BTreeMap<String, String>,
    files: Vec<File>,
    /// Where RawScribe's is found when nobody names it.
    rawscribe_file: Option<(String, Source)>,
}

impl Layers<'_> {
    fn values(&self) -> Values {
        Values(SETTINGS.iter().map(|setting| self.value(setting)).collect())
    }

    fn value(&self, setting: &'static Setting) -> Value {
        let flag = || Some((self.arguments.given.get(setting.name)?, Source::Flag(setting.flag())));
        let variable = |name| Some((self.variables.get(name)?, Source::Environment(name)));
        let file =
            |file: &'_ File| Some((file.texts.get(setting.name)?.clone(), Source::File(file.path.clone())));
        let given = flag().or_else(|| setting.variables().find_map(variable));
        let given = given.map(|(text, source)| (text.clone(), source));
        let found = || self.rawscribe_file.clone().filter(|_| setting.name == RAWSCRIBE_CONFIG);
        let given = given.or_else(|| self.files.iter().find_map(file)).or_else(found);
        let (text, source) = given.unwrap_or_else(|| (setting.default.to_owned(), Source::Default));
        Value { setting, text: Secret::from(text), source }
    }
}

impl Values {
    fn into_config(self, rawscribe: RawScribe) -> Result<Config, Complaint> {
        let listen = self.required("listen", listen_address)?;
        let data_dir = PathBuf::from(self.required("data_dir", some_text)?);
        let database = match self.optional("database", database)? {
            Some(database) => database,
            None => Database::Sqlite(data_dir.join("keyward.db")),
        };
        let behind_proxy = self.required("behind_proxy", switch)?;
        let environment = self.required("environment", deployment)?;
        let trusted_proxies = self.optional("trusted_proxies", networks)?.unwrap_or_default();
        let dev = self.required("dev", switch)?;
        if dev {
            let has_proxy = behind_proxy || !trusted_proxies.is_empty();
            require_privacy(listen, has_proxy, environment)?;
        }
        let test_users_file = self.optional("test_users_file", path)?;
        let tls = self.tls()?;
        if !listen.ip().to_canonical().is_loopback() && tls.is_none() && !behind_proxy {
            return Err(Complaint::usage(format!(
                "Listening on {listen} would send passwords and keys over the network in clear."
            ))
            .hint("Give --tls-cert and --tls-key, or --behind-proxy if a proxy in front does the TLS."));
        }
        let admin_email = self.optional("admin_email", email_address)?;
        let admin_password = self.optional("admin_password", |text| Ok(Secret::from(text)))?;
        if admin_password.is_some() && admin_email.is_none() {
            return Err(Complaint::usage("KEYWARD_ADMIN_PASSWORD is set, but nobody to give it to.")
                .hint("Set KEYWARD_ADMIN_EMAIL too, or leave both out to be shown a password once."));
        }
        let provider = self.provider()?;
        if provider == Provider::Jwt {
            rawscribe.require_safe(environment)?;
        }
        let mut config = Config {
            listen,
            database,
            data_dir,
            trusted_proxies,
            behind_proxy,
            tls,
            environment,
            dev,
            makes_test_users: self.makes_test_users(environment)?,
            test_users: test_users::read(test_users_file.as_deref())?,
            region: self.required("region", region)?,
            provider,
            external_issuer: self.external_issuer()?,
            directory_bound_ms: self.required("directory_bound", provider::directory_bound)?,
            rawscribe: RawScribeFile::new(rawscribe),
            api_key_prefix: self.required("api_key_prefix", api_key_prefix)?,
            admin_email,
            admin_password,
            master_key: self.master_key()?,
            revocation_bound_ms: self.number("revocation_bound_ms", 0..=60_000)?,
            password_hashing: self.password_hashing(environment)?,
            password_policy: self.password_policy()?,
            failed_sign_ins_per_minute: self.number("failed_sign_ins_per_minute", 0..=6000)?,
            mail: self.mail()?,
            sms: self.sms()?,
            log_format: self.required("log_format", log_format)?,
            log_level: self.required("log_level", log_level)?,
            bench_hello: false,
            public_url: self.optional("public_url", base_url)?,
            issuer: self.optional("issuer", issuer)?,
            rows: Vec::new(),
        };
        config.rows = self.rows(&config);
        Ok(config)
    }

    fn makes_test_users(&self, environment: Environment) -> Result<bool, Complaint> {
        let is_prod = environment == Environment::Prod;
        match self.optional("test_users", switch)? {
            Some(true) if is_prod => {
                Err(Complaint::usage("There are no test users in prod, for everybody knows their passwords.")
                    .hint("Leave out `test_users`, or use another environment."))
            }
            given => Ok(given.unwrap_or(!is_prod)),
        }
    }

    fn tls(&self) -> Result<Option<TlsFiles>, Complaint> {
        match (self.optional("tls_cert", path)?, self.optional("tls_key", path)?) {
            (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
            (None, None) => Ok(None),
            (certificate, _) => {
                let (there, missing) =
                    if certificate.is_some() { ("tls_cert", "tls_key") } else { ("tls_key", "tls_cert") };
                Err(Complaint::usage(format!("The setting {there} is of no use without {missing}."))
                    .hint("Give both for HTTPS, or none for plain HTTP."))
            }
        }
    }

    fn master_key(&self) -> Result<MasterKeySource, Complaint> {
        let given = self.optional("master_key", |text| {
            MasterKey::parse(text)
                .map_err(|_| Wrong::new("64 hexadecimal digits").hint("Make one with: openssl rand -hex 32"))
        })?;
        match (given, self.optional("master_key_file", path)?) {
            (Some(_), Some(_)) => {
                Err(Complaint::usage("Both KEYWARD_MASTER_KEY and master_key_file give a master key.")
                    .hint("Keep the one under which the database was made, and take the other away."))
            }
            (Some(key), None) => Ok(MasterKeySource::Given(key)),
            (None, Some(path)) => Ok(MasterKeySource::File(path)),
            (None, None) => Ok(MasterKeySource::DataFolder),
        }
    }

    fn mail(&self) -> Result<Option<Mail>, Complaint> {
        let server = self.url("smtp_url", smtp_server)?;
        let password_file = self.optional("smtp_password_file", path)?;
        let (server, from) = match (server, self.optional("mail_from", mailbox)?) {
            (Some(server), Some(from)) => (server, from),
            (None, None) if password_file.is_none() => return Ok(None),
            (Some(_), None) => {
                return Err(Complaint::usage("The setting smtp_url is of no use without mail_from.")
                    .hint("Say who emails come from, as in: --mail-from 'Keyward <no-reply@example.com>'"));
            }
            (None, _) => {
                let alone = if password_file.is_some() { "smtp_password_file" } else { "mail_from" };
                return Err(Complaint::usage(format!("The setting {alone} is of no use without smtp_url."))
                    .hint("Name the mail server too, as in: --smtp-url smtp://mail.example.com"));
            }
        };
        if server.username.is_some() != (server.password.is_some() || password_file.is_some()) {
            return Err(Complaint::usage("To sign in at the mail server takes a user and a password.").hint(
                "Give KEYWARD_SMTP_URL as smtp://USER:PASSWORD@HOST, or smtp_url as smtp://USER@HOST and \
                 smtp_password_file.",
            ));
        }
        if server.password.is_some() && password_file.is_some() {
            return Err(Complaint::usage("Both KEYWARD_SMTP_URL and smtp_password_file give a password.")
                .hint("Keep the one that is right, and take the other away."));
        }
        Ok(Some(Mail { server, password_file, from }))
    }

    fn sms(&self) -> Result<Option<SmsGateway>, Complaint> {
        match (self.optional("sms_command", command)?, self.url("sms_webhook", webhook)?) {
            (Some(_), Some(_)) => {
                Err(Complaint::usage("Both sms_command and sms_webhook say how to send an SMS.")
                    .hint("Keep one of the two."))
            }
            (command, webhook) => Ok(command.map(SmsGateway::Command).or(webhook.map(SmsGateway::Webhook))),
        }
    }

    fn password_hashing(&self, environment: Environment) -> Result<PasswordHashing, Complaint> {
        let parallelism = self.number("hashing_parallelism", 1..=64)?;
        // RFC 9106 asks for 8 KiB for each lane; below 7 MiB the OWASP cheat sheet recommends nothing at all, so
        // that is for automatic tests alone.
        let least =
            if environment == Environment::Test { 8 * parallelism } else { 7168.max(8 * parallelism) };
        Ok(PasswordHashing {
            memory_kib: self.number("hashing_memory_kib", least..=4_194_304)?,
            iterations: self.number("hashing_iterations", 1..=100)?,
            parallelism,
        })
    }

    fn password_policy(&self) -> Result<PasswordPolicy, Complaint> {
        Ok(PasswordPolicy {
            // Amazon Cognito's bounds:
            // https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_PasswordPolicyType.html
            minimum_length: self.number("password_minimum_length", 6..=99)?,
            require_uppercase: self.required("password_require_uppercase", switch)?,
            require_lowercase: self.required("password_require_lowercase", switch)?,
            require_digit: self.required("password_require_digit", switch)?,
            require_symbol: self.required("password_require_symbol", switch)?,
            refuse_common: self.optional("password_refuse_common", switch)?,
            temporary_password_days: self.number("temporary_password_days", 1..=365)?,
        })
    }

    /// The rows of `config show`: the text that won, or what was worked out where none was given.
    fn rows(&self, config: &Config) -> Vec<Row> {
        let row = |value: &Value| {
            let Database::Sqlite(database) = &config.database;
            let shown = match value.setting.name {
                "listen" => config.listen.to_string(),
                "database" => format!("sqlite:{}", database.display()),
                "public_url" => config.public_url(),
                "issuer" => config.issuer(),
                "cognito_region" => config
                    .provider
                    .cognito()
                    .map_or_else(|| value.text.expose().to_owned(), |pool| pool.region.clone()),
                "test_users" => config.makes_test_users.to_string(),
                _ if value.setting.kind == Kind::Secret && !value.text.is_empty() => MASK.to_owned(),
                _ if value.setting.kind == Kind::Url => masked_url(value.text.expose().trim()),
                _ => value.text.expose().to_owned(),
            };
            let shown = Some(shown).filter(|shown| !shown.is_empty());
            Row { setting: value.setting.name, value: shown, source: value.source.clone() }
        };
        self.0.iter().map(row).collect()
    }

    fn number<N: FromStr + PartialOrd + Display>(
        &self,
        name: &'static str,
        range: RangeInclusive<N>,
    ) -> Result<N, Complaint> {
        self.required(name, |text| {
            text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
                Wrong::new(format!("a whole number from {} to {}", range.start(), range.end()))
            })
        })
    }

    /// The value of a setting that always has one.
    fn required<T>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Result<T, Complaint> {
        let value = self.value(name)?;
        // White space is nobody's wish in a setting, but it may well be part of a password.
        let text = value.text.expose();
        let text = if value.setting.kind == Kind::Secret { text } else { text.trim() };
        read(text).map_err(|wrong| value.complain(&wrong))
    }

    fn value(&self, name: &'static str) -> Result<&Value, Complaint> {
        let value = self.0.iter().find(|value| value.setting.name == name);
        value.ok_or_else(|| Complaint::new(format!("The setting {name} is not in the list of settings.")))
    }

    /// The value of a URL that may hold a secret.
    fn url<T>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Complaint> {
        let value = self.optional(name, read)?;
        let given = self.0.iter().find(|value| value.setting.name == name);
        if let Some(Value { setting, text, source: source @ (Source::Flag(_) | Source::File(_)) }) = given
            && Url::parse(text.expose().trim()).is_ok_and(|url| has_secret(&url))
        {
            return Err(Complaint::usage(format!(
                "The setting {name} ({source}) holds a secret, and command lines and files are read by many."
            ))
            .hint(format!("Take it out and give it as {} in the environment.", setting.variable)));
        }
        Ok(value)
    }

    /// The value of a setting that may have none.
    fn optional<T>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, Wrong>,
    ) -> Result<Option<T>, Complaint> {
        self.required(name, |text| if text.is_empty() { Ok(None) } else { read(text).map(Some) })
    }
}

impl Value {
    /// Says what is wrong; without the value where that may hold a secret, as URLs may.
    fn complain(&self, wrong: &Wrong) -> Complaint {
        let Setting { name, kind, .. } = self.setting;
        let source = match &self.source {
            Source::Default => String::new(),
            source => format!(" ({source})"),
        };
        let text = self.text.expose();
        let may_hold_secret = matches!(kind, Kind::Secret | Kind::Url) || *name == "database";
        let sentence = if may_hold_secret || text.contains("://") {
            format!("The setting {name}{source} must be {}.", wrong.must_be)
        } else {
            let text = text.escape_debug();
            format!("The setting {name}{source} must be {}, not \"{text}\".", wrong.must_be)
        };
        let complaint = Complaint::usage(sentence);
        match wrong.hint {
            Some(hint) => complaint.hint(hint),
            None => complaint.hint("`keyward serve --help` tells about every setting."),
        }
    }
}

/// Refuses to let everybody in where others than the developer could come.
fn require_privacy(listen: SocketAddr, has_proxy: bool, environment: Environment) -> Result<(), Complaint> {
    let refuse = |why: &str, hint: &'static str| {
        Err(Complaint::usage(format!("With `dev`, whoever reaches Keyward may do everything, and {why}."))
            .hint(hint))
    };
    if matches!(environment, Environment::Stage | Environment::Prod) {
        let why = format!("this deployment is for {}", environment.name());
        return refuse(&why, "Leave `dev` out, and sign with what `keyward access-key create USER` gives.");
    }
    if !listen.ip().to_canonical().is_loopback() {
        let why = format!("{listen} is reached from beyond this machine");
        return refuse(
            &why,
            "Listen on this machine only, as in: keyward serve --dev --listen 127.0.0.1:8480",
        );
    }
    if has_proxy {
        return refuse(
            "a proxy brings others here",
            "Leave out `behind_proxy` and `trusted_proxies`, or `dev`.",
        );
    }
    Ok(())
}

fn some_text(text: &str) -> Result<String, Wrong> {
    if text.is_empty() { Err(Wrong::new("some text")) } else { Ok(text.to_owned()) }
}

#[expect(clippy::unnecessary_wraps, reason = "has the form of all readers")]
fn path(text: &str) -> Result<PathBuf, Wrong> {
    Ok(PathBuf::from(text))
}

fn switch(text: &str) -> Result<bool, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(Wrong::new("true or false")),
    }
}

fn listen_address(text: &str) -> Result<SocketAddr, Wrong> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    // `localhost` is 127.0.0.1 here: clients that try ::1 first go on to it.
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    let port = port.parse().map(|port| SocketAddr::new(loopback, port));
    port.or_else(|_| text.parse()).map_err(|_| {
        Wrong::new("an IP address and a port")
            .hint("For example 127.0.0.1:8480, [::1]:8480, localhost:8480, or 8480 alone.")
    })
}

fn database(text: &str) -> Result<Database, Wrong> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Err(Wrong::new("a SQLite file, since PostgreSQL opens with a later release")
            .hint("Leave it out to use keyward.db in the data folder, or give sqlite:FILE."));
    }
    let wrong = || {
        Wrong::new("sqlite: and the path of a file")
            .hint("For example sqlite:./data/keyward.db; leave it out to use keyward.db in the data folder.")
    };
    let path = text.strip_prefix("sqlite:").ok_or_else(wrong)?;
    // `sqlite://./file` and `sqlite:///file` are how sqlx and others write it.
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains(['?', '#']) || path == ":memory:" {
        return Err(wrong());
    }
    Ok(Database::Sqlite(PathBuf::from(path)))
}

fn networks(text: &str) -> Result<Vec<IpNet>, Wrong> {
    let parts = text.split([',', ' ']).filter(|part| !part.is_empty());
    parts.map(network).collect::<Option<_>>().ok_or_else(|| {
        Wrong::new("a list of networks in CIDR notation")
            .hint("For example 10.0.0.0/8,fd00::/8. A network of everything would let clients choose their address.")
    })
}

fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    (network.prefix_len() > 0).then(|| network.trunc())
}

fn deployment(text: &str) -> Result<Environment, Wrong> {
    match text {
        "dev" => Ok(Environment::Dev),
        "test" => Ok(Environment::Test),
        "stage" => Ok(Environment::Stage),
        "prod" => Ok(Environment::Prod),
        _ => Err(Wrong::new("dev, test, stage or prod")),
    }
}

fn region(text: &str) -> Result<String, Wrong> {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&text.len()) && text.bytes().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new("1 to 32 of a-z, 0-9 and -").hint("For example us-east-1."))
    }
}

fn api_key_prefix(text: &str) -> Result<String, Wrong> {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if (2..=16).contains(&text.len()) && text.bytes().all(is_good) {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new("2 to 16 of a-z and 0-9").hint("Without the _ that follows it in a key."))
    }
}

fn email_address(text: &str) -> Result<String, Wrong> {
    let is_good = text
        .split_once('@')
        .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if is_good && text.len() <= 256 && !text.contains(|character: char| character.is_whitespace()) {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new("an email address").hint("For example admin@example.com."))
    }
}

/// An http or https URL, without the slash at its end.
fn base_url(text: &str) -> Result<String, Wrong> {
    let text = text.trim_end_matches('/');
    let is_good = text.parse::<Uri>().is_ok_and(|uri| {
        let has_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        has_scheme
            && uri.authority().is_some_and(|host| !host.as_str().contains('@'))
            && uri.query().is_none()
    });
    if is_good && !text.contains('#') {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new("an http or https URL without user, query or fragment")
            .hint("For example https://keyward.example.com."))
    }
}

fn issuer(text: &str) -> Result<String, Wrong> {
    base_url(&text.replace("{pool}", "pool"))?;
    Ok(text.trim_end_matches('/').to_owned())
}

fn smtp_server(text: &str) -> Result<SmtpServer, Wrong> {
    let wrong = || {
        Wrong::new("a URL that begins with smtp:// or smtps://").hint(
            "For example smtp://mail.example.com:587, or smtps://mail.example.com; other characters than \
             letters and digits in user and password as %XX.",
        )
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| wrong());
    let username = match url.username() {
        "" => None,
        username => Some(decoded(username)?),
    };
    let password = url.password().map(decoded).transpose()?.map(Secret::from);
    // What the kinds of service have for ports: RFC 8314 §3.3, RFC 6409 §3.1, RFC 5321 §4.5.4.2.
    let (security, usual_port) = match (url.scheme(), url.query()) {
        ("smtps", None) => (SmtpSecurity::Tls, 465),
        ("smtp", Some("tls=none")) => (SmtpSecurity::None, 25),
        ("smtp", None) if is_loopback(&url) => (SmtpSecurity::None, 25),
        ("smtp", Some("tls=required") | None) => (SmtpSecurity::StartTls, 587),
        _ => return Err(wrong()),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(wrong());
    }
    if security == SmtpSecurity::None && username.is_some() && !is_loopback(&url) {
        return Err(Wrong::new("a URL with TLS where there is a user, whose password all could read else")
            .hint("Leave out tls=none, or the user."));
    }
    Ok(SmtpServer { host, port: url.port().unwrap_or(usual_port), security, username, password })
}

fn mailbox(text: &str) -> Result<Mailbox, Wrong> {
    text.parse().map_err(|_| {
        Wrong::new("an email address, perhaps with a name before it")
            .hint("For example no-reply@example.com, or Keyward <no-reply@example.com>.")
    })
}

#[expect(clippy::unnecessary_wraps, reason = "has the form of all readers")]
fn command(text: &str) -> Result<Vec<String>, Wrong> {
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

fn webhook(text: &str) -> Result<Secret, Wrong> {
    let is_good = |url: &Url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    if Url::parse(text).is_ok_and(|url| is_good(&url)) {
        Ok(Secret::from(text))
    } else {
        Err(Wrong::new("an https URL, or an http URL on this machine")
            .hint("For example https://sms.example.com/send."))
    }
}

/// Whether something in the URL is likely secret. A path may be, too, but most are not.
fn has_secret(url: &Url) -> bool {
    url.password().is_some() || (url.scheme().starts_with("http") && url.query().is_some())
}

/// The URL without what may be secret in it.
fn masked_url(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return String::new() };
    if url.password().is_some() {
        let _ = url.set_password(Some(MASK));
    }
    if url.scheme().starts_with("http") && (url.path() != "/" || url.query().is_some()) {
        url.set_path(MASK);
        url.set_query(None);
    }
    url.into()
}

fn log_format(text: &str) -> Result<LogFormat, Wrong> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(Wrong::new("text or json")),
    }
}

fn log_level(text: &str) -> Result<LevelFilter, Wrong> {
    match text {
        "off" | "error" | "warn" | "info" | "debug" | "trace" => {
            text.parse().map_err(|_| Wrong::new("a level"))
        }
        _ => Err(Wrong::new("error, warn, info, debug, trace or off")),
    }
}

impl Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(formatter, "flag {flag}"),
            Self::Environment(variable) => write!(formatter, "environment {variable}"),
            Self::File(path) => write!(formatter, "file {}", path.display()),
            Self::Default => formatter.write_str("default"),
        }
    }
}

mod test_users;
#[cfg(test)]
mod tests;
