//! The documentation: every command that it shows runs, every link leads somewhere, and the report in the README is real.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::{FakeAws, Fleet};
use crate::fake_s3::FakeS3;
use crate::fleet::small_fleet;
use crate::sealing::copy_bundle;

/// Programs that are not run: cargo, and what runs cargo or servers.
const NOT_RUN: [&str; 7] = ["benches/copied_logs.sh", "cargo", ".ci/run", ".ci/deny", ".ci/fuzz", ".ci/sbom", "sudo"];

/// Programs of others, which a machine with only a Rust toolchain lacks. Each is replaced by one that reads its input.
const REPLACED: [&str; 15] = [
    "ansible-playbook",
    "cosign",
    "crontab",
    "curl",
    "docker",
    "duckdb",
    "gpg",
    "jq",
    "kubectl",
    "mail",
    "man",
    "maturin",
    "pip",
    "spark-submit",
    "terraform",
];

/// Spaces before each example in `--help`, which the manual omits.
const INDENT: usize = 2;

/// Records the exit status of every run. Runs against the fake AWS happen when its logs were written.
const WRAPPER: &str = r#"#!/bin/sh
case "$1 $*" in
    *--from*|*--now*|*--help*) ;;
    analyze\ *|clients\ *|collect\ *|plan\ *|preflight\ *) set -- "$@" --now 2026-11-23T00:00:00Z ;;
esac
"$PROGRAM" "$@"
status=$?
echo "$status $*" >>"$RECORD"
exit "$status"
"#;

/// An object of a subscription.
const DELIVERED: &str = r#"{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/aws/rds/instance/orders-prod/postgresql",
"logStream":"orders-prod.0","subscriptionFilters":["all"],"logEvents":[{"id":"1","timestamp":1795428000000,
"message":"2026-11-23 10:00:00 UTC::@:[1]:LOG:  checkpoint starting: time"}]}
"#;

const AWS: &str = r#"#!/bin/sh
case "$*" in
    *get-caller-identity*) echo 123456789012 ;;
    *Status*--output*) echo available ;;
    *filter-log-events*) cat samples/envelopes/whole/filter.json ;;
esac
"#;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Markdown files of the project but generated ones.
fn documents() -> Vec<PathBuf> {
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                below(&path, found);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in ["benches", "parsers", "samples", "src"] {
        below(&root().join(folder), &mut found);
    }
    let top = root().read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    found.extend(top.filter(|path| path.extension().is_some_and(|end| end == "md")));
    found.sort();
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The commands that a Markdown text shows: lines of fenced blocks for a shell, and indented lines that run `ssl-usage`.
fn commands(markdown: &str) -> Vec<String> {
    let (mut commands, mut fence) = (String::new(), None);
    for line in markdown.lines() {
        match (line.trim_start().strip_prefix("```"), fence) {
            (Some(_), Some(_)) => fence = None,
            (Some(language), None) => fence = Some(language),
            (None, Some("sh")) => commands += &format!("{line}\n"),
            (None, Some("console")) => {
                commands += &line.strip_prefix("$ ").map(|line| format!("{line}\n")).unwrap_or_default()
            }
            (None, Some(_)) => {}
            (None, None) => {
                let code = line
                    .strip_prefix("    ")
                    .filter(|code| code.starts_with("ssl-usage ") || code.contains("| ssl-usage "));
                commands += &code.map(|code| format!("{code}\n")).unwrap_or_default();
            }
        }
    }
    joined(&commands)
}

/// Lines with their continuations; without empty lines and comments.
fn joined(lines: &str) -> Vec<String> {
    let whole = lines.replace("\\\n", "");
    let lines = whole.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.replace("cargo run --release -- ", "ssl-usage ")).collect()
}

/// The report on the sample fleet, as JSON.
fn saved_report() -> &'static str {
    static REPORT: OnceLock<String> = OnceLock::new();
    REPORT.get_or_init(|| {
        let home = TempDir::new().expect("a folder");
        Run::of(ssl_usage(home.path()).args(["analyze", "--from", "fleet", "--format", "json"])).out
    })
}

/// A folder with the files that examples name, a fake AWS with two accounts, and programs on the path.
struct Workshop {
    home: TempDir,
    aws: FakeAws,
    s3: FakeS3,
}

impl Workshop {
    fn new() -> Self {
        let (aws, s3) = (FakeAws::start(small_fleet()), FakeS3::start("eu-west-1"));
        let workshop = Self { home: TempDir::new().expect("a folder"), aws, s3 };
        workshop.aws.add_account(Fleet { account: "222222222222".to_owned(), ..small_fleet() });
        let home = workshop.home.path();
        symlink(samples(), home.join("samples")).expect("a link");
        for bundle in ["evidence", "evidence-before", "evidence-after"] {
            copy_bundle(&samples().join("fleet"), &home.join(bundle), |_| true);
        }
        for folder in [
            "archive/123456789012/eu-west-1/orders-prod/error",
            "bin",
            "error",
            "logs",
            ".zfunc",
            ".config/fish/completions",
            ".local/share/man/man1",
        ] {
            fs::create_dir_all(home.join(folder)).expect("a folder");
        }
        fs::create_dir_all(home.join(".local/share/bash-completion/completions")).expect("a folder");
        let log = samples().join("postgres/16-rds/postgresql.log.2026-11-23-10");
        let name = "postgresql.log.2026-11-23-10";
        let copies = [
            name.to_owned(),
            format!("error/{name}"),
            format!("archive/123456789012/eu-west-1/orders-prod/error/{name}"),
        ];
        for copy in copies.into_iter().chain(["logs/postgresql.log".to_owned()]) {
            fs::copy(&log, home.join(copy)).expect("a copy");
        }
        fs::copy(samples().join("envelopes/whole/filter.json"), home.join("events.json")).expect("a copy");
        fs::copy(samples().join("policy.toml"), home.join("policy.toml")).expect("a copy");
        fs::create_dir_all(home.join("firehose")).expect("a folder");
        let delivered = [home.join("firehose/1.json"), home.join("1.json")];
        delivered.iter().for_each(|path| fs::write(path, DELIVERED).expect("a file"));
        let archive = fs::File::create(home.join("logs.tar.gz")).expect("a file");
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(archive, flate2::Compression::fast()));
        archive.append_dir_all("logs", home.join("logs")).expect("an archive");
        archive.into_inner().and_then(flate2::write::GzEncoder::finish).expect("an archive");
        workshop.s3.put_folder(&home.join("archive"), "archive");
        workshop.s3.put_folder(&samples().join("fleet"), "evidence");
        workshop.program("ssl-usage", WRAPPER);
        workshop.program("aws", AWS);
        REPLACED.iter().for_each(|name| workshop.program(name, "#!/bin/sh\n[ -t 0 ] || cat >/dev/null\n"));
        for report in ["before.json", "after.json"] {
            fs::write(home.join(report), saved_report()).expect("a report");
        }
        workshop
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.home.path().join("bin").join(name);
        fs::write(&path, script).expect("a script");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// Runs a command, which must succeed, with all runs of `ssl-usage` in it. Returns its standard output.
    fn run(&self, command: &str) -> String {
        assert!(!command.contains("> /"), "{command} writes outside of the test's folder");
        let (home, record) = (self.home.path(), self.home.path().join("record"));
        fs::write(&record, "").expect("a file");
        let mut shell = Command::new("/bin/sh");
        let program = against(&self.aws, home);
        shell.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("PATH", format!("{}:/usr/bin:/bin", home.join("bin").display()));
        shell
            .env("AWS_ENDPOINT_URL_S3", self.s3.url())
            .env("PROGRAM", program.get_program())
            .env("RECORD", &record)
            .current_dir(home);
        let output = shell.args(["-c", command]).stdin(Stdio::null()).output().expect("a shell");
        let statuses = text(&record);
        // Nobody answers at the endpoints of the fake AWS.
        let may_be = [("4 ", "--fail-on"), ("3 ", "probe --")];
        let is_good = |line: &str| {
            line.starts_with("0 ") || may_be.iter().any(|(status, of)| line.starts_with(status) && line.contains(of))
        };
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // The script of a plan names the instances that it could not rotate.
        let unfinished = command.ends_with("sh rotate.sh") && err.contains("No command yet: ");
        let status = output.status.code();
        let good =
            (matches!(status, Some(0 | 3 | 4)) || unfinished && status == Some(1)) && statuses.lines().all(is_good);
        assert!(good, "{command}\n{:?}\n{statuses}{out}{err}", output.status);
        out.into_owned()
    }

    /// Runs the commands of a document that are not exempt. Returns how many these were.
    fn run_all(&self, commands: &[String]) -> usize {
        let mut ran = 0;
        for command in commands {
            let mut words = command.split(' ').skip_while(|word| word.contains('=') && !word.starts_with('-'));
            let program = words.next().unwrap_or_default();
            if NOT_RUN.contains(&program) {
                let script = if program == "sudo" { words.next().unwrap_or_default() } else { program };
                assert!(program == "cargo" || root().join(script).exists(), "{command}");
                continue;
            }
            self.run(command);
            ran += 1;
        }
        ran
    }
}

#[test]
fn every_command_of_the_documentation_runs() {
    let mut ran = 0;
    for path in documents() {
        let commands = commands(&text(&path));
        if !commands.is_empty() {
            println!("{}: {commands:#?}", path.display());
            ran += Workshop::new().run_all(&commands);
        }
    }
    assert!(ran > 30, "{ran}");
}

#[test]
fn every_example_of_the_help_runs() {
    let (mut ran, mut long) = (0, Vec::new());
    let help = Workshop::new().run("ssl-usage --help");
    let (_, list) = help.split_once("Commands:\n").expect("commands");
    let listed = list.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    for page in std::iter::once("").chain(names) {
        let workshop = Workshop::new();
        let page = workshop.run(&format!("ssl-usage man {page}"));
        // The manual does not wrap examples.
        let (_, examples) = page.split_once(".nf\n").expect("examples");
        let examples = examples.split("\n.fi").next().unwrap_or_default();
        let plain = examples.replace("\\-", "-").replace("\\*(Aq", "'").replace("\\&", "").replace("\\\\", "\\");
        long.extend(plain.lines().filter(|line| line.len() + INDENT > 78).map(str::to_owned));
        ran += workshop.run_all(&joined(&plain));
    }
    assert!(ran > 40, "{ran}");
    assert!(long.is_empty(), "longer than 78 characters: {long:#?}");
}

/// `SSL_USAGE_UPDATE_GOLDEN=1 cargo test as_it_was_reviewed` writes the report into the README.
#[test]
fn the_report_in_the_readme_is_as_it_was_reviewed() {
    let path = root().join("README.md");
    let readme = text(&path);
    let (before, rest) = readme.split_once("```console\n$ ").expect("a command");
    let (command, rest) = rest.split_once('\n').expect("a report");
    let (shown, after) = rest.split_once("```").expect("an end");
    let printed = Workshop::new().run(command);
    if std::env::var_os("SSL_USAGE_UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{before}```console\n$ {command}\n{printed}```{after}")).expect("the README");
        return;
    }
    assert_eq!(shown, printed, "set SSL_USAGE_UPDATE_GOLDEN=1 to write it");
}

#[test]
fn the_readme_is_short_and_names_the_two_commands_of_a_newcomer() {
    let readme = text(&root().join("README.md"));
    assert!(readme.len() <= 8192, "{} bytes", readme.len());
    for command in ["cargo run --release -- analyze --from samples/fleet", "cargo test --workspace"] {
        assert!(readme.lines().any(|line| line == command), "{command}");
    }
}

/// The words in backticks in a column of the tables of a section, by row.
fn listed(document: &str, section: &str, column: usize) -> Vec<Vec<String>> {
    let text = text(&root().join(document));
    let (_, rest) = text.split_once(section).unwrap_or_else(|| panic!("{document}: {section}"));
    let rows = rest.split("\n## ").next().unwrap_or_default().lines().filter(|line| line.starts_with("| `"));
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    rows.filter_map(|row| row.split('|').nth(column)).map(words).collect()
}

#[test]
fn the_readme_lists_all_commands() {
    let help = Run::of(ssl_usage(TempDir::new().expect("a folder").path()).arg("--help")).out;
    let (_, commands) = help.split_once("Commands:\n").expect("commands");
    let commands = commands.lines().take_while(|line| !line.is_empty());
    let commands =
        commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty());
    let mut listed = listed("README.md", "| command | purpose |", 1).concat();
    let mut commands: Vec<_> = commands.filter(|name| *name != "help").map(str::to_owned).collect();
    [&mut listed, &mut commands].into_iter().for_each(|names| names.sort_unstable());
    assert_eq!(listed, commands);
}

#[test]
fn every_column_and_cause_of_a_report_is_documented() {
    let home = TempDir::new().expect("a folder");
    let titles = |command: &str, rows: &[&str]| -> Vec<String> {
        let mut run = ssl_usage(home.path());
        let run = Run::of(run.args([command, "--from", "fleet", "--format", "csv"]).args(rows));
        run.out.lines().next().unwrap_or_default().split(',').map(str::to_owned).collect()
    };
    assert_eq!(listed("src/plan/README.md", "has these columns", 1).concat(), titles("clients", &[]));
    let documented = listed("src/report/README.md", "## Columns of CSV", 1);
    let of_clients = ["user", "tls_versions"];
    let is_of_clients = |row: &&Vec<String>| of_clients.iter().any(|name| row[0] == *name);
    let (of_clients, of_instances): (Vec<_>, Vec<_>) = documented.iter().partition(is_of_clients);
    let of_instances: Vec<String> = of_instances.into_iter().flatten().cloned().collect();
    assert_eq!(of_instances, titles("analyze", &[]));
    let of_clients: Vec<_> = of_clients.into_iter().flatten().chain(&of_instances).collect();
    let missing: Vec<_> =
        titles("analyze", &["--rows", "clients"]).into_iter().filter(|title| !of_clients.contains(&title)).collect();
    assert_eq!(missing, Vec::<String>::new());
    // The names in the source, of what was read in vain and of gaps.
    let causes = listed("src/report/README.md", "## Gaps", 1).concat();
    let source = text(&root().join("src/usage/coverage.rs")) + &text(&root().join("src/bundle/coverage.rs"));
    let names = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \"")?.1.strip_suffix("\","));
    let mut names: Vec<_> = names.filter(|name| !name.contains(' ')).collect();
    names.sort_unstable();
    let mut causes: Vec<_> = causes.iter().map(String::as_str).collect();
    causes.sort_unstable();
    assert_eq!(causes, names);
    let schema = text(&root().join("src/clients/clients-v1.schema.json"));
    let tasks = listed("src/plan/README.md", "what a client must do, in JSON", 1).concat();
    assert!(tasks.iter().take(7).all(|task| schema.contains(&format!("\"{task}\""))), "{tasks:?}");
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
}

#[test]
fn every_link_of_the_documentation_leads_to_a_file_and_a_heading() {
    let (mut links, mut broken) = (0, Vec::new());
    for path in documents() {
        for target in text(&path).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let linked = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            let has = |text: &str| {
                text.lines().any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == heading)
            };
            if !linked.exists() || !(heading.is_empty() || has(&text(&linked))) {
                broken.push(format!("{}: {target}", path.display()));
            }
            links += 1;
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(links > 20, "{links}");
}

/// The tests that a row of `src/verdict/RULES.md` names are there.
#[test]
fn every_rule_names_tests_that_exist() {
    fn sources(folder: &Path, text: &mut String) {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|end| end == "rs") {
                *text += &fs::read_to_string(path).expect("a source file");
            }
        }
    }
    let mut code = String::new();
    ["src", "tests", "parsers"].iter().for_each(|folder| sources(&root().join(folder), &mut code));
    let document = text(&root().join("src/verdict/RULES.md"));
    let rows = document.lines().filter(|line| line.starts_with("| ") && !line.contains("| ---"));
    let tests: Vec<&str> = rows
        .filter_map(|row| row.trim_end_matches('|').rsplit('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert!(tests.len() > 25, "{}", tests.len());
    let missing: Vec<_> = tests.iter().filter(|test| !code.contains(&format!("fn {test}("))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
