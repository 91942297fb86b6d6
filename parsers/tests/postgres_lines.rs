//! PostgreSQL logs that something happened to on their way: each session is counted as it was, or what is lost is reported.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use ssl_usage_parsers::{HEAD, Hints, Scanner, Tally, detect, postgres};

/// TLS, plaintext and local sessions, and records that could not be understood.
type Counts = (u64, u64, u64, u64);

const MARK: &str = " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)";

fn counts(log: &[u8]) -> Counts {
    let parser = detect(&log[..log.len().min(HEAD)], &Hints::default())
        .unwrap_or_else(|| panic!("not recognised: {}", log.escape_ascii()));
    let mut tally = Tally::of(&postgres::ENGINE);
    Scanner::new(parser.as_ref(), 1).scan(log, &mut tally);
    (tally.connections.tls, tally.connections.plaintext, tally.connections.local, tally.unparsed())
}

fn stderr(pid: u32, message: &str) -> String {
    format!("2026-11-20 10:00:01 UTC:10.0.1.5({pid}):app@orders:[{pid}]:LOG:  {message}\n")
}

fn authorized(pid: u32, mark: &str) -> String {
    stderr(pid, &format!("connection authorized: user=app database=orders{mark}"))
}

fn csv(pid: u32, mark: &str) -> String {
    format!(
        "2026-11-20 10:00:01.123 UTC,\"app\",\"orders\",{pid},\"10.0.1.5:{pid}\",6b.65,2,\"authentication\",2026-11-20 10:00:01 UTC,3/1,0,LOG,00000,\"connection authorized: user=app database=orders{mark}\",,,,,,,,,\"\",\"client backend\",,0\n"
    )
}

fn json(pid: u32, mark: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-11-20 10:00:01.123 UTC\",\"user\":\"app\",\"dbname\":\"orders\",\"pid\":{pid},\"remote_host\":\"10.0.1.5\",\"remote_port\":{pid},\"ps\":\"authentication\",\"error_severity\":\"LOG\",\"message\":\"connection authorized: user=app database=orders{mark}\"}}\n"
    )
}

#[test]
fn zeros_marks_and_torn_lines_before_a_record_hide_nothing() {
    for (name, write) in [("stderr", authorized as fn(u32, &str) -> String), ("csvlog", csv), ("jsonlog", json)] {
        let (plain, tls) = (write(401, "").repeat(4), write(402, MARK));
        for zeros in [1, 4096] {
            let log = [plain.as_bytes(), &vec![0; zeros], tls.as_bytes(), plain.as_bytes()].concat();
            assert_eq!(counts(&log), (1, 8, 0, 0), "{name}: {zeros} zeros");
        }
        for before in ["\u{feff}", "\r", " ", "\u{1b}[0m", "curl: ", &tls[..60]] {
            let log = format!("{plain}{before}{tls}{plain}");
            let (found_tls, found_plain, _, unparsed) = counts(log.as_bytes());
            assert!(found_plain <= 8 && found_tls + unparsed >= 1, "{name} behind {before:?}: {log}");
        }
    }
}

#[test]
fn a_last_line_without_its_newline_counts_where_nothing_can_follow() {
    for (name, write) in [("stderr", authorized as fn(u32, &str) -> String), ("csvlog", csv), ("jsonlog", json)] {
        let log = format!("{}{}", write(401, ""), write(402, MARK));
        assert_eq!(counts(log.trim_end().as_bytes()), (1, 1, 0, 0), "{name}");
    }
    let cut = format!("{}{}", authorized(402, MARK), authorized(401, ""));
    assert_eq!(counts(cut.trim_end().as_bytes()), (1, 0, 0, 1), "a mark may follow");
}

#[test]
fn records_without_a_newline_between_them_are_reported() {
    let ended = stderr(401, "disconnection: session time: 0:00:01.000 user=app database=orders host=10.0.1.5 port=401");
    let (plain, tls) = (authorized(402, ""), authorized(403, MARK));
    for first in [&ended, &plain, &tls] {
        let glued = format!("{}{tls}{plain}", first.trim_end());
        let (found_tls, found_plain, _, unparsed) = counts(glued.as_bytes());
        assert!(found_plain <= 1 && unparsed >= 1, "{glued}: {found_tls} TLS, {found_plain} plaintext");
    }
}

/// A prefix without names leaves the end of the database's name to the message alone.
#[test]
fn a_cut_mark_is_no_name() {
    let line = |rest: &str| format!("2026-11-20 10:00:01.123 UTC [101] LOG:  {rest}\n");
    let whole = line("connection authorized: user=app database=orders");
    for cut in 2..MARK.len() {
        let log =
            format!("{whole}{}", line(&format!("connection authorized: user=app database=orders{}", &MARK[..cut])));
        let blank = MARK[..cut].ends_with(' ');
        assert!(blank || counts(log.as_bytes()) == (0, 1, 0, 1), "{log}{:?}", counts(log.as_bytes()));
    }
}

#[test]
fn a_line_that_is_cut_within_its_first_words_is_reported() {
    let whole = authorized(401, "");
    for mark in ["", " [Your log message was truncated]"] {
        let head = "connection authorized: ";
        for cut in 10..head.len() {
            let log = format!("{whole}{}{whole}", stderr(402, &format!("{}{mark}", &head[..cut])));
            assert_eq!(counts(log.as_bytes()), (0, 2, 0, 1), "{log}");
        }
    }
}

#[test]
fn a_statement_that_a_log_begins_in_holds_no_record() {
    let log = format!("\tselect 'LOG:  connection authorized: user=x database=y'\n{}", authorized(401, MARK));
    assert_eq!(counts(log.as_bytes()), (1, 0, 0, 0));
}

#[test]
fn a_log_that_begins_within_a_record_says_so() {
    let (whole, plain) = (authorized(401, MARK), authorized(402, ""));
    let message_at = whole.find("connection").expect("a message");
    for from in 1..whole.len() - 12 {
        let log = format!("{}{plain}", &whole[from..]);
        let (tls, plaintext, _, unparsed) = counts(log.as_bytes());
        assert!(tls + unparsed == 1 && plaintext == 1, "from {from} ({message_at}): {log}");
    }
}

/// What tools put before each line is part of the prefix, and takes nothing from it.
#[test]
fn text_before_each_line_changes_nothing() {
    let local =
        "2026-11-20 10:00:01 UTC:[local]:app@orders:[9]:LOG:  connection authorized: user=app database=orders\n";
    let log = format!("{}{}{local}", authorized(401, MARK), authorized(402, ""));
    for before in ["  ", "> ", "postgresql.log.2026-11-20-10:", "db-1|", "2026-11-20T10:00:01.000Z "] {
        let text: String = log.lines().map(|line| format!("{before}{line}\n")).collect();
        assert_eq!(counts(text.as_bytes()), (1, 1, 1, 0), "{before:?}");
    }
    let numbered: String = log.lines().enumerate().map(|(at, line)| format!("{}:{line}\n", at + 1)).collect();
    assert_eq!(counts(numbered.as_bytes()), (1, 1, 1, 0), "grep -n");
}

#[test]
fn names_that_are_alike_do_not_change_places() {
    let line = |user: &str, database: &str| {
        format!(
            "2026-11-20 10:00:01.123 UTC [101] [user={user},db={database},app=[unknown]] LOG:  connection authorized: user={user} database={database}{MARK}\n"
        )
    };
    let log: String = (0..200).map(|_| line("shop", "shop")).chain([line("app", "orders")]).collect();
    assert_eq!(counts(log.as_bytes()), (201, 0, 0, 0));
    let parser = detect(log.as_bytes(), &Hints::default()).expect("recognised");
    assert_eq!(parser.log_line_prefix(), Some("%m [%p] [user=%u,db=%d,app=%a] "));
}

/// RDS's records with the state behind the prefix; the severity follows it at once.
#[test]
fn a_state_has_five_letters() {
    let log =
        format!("2026-11-20 10:00:01.123 UTC [101] 00000LOG:  connection authorized: user=app database=orders{MARK}\n");
    assert_eq!(counts(log.repeat(3).as_bytes()), (3, 0, 0, 0));
}
