//! The command line: what can be typed, and what then runs. Only this module and those below it print.

mod access_key;
mod admin;
mod api_key;
mod app_client;
mod audit;
mod auth;
mod can;
mod config;
mod confirmation;
mod context;
mod credentials;
mod csv;
mod failure;
mod features;
mod hash_password;
mod json_input;
mod manual;
mod outbox;
mod output;
mod paging;
mod password;
mod profile;
mod profile_store;
mod prompt;
mod role;
mod runtime_config;
mod secure_production;
mod serve;
mod settings;
mod setup;
mod test_users;
mod time;
mod token;
mod user;
mod user_pool;
mod whoami;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use context::Context;
use failure::{Failure, Result};
use output::Output;
use profile_store::ProfileName;

use crate::config::ServeArguments;

/// Where the options stand in the help that every command has.
const GLOBAL: &str = "Global options";

/// Users, roles and API keys for an application
///
/// stdout carries data, stderr carries talk. Exit codes: 0 done, 1 failed or refused, 2 typed wrongly.
#[derive(Debug, Parser)]
#[command(
    name = "keyward",
    version,
    propagate_version = true,
    disable_version_flag = true,
    arg_required_else_help = true,
    after_help = "Environment:
  KEYWARD_URL               the server, whatever the profile says
  KEYWARD_API_KEY           act by this API key: nobody needs to sign in
  KEYWARD_PROFILE           the profile, unless --profile names one
  KEYWARD_TIMEOUT           seconds that a request may take [default: 30]
  KEYWARD_CREDENTIAL_STORE  file or keyring: where a sign-in keeps its tokens
  NO_COLOR                  no colours

Without any set-up, commands go to http://localhost:8480.

Examples:
  keyward auth login -u ada@example.com
  keyward user create -u bob@example.com -e bob@example.com
  keyward role user create -u ci-bot@example.com --role-name pipeline-runner
  keyward api-key create --name CI --user-id ci-bot@example.com \\
      --description \"CI/CD\" --json-output"
)]
struct CommandLine {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// Use this profile
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "NAME", value_parser = ProfileName::parse)]
    profile: Option<ProfileName>,
    /// Write one JSON document to stdout and nothing else; errors, too
    #[arg(long, global = true, help_heading = GLOBAL)]
    json_output: bool,
    /// Tell on stderr which server is asked, and what it answers
    #[arg(long, global = true, help_heading = GLOBAL)]
    verbose: bool,
    /// Print the version
    #[arg(short = 'V', long, global = true, help_heading = GLOBAL, action = ArgAction::Version)]
    version: Option<bool>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(ServeArguments),
    /// Look at the server's settings
    #[command(subcommand, after_help = "Example:\n  keyward config show")]
    Config(config::ConfigCommand),
    /// Work on the data folder itself, when nobody can get in
    #[command(subcommand, after_help = "Example:\n  keyward admin recover")]
    Admin(admin::AdminCommand),
    Setup(setup::Setting),
    /// Sign in and out
    #[command(subcommand, after_help = "Example:\n  keyward auth login -u ada@example.com")]
    Auth(auth::Auth),
    /// Tell who the credential stands for, and what it may do
    #[command(after_help = "Example:\n  keyward whoami")]
    Whoami,
    Token(token::Token),
    /// Tell where applications sign in
    #[command(after_help = "Example:\n  keyward runtime-config")]
    RuntimeConfig,
    /// Keep several servers or people side by side
    #[command(subcommand, after_help = "Example:\n  keyward profile list")]
    Profile(profile::ProfileCommand),
    /// People's accounts, and program users
    #[command(subcommand, after_help = "Example:\n  keyward user list")]
    User(user::UserCommand),
    /// Keys for programs, each acting as a user
    #[command(subcommand, after_help = "Example:\n  keyward api-key list")]
    ApiKey(api_key::ApiKeyCommand),
    /// What AWS' own clients sign with, each acting as a user
    #[command(subcommand, after_help = "Example:\n  keyward access-key create ci-bot@example.com")]
    AccessKey(access_key::AccessKeyCommand),
    /// What may be done, and who may do it
    #[command(subcommand, after_help = "Example:\n  keyward role list")]
    Role(role::RoleCommand),
    Can(can::Can),
    /// Pools of users beside the home pool, whose users have roles and keys
    #[command(subcommand, after_help = "Example:\n  keyward user-pool list")]
    UserPool(user_pool::UserPoolCommand),
    /// Applications' ways into a user pool
    #[command(subcommand, after_help = "Example:\n  keyward app-client list us-east-1_k3Y9wRd0A")]
    AppClient(app_client::AppClientCommand),
    /// Accounts to try an application with
    #[command(subcommand, after_help = "Example:\n  keyward test-users create")]
    TestUsers(test_users::TestUsersCommand),
    SecureProduction(secure_production::SecureProduction),
    /// Who did what to whom
    #[command(subcommand, after_help = "Example:\n  keyward audit list --since 24h")]
    Audit(audit::AuditCommand),
    Outbox(outbox::Outbox),
    /// What the server has switched on
    #[command(subcommand, after_help = "Example:\n  keyward features list")]
    Features(features::FeaturesCommand),
    HashPassword(hash_password::HashPassword),
    Completions(manual::Completions),
    Man(manual::Man),
    /// Print the version
    #[command(after_help = "Example:\n  keyward version")]
    Version,
}

/// Runs the command that this process was started with, and gives back its exit code.
pub fn run() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let program = program_name(&arguments);
    // Known before anything is understood: what is typed wrongly is told in JSON, too.
    let typed = arguments.iter().skip(1).take_while(|argument| *argument != "--");
    let mut json = false;
    let mut verbose = false;
    for argument in typed {
        json |= argument == "--json-output";
        verbose |= argument == "--verbose";
    }
    let output = Output::new(program, json, verbose);
    let command = command_named(&output.program);
    let parsed = command.clone().try_get_matches_from(arguments);
    let result = match parsed.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(line) => dispatch(line, &output, command),
        Err(error) => not_understood(&output, &error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.silent {
                output.failure(&failure);
            }
            ExitCode::from(failure.exit)
        }
    }
}

/// The name that this program was started by, as it is told in help and hints.
fn program_name(arguments: &[OsString]) -> String {
    let name = arguments.first().map(Path::new).and_then(Path::file_stem).and_then(|name| name.to_str());
    if name == Some("vamscli") { "vamscli" } else { "keyward" }.to_owned()
}

/// The command line under `program`'s name, examples included.
fn command_named(program: &str) -> clap::Command {
    fn renamed(command: clap::Command, program: &str) -> clap::Command {
        let help =
            command.get_after_help().map(|help| help.to_string().replace("keyward ", &format!("{program} ")));
        let command = match help {
            Some(help) => command.after_help(help),
            None => command,
        };
        let names: Vec<String> = command.get_subcommands().map(|it| it.get_name().to_owned()).collect();
        names
            .into_iter()
            .fold(command, |command, name| command.mut_subcommand(name, |it| renamed(it, program)))
    }
    let command = CommandLine::command();
    if program == "keyward" {
        command
    } else {
        renamed(command, program).name(program.to_owned()).bin_name(program)
    }
}

fn dispatch(line: CommandLine, output: &Output, command: clap::Command) -> Result<()> {
    match line.command {
        Command::Serve(arguments) => return Ok(serve::run(&arguments)?),
        Command::Config(command) => return config::run(output, &command),
        Command::Admin(command) => return admin::run(output, line.global.profile, command),
        Command::HashPassword(arguments) => return hash_password::run(output, &arguments),
        Command::Completions(arguments) => return manual::completions(output, &arguments, command),
        Command::Man(arguments) => return manual::man(output, &arguments, command),
        Command::Version => return version(output),
        _ => (),
    }
    let context = Context::open(output.clone(), line.global.profile)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new("internal", format!("The program couldn't start its work: {error}."))
    })?;
    runtime.block_on(act(&context, line.command)).map_err(|failure| about_the_key(&context, failure))
}

/// A refused `KEYWARD_API_KEY` is told as such: signing in would change nothing.
fn about_the_key(context: &Context, failure: Failure) -> Failure {
    match &context.settings.api_key {
        Some(key) if failure.code == "unauthenticated" => {
            let what =
                "KEYWARD_API_KEY is not accepted: unknown, expired, disabled, or not from this address";
            failure.hint(api_key::checksum_hint(key).unwrap_or_else(|| what.to_owned()))
        }
        _ => failure,
    }
}

async fn act(context: &Context, command: Command) -> Result<()> {
    match command {
        Command::Setup(arguments) => setup::run(context, arguments).await,
        Command::Auth(command) => auth::run(context, command).await,
        Command::Whoami => whoami::run(context).await,
        Command::Token(arguments) => token::run(context, arguments).await,
        Command::RuntimeConfig => runtime_config::run(context).await,
        Command::Profile(command) => profile::run(context, command),
        Command::User(command) => user::run(context, command).await,
        Command::ApiKey(command) => api_key::run(context, command).await,
        Command::AccessKey(command) => access_key::run(context, command).await,
        Command::Role(command) => role::run(context, command).await,
        Command::Can(arguments) => can::run(context, arguments).await,
        Command::UserPool(command) => user_pool::run(context, command).await,
        Command::AppClient(command) => app_client::run(context, command).await,
        Command::TestUsers(command) => test_users::run(context, command).await,
        Command::SecureProduction(arguments) => secure_production::run(context, arguments).await,
        Command::Audit(command) => audit::run(context, command).await,
        Command::Outbox(arguments) => outbox::run(context, arguments).await,
        Command::Features(command) => features::run(context, command).await,
        // Done before there was a context: they ask no server.
        Command::Serve(_)
        | Command::Config(_)
        | Command::Admin(_)
        | Command::HashPassword(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::Version => Ok(()),
    }
}

fn version(output: &Output) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    if output.json {
        return output.json(&serde_json::json!({ "version": version }));
    }
    output.line(&format!("{} {version}", output.program))
}

/// What clap has to say: help and version on stdout, a mistake on stderr, or as JSON.
fn not_understood(output: &Output, error: &clap::Error) -> Result<()> {
    if error.kind() == ErrorKind::DisplayVersion {
        return version(output);
    }
    let asked_for = error.kind() == ErrorKind::DisplayHelp;
    let nothing_typed = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    let text = error.render();
    if asked_for || (nothing_typed && !output.json) {
        return output.line(text.ansi().to_string().trim_end());
    }
    if !output.json {
        // Help after an error has one name in this program.
        let text = text.ansi().to_string().replace("tip:", "hint:");
        output.say(text.replace("For more information, try ", "hint: try ").trim_end());
        return Err(Failure::answered(2));
    }
    let text = text.to_string();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
    let message = words(message.trim_start_matches("error: "));
    let rest = rest.split("For more information").next().unwrap_or_default();
    let failure = Failure::usage(if nothing_typed { "A command is missing.".to_owned() } else { message });
    Err(if rest.trim().is_empty() { failure } else { failure.hint(words(rest)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_command(command: &clap::Command, path: &str, visit: &mut impl FnMut(&str, &clap::Command)) {
        let path = format!("{path} {}", command.get_name());
        visit(path.trim(), command);
        for subcommand in command.get_subcommands().filter(|it| it.get_name() != "help") {
            every_command(subcommand, &path, visit);
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        command_named("keyward").debug_assert();
        command_named("vamscli").debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does_and_shows_an_example() {
        every_command(&CommandLine::command(), "", &mut |path, command| {
            let example = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(example.contains("Example"), "{path} shows no example");
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && !about.ends_with('.'), "{path}: {about:?}");
        });
    }

    #[test]
    fn every_option_is_explained() {
        every_command(&CommandLine::command(), "", &mut |path, command| {
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{path}: {} is not explained", argument.get_id());
            }
        });
    }

    #[test]
    fn each_example_can_be_typed() {
        every_command(&CommandLine::command(), "", &mut |path, command| {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in help.lines().filter(|line| line.contains("  keyward ")) {
                assert!(line.chars().count() <= 80, "a terminal of 80 columns breaks it: {line}");
            }
            let help = help.replace("\\\n", "");
            for line in help.lines().filter_map(|line| line.trim().strip_prefix("keyward ")) {
                let line = line.split(['|', '>', '<']).next().unwrap_or_default();
                let words = std::iter::once("keyward".to_owned()).chain(shell_words(line));
                let parsed = CommandLine::try_parse_from(words);
                assert!(parsed.is_ok(), "{path}: {line}: {}", parsed.unwrap_err());
            }
        });
    }

    /// The words of a line without expansions, as a shell splits them.
    fn shell_words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quote = None;
        for character in line.chars() {
            match (quote, character) {
                (Some(open), close) if open == close => quote = None,
                (Some(_), inside) => word.get_or_insert_default().push(inside),
                (None, '"' | '\'') => {
                    quote = Some(character);
                    word.get_or_insert_default();
                }
                (None, ' ') => words.extend(word.take()),
                (None, other) => word.get_or_insert_default().push(other),
            }
        }
        words.extend(word);
        words
    }
}
