//! The command `ssl-usage`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ssl_usage::cli::run(std::env::args_os())
}
