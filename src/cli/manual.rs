//! Manual pages: what clap writes, and the sections EXAMPLES, ENVIRONMENT, FILES and EXIT STATUS.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::exit;

/// Environment variables of commands that call AWS.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("AWS_PROFILE, AWS_REGION", "Profile and region, if no option names them."),
    ("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN", "Credentials, as for the AWS CLI."),
    (
        "AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE",
        "Configuration files to read instead of ~/.aws/config and ~/.aws/credentials.",
    ),
    ("AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_RDS, ...", "Address of all AWS services, or of one of them."),
    ("AWS_CA_BUNDLE", "File with the CA certificates to trust, instead of those of this machine."),
    ("AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT", "Use FIPS or dual-stack endpoints, if true."),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY",
        "HTTP proxies, with user and password if needed (http://USER:PASSWORD@HOST:PORT), and hosts to call directly.",
    ),
    ("XDG_DATA_HOME", "Folder of the default bundle. Default: ~/.local/share."),
    ("NO_COLOR, TERM", "A value of NO_COLOR, or TERM=dumb, disables colours."),
];

/// Files of commands that call AWS.
const FILES: &[(&str, &str)] = &[
    ("~/.aws/config, ~/.aws/credentials", "Profiles, regions and credentials."),
    ("~/.local/share/ssl-usage/bundle", "Default bundle, in which evidence from AWS is saved."),
];

/// Exit statuses of all commands.
const EXIT_STATUS: &[(u8, &str)] = &[
    (exit::DONE, "Success."),
    (exit::FAILED, "Error. The message names the cause and the next step."),
    (exit::USAGE, "Invalid usage: an option, an argument or the policy file."),
    (exit::PARTIAL, "Success, but some evidence could not be read. The output lists the errors."),
    (exit::MET, "Success, and a condition of analyze --fail-on is met."),
    (exit::HUNG_UP, "Interrupted by SIGHUP: the terminal was closed. Evidence that was read is kept."),
    (exit::INTERRUPTED, "Interrupted by Ctrl-C (SIGINT). Evidence that was read is kept."),
    (exit::TERMINATED, "Interrupted by SIGTERM. Evidence that was read is kept."),
];

/// The manual page of a command, as roff. Writing into memory does not fail.
pub(super) fn page(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut roff = Roff::default();
    examples(&mut roff, command);
    if command.has_subcommands() || command.get_arguments().any(|argument| argument.get_id() == "region") {
        list(&mut roff, "ENVIRONMENT", ENVIRONMENT.iter().map(|(name, text)| ((*name).to_owned(), *text)));
        list(&mut roff, "FILES", FILES.iter().map(|(name, text)| ((*name).to_owned(), *text)));
    }
    list(&mut roff, "EXIT STATUS", EXIT_STATUS.iter().map(|(status, text)| (status.to_string(), *text)));
    roff.to_writer(&mut page)?;
    if command.get_version().is_some() {
        man.render_version_section(&mut page)?;
    }
    Ok(page)
}

/// A section with the examples of `--help`, line by line.
fn examples(roff: &mut Roff, command: &Command) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    roff.control("SH", ["EXAMPLES"]).control("nf", []);
    for line in help.lines().filter_map(|line| line.strip_prefix("  ")) {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

/// A section with a paragraph for each name.
fn list(roff: &mut Roff, heading: &str, entries: impl Iterator<Item = (String, &'static str)>) {
    roff.control("SH", [heading]);
    for (name, text) in entries {
        roff.control("TP", []).text([bold(name)]).text([roman(text)]);
    }
}
