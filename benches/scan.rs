//! How fast logs are scanned and collected, beside ripgrep on the same files in the same run.
//!
//! ```text
//! cargo bench --bench scan                            1 GB a log
//! SSL_USAGE_BENCH_MB=100 cargo bench --bench scan
//! SSL_USAGE_BENCH_PROGRAM=target/dist/ssl-usage cargo bench --bench scan
//! ```
//!
//! The logs are generated (they are not samples): PostgreSQL's with RDS's `log_line_prefix`, (a) one connection record in 60
//! lines and as many forged ones inside statements, (b) nearly all connection records; (c) a MySQL general log, (d) an audit
//! log of RDS for MySQL, and (e) an Oracle listener log. Each command runs in turn, several times, with
//! the files in the page cache; whole processes are timed, and the medians compared. What is found must be what was written.
#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark prints, and stops at what is wrong"
)]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

/// A log to be generated.
struct Log {
    name: &'static str,
    title: &'static str,
    /// What ripgrep counts the lines of.
    needle: &'static str,
    /// What a scan must look at: ripgrep counts these lines too, as a measure of what is least.
    marks: &'static [&'static str],
    /// The highest ratio of the two that is aimed at.
    goal: f64,
    /// Whether it is scanned on more and more threads.
    is_scaled: bool,
    /// Whether it is collected, too.
    is_collected: bool,
    /// Writes a line.
    line: fn(&mut Vec<u8>, u64),
    /// How many sessions that many lines show.
    sessions: fn(u64) -> u64,
}

const LOGS: &[Log] = &[
    Log {
        name: "sparse",
        title: "(a) PostgreSQL, 1 connection record in 60 lines",
        needle: "connection authorized",
        marks: &["onnection", "FATAL:  "],
        goal: 0.7,
        is_scaled: true,
        is_collected: false,
        line: sparse_line,
        sessions: |lines| lines.div_ceil(60),
    },
    Log {
        name: "dense",
        title: "(b) PostgreSQL, nearly all connection records",
        needle: "connection authorized",
        marks: &["onnection", "FATAL:  "],
        goal: 2.5,
        is_scaled: true,
        is_collected: true,
        line: dense_line,
        sessions: |lines| (lines + 1) / 3,
    },
    Log {
        name: "general",
        title: "(c) MySQL general log, 1 connection in 60 lines",
        needle: " Connect\t",
        marks: &[" Connect\t", " Init DB\tAccess denied"],
        goal: 1.5,
        is_scaled: false,
        is_collected: false,
        line: general_line,
        sessions: |lines| lines.div_ceil(60),
    },
    Log {
        name: "audit",
        title: "(d) RDS for MySQL audit log, 1 connection in 20 lines",
        needle: ",CONNECT,",
        marks: &[",CONNECT,", ",FAILED_CONNECT,", ",DISCONNECT,"],
        goal: 3.0,
        is_scaled: false,
        is_collected: false,
        line: audit_line,
        sessions: |lines| lines.div_ceil(20),
    },
    Log {
        name: "listener",
        title: "(e) Oracle listener log, nearly all connections",
        needle: "establish",
        marks: &[r" establish \*", "unknown connect data", r" \* \(CONNECT_DATA="],
        goal: 3.0,
        is_scaled: false,
        is_collected: false,
        line: listener_line,
        sessions: |lines| lines - lines / 10,
    },
];

fn main() {
    let megabytes: u64 = std::env::var("SSL_USAGE_BENCH_MB").ok().and_then(|value| value.parse().ok()).unwrap_or(1000);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&folder).expect("a folder for the logs");
    for log in LOGS {
        let (path, lines) =
            generate(&folder.join(format!("{}-{megabytes}.log", log.name)), megabytes * 1_000_000, log.line);
        println!("{}, {megabytes} MB", log.title);
        compare(log, &path, lines);
        memory(&path);
        instructions(log, &folder);
        if log.is_scaled {
            threads(&path);
        }
        if log.is_collected {
            collect(log, &path, lines);
        }
    }
}

/// The program that is measured: the one that was built with the benchmark, or another build.
fn program() -> Command {
    Command::new(std::env::var_os("SSL_USAGE_BENCH_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ssl-usage").into()))
}

/// `scan` of a log, for people or, with `--format json`, with the number of lines.
fn scan(path: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command.arg("scan").args(arguments).arg(path);
    command
}

/// Runs the two commands in turn, and prints the medians and what each found.
fn compare(log: &Log, path: &Path, lines: u64) {
    let (mut scans, mut greps, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        scans.push(timed(&mut scan(path, &[])));
        greps.push(timed(Command::new("rg").args(["-c", log.needle]).arg(path)));
        let marks = log.marks.iter().flat_map(|mark| ["-e", mark]);
        all.push(timed(Command::new("rg").arg("-c").args(marks).arg(path)));
    }
    let (scanned, grepped) = (report("scan", &mut scans), report("rg -c", &mut greps));
    let ratio = |other: Duration| scanned.map_or(f64::NAN, |scanned| scanned.as_secs_f64() / other.as_secs_f64());
    if let Some(grepped) = grepped {
        println!("  ratio  {:.2} (goal: {})", ratio(grepped), log.goal);
    }
    if let Some(all) = report("rg, marks", &mut all) {
        println!("  ratio  {:.2} to a count of all lines that a scan must look at", ratio(all));
    }
    let (_, shown) = timed(&mut scan(path, &["--format", "json"])).expect("it runs");
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("a report");
    let found = &shown["total"]["connections"];
    let sessions = found["tls"].as_u64().zip(found["plaintext"].as_u64()).map(|(tls, plaintext)| tls + plaintext);
    let expected = (log.sessions)(lines);
    assert_eq!((sessions, shown["total"]["unparsed"].as_u64()), (Some(expected), Some(0)), "every session is found");
}

/// Prints how much faster a scan is on more threads, up to one for each processor.
fn threads(path: &Path) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let numbers = [1, 2, 4, 8, 16, 32].into_iter().filter(|number| *number <= processors);
    let mut alone = None;
    for number in numbers {
        let mut runs: Vec<_> =
            (0..=ROUNDS).map(|_| timed(&mut scan(path, &["--threads", &number.to_string()]))).collect();
        let Some(took) = report(&format!("{number} threads"), &mut runs) else { return };
        let alone = *alone.get_or_insert(took);
        println!("    {:.2} times as fast as on 1", alone.as_secs_f64() / took.as_secs_f64());
    }
}

/// Prints how long the same log takes to become evidence: events are added up by client and hour. A log is collected by one
/// thread, beside other logs, so it is scanned by one thread too.
fn collect(log: &Log, path: &Path, lines: u64) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let error = folder.path().join("logs/orders-prod/error");
    std::fs::create_dir_all(&error).expect("a folder");
    std::fs::hard_link(path, error.join("postgresql.log.2026-11-23-00")).expect("a link");
    let (mut collections, mut scans) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let mut command = program();
        let bundle = folder.path().join(format!("bundle-{round}"));
        command.args([
            "collect",
            "--quiet",
            "--instance",
            "orders-prod",
            "--engine",
            "postgres",
            "--engine-version",
            "16.4",
        ]);
        command.args(["--now", "2026-11-25T00:00:00Z", "--logs"]).arg(folder.path().join("logs")).arg("-o").arg(bundle);
        collections.push(timed(&mut command));
        scans.push(timed(&mut scan(path, &["--threads", "1"])));
    }
    let mut analyze = program();
    analyze.args(["analyze", "--format", "json", "--now", "2026-11-25T00:00:00Z", "--from"]);
    let (_, shown) = timed(analyze.arg(folder.path().join("bundle-0"))).expect("it runs");
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("a report");
    let found = &shown["instances"][0]["connections"];
    let sessions = found["tls"].as_u64().zip(found["plaintext"].as_u64()).map(|(tls, plaintext)| tls + plaintext);
    assert_eq!(sessions, Some((log.sessions)(lines)), "every session is found");
    if let (Some(collected), Some(scanned)) = (report("collect", &mut collections), report("scan", &mut scans)) {
        println!("  ratio  {:.2} (goal: 1.5)", collected.as_secs_f64() / scanned.as_secs_f64());
    }
}

/// Prints how many instructions a scan takes, by the difference of two logs: those of the start of the program are in both.
/// They are the same on a busy machine.
fn instructions(log: &Log, folder: &Path) {
    let counted = |megabytes: u64| {
        let (path, lines) =
            generate(&folder.join(format!("{}-{megabytes}.log", log.name)), megabytes * 1_000_000, log.line);
        let out = folder.join("callgrind.out");
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())]);
        let scan = scan(&path, &["--threads", "1"]);
        let output = valgrind.arg(scan.get_program()).args(scan.get_args()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let total = text.lines().find_map(|line| line.split("Collected : ").nth(1))?.trim().parse::<u64>().ok()?;
        Some((total, lines, path.metadata().ok()?.len()))
    };
    match counted(4).zip(counted(8)) {
        Some(((less, fewer, shorter), (more, lines, longer))) => println!(
            "  {} instructions per line, {:.2} per byte",
            (more - less) / (lines - fewer),
            (more - less) as f64 / (longer - shorter) as f64
        ),
        None => println!("  instructions: install valgrind to count them"),
    }
}

/// Runs a command to its end: how long it took, and what it printed. None if it cannot be had.
fn timed(command: &mut Command) -> Option<(Duration, String)> {
    let start = Instant::now();
    let output = command.output().ok()?;
    Some((start.elapsed(), String::from_utf8(output.stdout).ok()?))
}

/// Prints the median of the runs after the first, which only warms the cache.
fn report(name: &str, runs: &mut Vec<Option<(Duration, String)>>) -> Option<Duration> {
    let mut runs: Vec<_> = runs.drain(..).skip(1).flatten().map(|(took, _)| took).collect();
    runs.sort_unstable();
    let Some(median) = runs.get(runs.len() / 2).copied() else {
        println!("  {name:10} not installed");
        return None;
    };
    println!("  {name:10} {:>6.0} ms", median.as_secs_f64() * 1e3);
    Some(median)
}

/// Peak memory of a scan, where GNU time is there to tell.
fn memory(path: &Path) {
    let mut command = Command::new("/usr/bin/time");
    let scan = scan(path, &[]);
    command.args(["-f", "%M"]).arg(scan.get_program()).args(scan.get_args());
    if let Some(kilobytes) = command.output().ok().and_then(|output| String::from_utf8(output.stderr).ok()) {
        println!("  peak memory {} KB", kilobytes.trim());
    }
}

/// Writes a log of `bytes` bytes, unless it is there. Returns its path, and how many lines were written.
fn generate(path: &Path, bytes: u64, line: fn(&mut Vec<u8>, u64)) -> (PathBuf, u64) {
    let there = path.metadata().is_ok_and(|found| found.len() >= bytes);
    let mut out = (!there).then(|| BufWriter::with_capacity(1 << 20, File::create(path).expect("a new log")));
    let (mut written, mut number, mut text) = (0, 0, Vec::new());
    while written < bytes {
        text.clear();
        line(&mut text, number);
        if let Some(out) = &mut out {
            out.write_all(&text).expect("room for the log");
        }
        written += text.len() as u64;
        number += 1;
    }
    if let Some(mut out) = out {
        out.flush().expect("room for the log");
    }
    (path.to_owned(), number)
}

/// Hour, minute and second of a line.
fn time(number: u64) -> (u64, u64, u64) {
    let second = number / 200;
    (second / 3600 % 24, second / 60 % 60, second % 60)
}

fn prefix(text: &mut Vec<u8>, number: u64, session: u64) {
    let (hour, minute, second) = time(number);
    write!(
        text,
        "2026-11-23 {hour:02}:{minute:02}:{second:02} UTC:10.20.{}.{}({}):app{}@orders:[{}]:",
        session % 4,
        session % 200 + 10,
        30000 + session % 30000,
        session % 7,
        1000 + session % 60000,
    )
    .expect("memory");
}

fn authorized(text: &mut Vec<u8>, session: u64) {
    write!(
        text,
        "LOG:  connection authorized: user=app{} database=orders application_name=checkout-{}",
        session % 7,
        session % 5
    )
    .expect("memory");
    if !session.is_multiple_of(3) {
        text.extend_from_slice(b" SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)");
    }
    text.push(b'\n');
}

fn sparse_line(text: &mut Vec<u8>, number: u64) {
    match number % 60 {
        0 => {
            prefix(text, number, number / 60);
            authorized(text, number / 60);
        }
        30 => {
            prefix(text, number, number / 60);
            text.extend_from_slice(b"LOG:  statement: insert into notes (body) values ('seen: LOG:  connection authorized: user=app1 database=orders SSL enabled (protocol=TLSv1.3, cipher=FAKE, bits=256)')\n");
        }
        other => {
            prefix(text, number, number / 60);
            let _ = writeln!(
                text,
                "LOG:  duration: {}.{other:03} ms  statement: SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = {number} AND o.state IN ('paid', 'sent')",
                number % 90
            );
        }
    }
}

fn dense_line(text: &mut Vec<u8>, number: u64) {
    let session = number / 3;
    match number % 3 {
        0 => {
            let (hour, minute, second) = time(number);
            let _ = writeln!(
                text,
                "2026-11-23 {hour:02}:{minute:02}:{second:02} UTC:10.20.{}.{}({}):[unknown]@[unknown]:[{}]:LOG:  connection received: host=10.20.{}.{} port={}",
                session % 4,
                session % 200 + 10,
                30000 + session % 30000,
                1000 + session % 60000,
                session % 4,
                session % 200 + 10,
                30000 + session % 30000
            );
        }
        1 => {
            prefix(text, number, session);
            authorized(text, session);
        }
        _ => {
            prefix(text, number, session);
            let _ = writeln!(
                text,
                "LOG:  disconnection: session time: 0:00:00.{:03} user=app{} database=orders host=10.20.{}.{} port={}",
                number % 1000,
                session % 7,
                session % 4,
                session % 200 + 10,
                30000 + session % 30000
            );
        }
    }
}

fn general_line(text: &mut Vec<u8>, number: u64) {
    let session = number / 60 + 8;
    let _ = write!(
        text,
        "2026-11-23T10:{:02}:{:02}.{:06}Z\t{session:5} ",
        number / 12000 % 60,
        number / 200 % 60,
        number % 200 * 5000
    );
    let _ = match number % 60 {
        0 => {
            let transport = if session.is_multiple_of(3) { "TCP/IP" } else { "SSL/TLS" };
            writeln!(
                text,
                "Connect\tapp{}@10.20.{}.{} on orders using {transport}",
                session % 7,
                session % 4,
                session % 200 + 10
            )
        }
        30 => writeln!(
            text,
            "Query\tinsert into notes (body) values ('seen: 8 Connect app1@10.20.0.1 on orders using TCP/IP')"
        ),
        _ => writeln!(
            text,
            "Query\tSELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = {number} AND o.state IN ('paid', 'sent')"
        ),
    };
}

fn audit_line(text: &mut Vec<u8>, number: u64) {
    let session = number / 20 + 8;
    let _ = write!(
        text,
        "20261123 10:{:02}:{:02},ip-10-20-0-5,app{},10.20.{}.{},{session},{number},",
        number / 12000 % 60,
        number / 200 % 60,
        session % 7,
        session % 4,
        session % 200 + 10
    );
    let transport = if session.is_multiple_of(3) { "TCP/IP" } else { "SSL" };
    let _ = match number % 20 {
        0 => writeln!(text, "CONNECT,orders,,0,{transport}"),
        19 => writeln!(text, "DISCONNECT,orders,,0,{transport}"),
        _ => writeln!(
            text,
            "QUERY,orders,'SELECT id, total FROM orders WHERE id = {number} AND state IN (\\'paid\\', \\'sent\\')',0,,"
        ),
    };
}

fn listener_line(text: &mut Vec<u8>, number: u64) {
    let (hour, minute, second) = (number / 36000 % 24, number / 600 % 60, number / 10 % 60);
    let _ = write!(text, "23-NOV-2026 {hour:02}:{minute:02}:{second:02} * ");
    let _ = if number % 10 == 9 {
        writeln!(text, "service_update * ORDERS * 0")
    } else {
        writeln!(
            text,
            "(CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=shop)(HOST=web-{})(USER=app))) * (ADDRESS=(PROTOCOL={})(HOST=10.20.{}.{})(PORT={})) * establish * ORDERS * 0",
            number % 9,
            if number.is_multiple_of(3) { "tcp" } else { "tcps" },
            number % 4,
            number % 200 + 10,
            30000 + number % 30000
        )
    };
}
