//! The command line: what data a command gives goes to stdout, talk goes to stderr.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::complaint::Complaint;
use crate::config::ServeArguments;

mod admin;
mod config;
mod serve;

/// Users, roles and API keys for an application
#[derive(Debug, Parser)]
#[command(name = "keyward", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(ServeArguments),
    /// Work on the data folder itself, when nobody can get in
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Look at the server's settings
    #[command(subcommand)]
    Config(config::ConfigCommand),
}

/// Runs the command that this process was started with.
pub fn run() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Admin(command) => admin::run(&command),
        Command::Config(command) => config::run(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            print_complaint(&complaint);
            ExitCode::from(complaint.exit_code)
        }
    }
}

/// `error: ...`, and `hint: ...` if there is one. That stderr may be closed can't be told to anybody.
fn print_complaint(complaint: &Complaint) {
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "error: {complaint}");
    if let Some(hint) = &complaint.hint {
        let _ = writeln!(stderr, "hint: {hint}");
    }
}

/// Writes data to stdout. A reader who has seen enough (`| head`) is no failure.
fn print(text: &str) -> Result<(), Complaint> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Complaint::new(format!("The output can't be written: {error}.")))
        }
        _ => Ok(()),
    }
}
