//! `keyward completions` and `keyward man`: what a package installs beside the program.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::{Failure, Result};
use super::output::Output;

/// Write the completions of a shell to stdout
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  keyward completions bash > ~/.local/share/bash-completion/completions/keyward
  keyward completions zsh > ~/.zfunc/_keyward")]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Write the manual pages
///
/// Without --output-dir the page of the program itself, to stdout.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  keyward man | man -l -\n  keyward man --output-dir ~/.local/share/man/man1"
)]
pub(crate) struct Man {
    /// Write a page for each command into this folder, which is made if need be
    #[arg(long, value_name = "FOLDER")]
    output_dir: Option<PathBuf>,
}

pub(crate) fn completions(
    output: &Output,
    Completions { shell }: &Completions,
    mut command: Command,
) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command, &output.program, &mut script);
    output.raw(&script)
}

pub(crate) fn man(output: &Output, Man { output_dir }: &Man, command: Command) -> Result<()> {
    let Some(folder) = output_dir else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command)
            .render(&mut page)
            .map_err(|error| Failure::new("internal", format!("The page couldn't be made: {error}.")))?;
        return output.raw(&page);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command, folder))
        .map_err(|error| Failure::file("The pages couldn't be written", folder, &error))?;
    output.success(&format!("The manual pages are in {}.", folder.display()));
    Ok(())
}
