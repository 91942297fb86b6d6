//! Servers of AWS's APIs that others wrote, so that what this project believes of AWS is not only checked against
//! itself: moto and ministack, and microburst, which makes trouble on the way to them.
//!
//! What each of them holds is put there by `seed.py` through boto3, which says what it made.

mod accounts;
mod athena;
mod commands;
mod connection_ids;
mod data_api;
mod databases;
mod deployment;
mod faults;
pub mod install;
mod integrations;
mod inventory;
mod logs;
mod metrics;
mod models;
mod proxy;
mod rotation;
mod s3;
mod sessions;
mod spark;
mod sqlserver;
mod wheel;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, ssl_usage};

/// The Python that the peers run in, which has jsonschema as moto needs it; none if peers are skipped.
pub fn python(names: &str) -> Option<PathBuf> {
    (!install::skipped(names)).then(|| install::programs().join("python"))
}

/// How long a server may take to start; other tests may be running.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It ends when it is dropped.
pub struct Server {
    process: Child,
    port: u16,
    /// What it writes to.
    _home: TempDir,
}

impl Server {
    /// RDS, STS, Organizations and CloudWatch Logs; none if peers are skipped.
    pub fn moto() -> Option<Server> {
        Self::start("moto_server", "/moto-api/", |command, port| {
            command.args(["-H", "127.0.0.1", "-p", port]);
        })
    }

    /// CloudWatch's metrics, and the regions of an account.
    pub fn ministack() -> Option<Server> {
        Self::start("ministack", "/_ministack/health", |command, port| {
            command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port);
        })
    }

    /// The RDS Data API, in front of a database.
    /// It is the instance of this name.
    pub fn data_api(database_port: u16, instance: &str) -> Option<Server> {
        Self::start("ministack", "/_ministack/health", |command, port| {
            command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port);
            command.env("DATABASE_PORT", database_port.to_string()).env("DATABASE_NAME", instance);
        })
    }

    /// A proxy that makes trouble on the way to another server.
    pub fn microburst(upstream: &Server) -> Option<Server> {
        Self::start("microburst", "/_microburst/rules", |command, port| {
            command.args(["--upstream", &upstream.url(), "--host", "127.0.0.1", "--port", port]);
        })
    }

    /// Starts a peer by its program, and waits until it answers at a path.
    fn start(program: &str, path: &str, with: impl Fn(&mut Command, &str)) -> Option<Server> {
        if install::skipped(program) {
            return None;
        }
        // Somebody else may take the port that was free.
        let started = (0..3).find_map(|_| Self::try_start(program, path, &with));
        let logs = install::folder();
        Some(started.unwrap_or_else(|| panic!("{program} did not start; see its log in {}", logs.display())))
    }

    fn try_start(program: &str, path: &str, with: &impl Fn(&mut Command, &str)) -> Option<Server> {
        let programs = install::programs();
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let home = TempDir::new().expect("a folder");
        let test = std::thread::current().name().unwrap_or_default().replace("::", "-");
        let log = File::create(install::folder().join(format!("{test}-{program}.log"))).expect("a log");
        let mut command = Command::new(programs.join("python"));
        command.arg(script("serve.py")).arg(programs.join(program));
        command.env_clear().env("PATH", programs).env("HOME", home.path()).env("TMPDIR", home.path());
        command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret");
        command.stdin(Stdio::piped()).stdout(log.try_clone().expect("a log")).stderr(log).current_dir(home.path());
        with(&mut command, &free.port().to_string());
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut server = Server { process, port: free.port(), _home: home };
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && server.process.try_wait().ok()?.is_none() {
            if server.ask("GET", path, "").is_some() {
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The body of an answer; none when there was none, or it was no success.
    fn ask(&self, method: &str, path: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.split(' ').nth(1)?.starts_with('2').then(|| body.to_owned())
    }

    /// Puts something there. Returns what it is.
    pub fn seed(&self, what: &str) -> Value {
        let mut python = Command::new(install::programs().join("python"));
        let made = install::run(python.arg(script("seed.py")).args([what, &self.url()]).env_remove("AWS_PROFILE"));
        serde_json::from_str(&made.unwrap_or_else(|error| panic!("{error}"))).expect("JSON")
    }

    /// Orders trouble, in place of what was ordered before.
    pub fn trouble(&self, rules: &Value) {
        self.ask("POST", "/_microburst/rules", &rules.to_string()).expect("rules are taken");
    }

    /// The trouble that there was.
    pub fn fired(&self) -> Vec<Value> {
        let fired = self.ask("GET", "/_microburst/fired?limit=10000", "").expect("an answer");
        serde_json::from_str(&fired).expect("JSON")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

/// Runs `analyze` with some services served and no others.
pub fn analyze(services: &[(&str, &Server)], arguments: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    let mut command = ssl_usage(home.path());
    for (service, server) in services {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), server.url());
    }
    Run::of(command.args(["analyze", "--format", "json", "--days", "3"]).args(arguments))
}

/// What tells instances apart, of the instances of a report or of what was made.
pub fn instances(list: &Value) -> Vec<String> {
    const KEYS: [&str; 6] = ["account", "region", "instance", "cluster", "engine", "engine_version"];
    let list = list.as_array().expect("a list of instances").iter();
    let mut instances: Vec<String> =
        list.map(|instance| KEYS.map(|key| instance[key].as_str().unwrap_or("-").to_owned()).join(" ")).collect();
    instances.sort_unstable();
    instances
}

/// What a report says of the instance of this name.
pub fn named<'a>(report: &'a Value, name: &str) -> &'a Value {
    let instances = report["instances"].as_array().expect("instances");
    instances.iter().find(|instance| instance["instance"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
}

/// The reasons of a verdict.
pub fn reasons(instance: &Value) -> Vec<&str> {
    instance["reasons"].as_array().expect("reasons").iter().filter_map(|reason| reason["code"].as_str()).collect()
}

/// The calls that a report says failed.
pub fn failed(report: &Value) -> Vec<&str> {
    let errors = report["errors"].as_array().expect("errors").iter();
    let mut calls: Vec<&str> = errors.map(|error| error["call"].as_str().unwrap_or_default()).collect();
    calls.sort_unstable();
    calls.dedup();
    calls
}
