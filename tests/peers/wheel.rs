//! The wheel that maturin builds: what Python's installers read of it, and the program that they install.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::install::{once, run, skipped, venv};
use crate::command::{Run, ssl_usage};

/// What builds the wheel.
const MATURIN: &str = "maturin==1.16.0";

/// A cargo for maturin. Instead of building the program once more, it returns the one that these tests run.
const CARGO: &str = r#"#!/bin/sh
[ "$1" = rustc ] || exec "$REAL_CARGO" "$@"
printf '{"reason":"compiler-artifact","package_id":"%s","manifest_path":"%s/Cargo.toml",' "$("$REAL_CARGO" pkgid)" "$PWD"
printf '"target":{"kind":["bin"],"crate_types":["bin"],"name":"ssl-usage","src_path":"%s/src/main.rs",' "$PWD"
printf '"edition":"2024","doc":true,"doctest":false,"test":true},"features":[],"filenames":["%s"],' "$PROGRAM"
printf '"profile":{"opt_level":"0","debuginfo":0,"debug_assertions":true,"overflow_checks":true,"test":false},'
printf '"executable":"%s","fresh":true}\n{"reason":"build-finished","success":true}\n' "$PROGRAM"
"#;

/// Prints what is known of an installed package, and the texts of its licenses.
const METADATA: &str = "
from importlib.metadata import distribution
package = distribution('ssl-usage')
for field in ('Name', 'Version', 'License-Expression', 'Summary'):
    print(package.metadata[field])
for file in package.files:
    if 'licenses' in file.parts:
        print(file.read_text())
";

/// The environment that maturin is installed in.
fn maturin() -> PathBuf {
    let made = once("maturin", MATURIN, |environment| {
        venv(environment)?;
        let mut pip = Command::new(environment.join("bin/pip"));
        run(pip.args(["install", "--quiet", "--disable-pip-version-check", MATURIN])).map(drop)
    });
    made.unwrap_or_else(|reason| panic!("could not install maturin: {reason}"))
}

/// Builds the wheel around the program of these tests.
fn wheel(tools: &Path, folder: &Path) -> PathBuf {
    let cargo = folder.join("cargo");
    fs::write(&cargo, CARGO).expect("a script");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("a mode");
    // Maturin moves what it packs, and other tests run the program meanwhile.
    let program = folder.join("program/ssl-usage");
    fs::create_dir_all(folder.join("program")).expect("a folder");
    fs::copy(env!("CARGO_BIN_EXE_ssl-usage"), &program).expect("a copy");
    let mut maturin = Command::new(tools.join("bin/maturin"));
    maturin.args(["build", "--offline", "--profile", "dev", "--compression-method", "stored", "--target-dir"]);
    maturin.arg(folder.join("target")).arg("--out").arg(folder.join("wheels"));
    maturin.env("CARGO", &cargo).env("REAL_CARGO", env!("CARGO")).env("PROGRAM", &program);
    run(maturin.current_dir(env!("CARGO_MANIFEST_DIR"))).unwrap_or_else(|error| panic!("{error}"));
    let mut wheels = fs::read_dir(folder.join("wheels")).expect("a folder");
    wheels.next().expect("a wheel").expect("an entry").path()
}

#[test]
fn a_wheel_installs_the_program() {
    if skipped("maturin") {
        return;
    }
    let (tools, home) = (maturin(), TempDir::new().expect("a folder"));
    let wheel = wheel(&tools, home.path());
    // Any system with a glibc as new as that of the tag can run it: no other library is needed.
    let name = wheel.file_name().expect("a name").to_string_lossy().into_owned();
    let begin = concat!("ssl_usage-", env!("CARGO_PKG_VERSION"), "-py3-none-manylinux_2_");
    assert!(name.starts_with(begin), "{name}");

    let fresh = home.path().join("venv");
    run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&fresh)).expect("an environment");
    let mut pip = Command::new(tools.join("bin/pip"));
    pip.arg("--python").arg(fresh.join("bin/python")).args(["install", "--quiet", "--no-index"]).arg(&wheel);
    run(pip.arg("--disable-pip-version-check")).unwrap_or_else(|error| panic!("{error}"));

    let license = include_str!("../../LICENSE");
    let fields = ["ssl-usage", env!("CARGO_PKG_VERSION"), "Apache-2.0", env!("CARGO_PKG_DESCRIPTION"), license];
    let metadata = run(Command::new(fresh.join("bin/python")).args(["-c", METADATA])).expect("the metadata");
    assert_eq!(metadata, fields.map(|field| format!("{field}\n")).concat());

    let installed = |arguments: &[&str]| {
        let mut command = Command::new(fresh.join("bin/ssl-usage"));
        let environment = ssl_usage(home.path());
        command.env_clear().envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Run::of(command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")))
    };
    assert_eq!(installed(&["--version"]).out, concat!("ssl-usage ", env!("CARGO_PKG_VERSION"), "\n"));
    let arguments = ["analyze", "--from", "samples/fleet", "--now", "2026-11-23T00:00:00Z", "--format", "json"];
    let run = installed(&arguments);
    assert_eq!(run.status, 0, "{}", run.err);
    assert_eq!(run.json()["instances"].as_array().map(Vec::len), Some(24), "{}", run.out);
}
