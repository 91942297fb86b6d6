//! Installs the peers, once for each target folder, into a Python environment of their own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What is installed, by version. It is the stamp of a whole installation too.
const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Set to `1`, this variable runs the tests against peers, which downloads about 1.3 GB once.
pub const OPT_IN: &str = "SSL_USAGE_PEERS";

/// Where the peers are, with what they write.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers")
}

/// Whether a test that needs these peers is skipped, which it says on stderr past the captured output.
pub fn skipped(names: &str) -> bool {
    use std::io::Write;
    let skipped = std::env::var_os(OPT_IN).is_none_or(|value| value != "1");
    if skipped {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let _ = writeln!(std::io::stderr(), "skipped {test}, which needs {names}; set {OPT_IN}=1 to run it");
    }
    skipped
}

/// The folder of the installed programs.
///
/// # Panics
///
/// When they cannot be had.
pub fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match PROGRAMS.get_or_init(install) {
        Ok(programs) => programs,
        Err(reason) => panic!(
            "could not install the peers (moto, ministack, microburst, Ansible, ShellCheck, cfn-lint, Spark): {reason}\n\
             Unset {OPT_IN} to skip their tests."
        ),
    }
}

fn install() -> Result<PathBuf, String> {
    let environment = once("python", REQUIREMENTS, |environment| {
        venv(environment)?;
        let wanted = environment.join("requirements.txt");
        fs::write(&wanted, REQUIREMENTS).map_err(|error| format!("{}: {error}", wanted.display()))?;
        let mut pip = Command::new(environment.join("bin/pip"));
        run(pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&wanted)).map(drop)
    })?;
    Ok(environment.join("bin"))
}

/// Makes a Python environment with pip.
pub fn venv(folder: &Path) -> Result<(), String> {
    let made = || run(Command::new("python3").args(["-m", "venv"]).arg(folder)).map(drop);
    made().or_else(|missing| {
        // Debian keeps the module in a package of its own.
        apt("python3-venv").and_then(|()| made()).map_err(|error| format!("{missing}\n{error}"))
    })
}

/// A folder of that name beside the peers, made by `make` where it does not hold what is wanted, as a whole, already.
pub fn once(name: &str, wanted: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let folder = folder();
    let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(fail)?;
    // Other runs of the tests may share the folder.
    let lock = File::create(folder.join(format!("{name}.lock"))).map_err(fail)?;
    lock.lock().map_err(fail)?;
    let (made, stamp) = (folder.join(name), folder.join(format!("{name}.installed")));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(made);
    }
    if made.exists() {
        fs::remove_dir_all(&made).map_err(fail)?;
    }
    make(&made)?;
    fs::write(&stamp, wanted).map_err(fail)?;
    Ok(made)
}

/// Installs a package of Debian's where that is allowed and how it is done.
pub fn apt(package: &str) -> Result<(), String> {
    let user = Command::new("id").arg("-u").output().map(|output| output.stdout);
    if user.ok().as_deref() != Some(b"0\n") {
        return Err(format!("install it first (on Debian: {package})"));
    }
    let apt = |arguments: &[&str]| {
        run(Command::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-y"]).args(arguments))
    };
    let install = || apt(&["install", "--no-install-recommends", package]);
    install().or_else(|_| apt(&["update"]).and_then(|_| install())).map(drop)
}

/// Runs a program to its end; what it said where it failed.
pub fn run(command: &mut Command) -> Result<String, String> {
    let shown = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{shown}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{shown}: {}\n{}{}", output.status, text(&output.stdout), text(&output.stderr)))
}
