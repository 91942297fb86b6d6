//! How fast logs are scanned, beside ripgrep on the same files in the same run.
//!
//! ```text
//! cargo bench                            1 GB a log
//! SSL_USAGE_BENCH_MB=100 cargo bench
//! ```
//!
//! The logs are generated (they are not samples): RDS's `log_line_prefix`, (a) one connection record in 60 lines and as
//! many forged ones inside statements, (b) nearly all connection records. Each command runs in turn, several times, with
//! the files in the page cache; the medians are compared.
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

use ssl_usage_parsers::{Hints, Tally};

const ROUNDS: usize = 5;

fn main() {
    let megabytes: u64 = std::env::var("SSL_USAGE_BENCH_MB").ok().and_then(|value| value.parse().ok()).unwrap_or(1000);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    std::fs::create_dir_all(&folder).expect("a folder for the logs");
    for (name, title, line) in [
        ("sparse", "(a) 1 connection record in 60 lines", sparse_line as fn(&mut Vec<u8>, u64)),
        ("dense", "(b) nearly all connection records", dense_line),
    ] {
        let path = generate(&folder.join(format!("{name}-{megabytes}.log")), megabytes * 1_000_000, line);
        println!("{title}, {megabytes} MB");
        let mut scans = Vec::new();
        let mut greps = Vec::new();
        for _ in 0..=ROUNDS {
            scans.push(timed(|| scan(&path)));
            greps.push(timed(|| ripgrep(&path)));
        }
        let (scanned, grepped) = (report("scan", &mut scans), report("rg -c", &mut greps));
        if let (Some(scanned), Some(grepped)) = (scanned, grepped) {
            println!("  ratio  {:.2}", scanned.as_secs_f64() / grepped.as_secs_f64());
        }
    }
}

fn timed(work: impl FnOnce() -> Option<u64>) -> Option<(Duration, u64)> {
    let start = Instant::now();
    work().map(|count| (start.elapsed(), count))
}

/// Prints the median of the runs after the first, which only warms the cache.
fn report(name: &str, runs: &mut Vec<Option<(Duration, u64)>>) -> Option<Duration> {
    let mut times: Vec<_> = runs.drain(..).skip(1).flatten().collect();
    times.sort_unstable();
    let Some((median, count)) = times.get(times.len() / 2).copied() else {
        println!("  {name:6} not to be had: install ripgrep to compare");
        return None;
    };
    println!("  {name:6} {:>6.0} ms  ({count} found)", median.as_secs_f64() * 1e3);
    Some(median)
}

fn scan(path: &Path) -> Option<u64> {
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    let mut tally = Tally::new(&["rdsadmin"]);
    ssl_usage::scan::scan(path, &Hints::default(), threads, &mut tally).expect("a log that can be read");
    assert_eq!(tally.unparsed(), 0, "every record is understood");
    Some(tally.connections.sum())
}

fn ripgrep(path: &Path) -> Option<u64> {
    let output = Command::new("rg").args(["-c", "connection authorized"]).arg(path).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Writes a log of `bytes` bytes, unless it is there.
fn generate(path: &Path, bytes: u64, line: fn(&mut Vec<u8>, u64)) -> PathBuf {
    if path.metadata().is_ok_and(|found| found.len() >= bytes) {
        return path.to_owned();
    }
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).expect("a new log"));
    let (mut written, mut number, mut text) = (0, 0, Vec::new());
    while written < bytes {
        text.clear();
        line(&mut text, number);
        out.write_all(&text).expect("room for the log");
        written += text.len() as u64;
        number += 1;
    }
    out.flush().expect("room for the log");
    path.to_owned()
}

fn prefix(text: &mut Vec<u8>, number: u64, session: u64) {
    let second = number / 200;
    let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
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
            let _ = writeln!(
                text,
                "2026-11-23 10:{:02}:{:02} UTC:10.20.{}.{}({}):[unknown]@[unknown]:[{}]:LOG:  connection received: host=10.20.{}.{} port={}",
                number / 12000 % 60,
                number / 200 % 60,
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
