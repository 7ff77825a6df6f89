//! The `retrohunt` command. Everything it does is in the library; see `retrohunt::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    retrohunt::cli::main()
}
