//! The command line: commands, exit codes, and messages in English and Chinese.

mod arguments;
mod beside;
mod check;
mod client;
mod failure;
mod generate;
mod holds;
mod import;
mod lost;
mod output;
mod remote;
mod state;
mod usage;
mod whole;

pub use failure::Failure;

use arguments::{Arguments, Command, HoldsCommand, SealKeyCommand, TokenCommand};
use clap::Parser;
use output::tell;
use std::borrow::Cow;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command that `arguments` (the program's name first) ask for.
///
/// Exit codes: 0 done; 1 a check failed or a request was refused; 2 the command line is wrong; 3 a file, the network or
/// the operating system failed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let acts = |argument: &OsString| matches!(output::escaped(&argument.to_string_lossy()), Cow::Owned(_));
    let is_plain = !arguments.iter().any(acts);
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => {
            // `--help` and `--version` are answers too; they go to standard output and end with 0.
            if is_plain {
                let _ = answer.print();
            } else {
                // Without the colours, from which those that somebody typed cannot be told.
                tell(answer.render().to_string().trim_end());
            }
            if let Some(fault) = usage::fault(&answer) {
                tell(fault);
            }
            return if answer.use_stderr() { ExitCode::from(failure::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure);
            failure.exit_code()
        }
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(serve) => state::serve(&serve.into_options()),
        Command::CheckConfig { file } => check::config(&file),
        Command::CheckZone { registry, apex, file } => check::zone(&apex, &file, registry),
        Command::Import { file, how, server } => import::import(&file, how, &server),
        Command::Export { output, server } => remote::export(output.as_deref(), &server),
        Command::Holds(HoldsCommand::Place(list)) => holds::send("/v1/holds", &list),
        Command::Holds(HoldsCommand::Lift(list)) => holds::send("/v1/holds/lifts", &list),
        Command::Holds(HoldsCommand::Export(export)) => holds::export(&export),
        Command::History { object, server } => remote::history(&object, &server),
        Command::Reload { zone, dry_run, server } => remote::reload(zone, dry_run, &server),
        Command::VerifyJournal { directory, public_key, seals } => {
            check::journal(&directory, public_key.as_deref(), seals.as_deref())
        }
        Command::SealKey(SealKeyCommand::New { file }) => generate::seal_key(&file),
        Command::SealKey(SealKeyCommand::Public { file }) => generate::public_key(&file),
        Command::Rebuild { config, accept_loss } => state::rebuild(&config, accept_loss),
        Command::Token(TokenCommand::New { name, role, region, totp }) => generate::token(&name, role, &region, totp),
        Command::Completions { shell } => generate::completions(shell),
        Command::Man { directory } => generate::manual(directory.as_deref()),
    }
}
