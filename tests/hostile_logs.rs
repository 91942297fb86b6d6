//! What clients write into a log whose statements are written as they are: it never makes the verdict on the others milder.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against};
use crate::engines::mariadb;
use crate::fake_aws::{FakeAws, Joins, LogFile};

const NOW: &str = "2026-11-24T12:00:00Z";
const HEADING: &str = "/rdsdbbin/mariadb/bin/mariadbd, Version: 10.11.9-MariaDB-log (managed by https://aws.amazon.com/rds/). \
                       started with:\nTcp port: 3306  Unix socket: /tmp/mysql.sock\nTime\t\t    Id Command\tArgument\n";

/// A time as MariaDB writes it.
fn stamp(at: Timestamp) -> String {
    at.strftime("%y%m%d %k:%M:%S").to_string()
}

/// A record of a client's session, with the time or where the second is that of the record before it.
fn connect(at: Option<Timestamp>, thread: u32, who: &str) -> String {
    format!("{}\t{thread:6} Connect\t{who}\n", at.map_or("\t".to_owned(), stamp))
}

/// An hour of a server: AWS's own sessions, and those of a client without TLS.
fn hour(from: Timestamp) -> String {
    let at = |minute: i64| Some(from + SignedDuration::from_mins(minute));
    HEADING.to_owned()
        + &connect(at(1), 3, "rdsadmin@localhost on  using Socket")
        + &connect(None, 4, "shop@10.0.0.7 on orders using TCP/IP")
        + &connect(at(30), 5, "shop@10.0.0.7 on orders using TCP/IP")
        + &connect(at(58), 6, "rdsadmin@localhost on  using Socket")
}

/// The verdict on a server that kept `hours` of its general log up to now, where the latest of them was changed.
fn judged(hours: i64, change: impl Fn(String) -> String) -> Value {
    let now: Timestamp = NOW.parse().expect("a time");
    let mut fleet = mariadb(NOW, "general/mysql-general.log");
    let files = &mut fleet.instances[0].files;
    files.clear();
    for ago in 1..=hours {
        let from = now - SignedDuration::from_hours(ago);
        let (name, text) = match ago {
            1 => ("general/mysql-general.log".to_owned(), change(hour(from))),
            _ => (format!("general/mysql-general.log.{ago}"), hour(from)),
        };
        let written = (from + SignedDuration::from_mins(58)).as_millisecond();
        files.insert(name, LogFile::new(text, written));
    }
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet);
    let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json", "--days", "1", "--now", NOW]));
    run.json()["instances"][0].clone()
}

/// Puts text behind the record of the thread 4.
fn behind_a_session(log: String, text: &str) -> String {
    let at = log.find("orders using TCP/IP\n").expect("the record") + "orders using TCP/IP\n".len();
    [&log[..at], text, &log[at..]].concat()
}

/// A session with TLS in the same second as a statement of someone else.
const TLS: &str = "\t\t     8 Connect\tcareful@10.0.0.8 on orders using SSL/TLS\n";

#[test]
fn a_log_that_nobody_tampers_with_proves_that_there_is_no_tls() {
    let shop = judged(24, |log| log);
    assert_eq!((&shop["rotation"], &shop["usage"]), (&"deferrable".into(), &"not_observed".into()), "{shop:#}");
}

#[test]
fn a_time_in_a_statement_moves_no_session_out_of_the_window() {
    for time in ["000101 00:00:00", "991231 23:59:59", "261101  0:00:00", "261124 11:40:00"] {
        let statement = format!("\t\t     9 Query\tselect '\n{time}\t     9 Query\tselect 1'\n{TLS}");
        let shop = judged(24, |log| behind_a_session(log, &statement));
        assert_eq!((&shop["rotation"], &shop["usage"]), (&"required".into(), &"in_use".into()), "{time}: {shop:#}");
        let careful = shop["connections"]["clients"]
            .as_array()
            .and_then(|clients| clients.iter().find(|client| client["user"] == "careful"));
        assert!(careful.is_some_and(|client| client["transport"] == "tls" || client["tls"] == 1), "{time}: {shop:#}");
    }
}

/// A file that is begun in a second of which records stand in the one before begins without a time.
#[test]
fn the_first_time_in_a_log_may_be_a_client_s() {
    for time in ["000101 00:00:00", "991231 23:59:59", "261101  0:00:00", "261124 10:30:00"] {
        let statement = format!("\t\t     9 Query\tselect '\n{time}\t     9 Query\tselect 1'\n{TLS}");
        let shop = judged(24, |log| log.replace(HEADING, &(HEADING.to_owned() + &statement)));
        assert_eq!((&shop["rotation"], &shop["usage"]), (&"required".into(), &"in_use".into()), "{time}: {shop:#}");
        assert_eq!(shop["connections"]["tls"], 1, "{time}: {shop:#}");
    }
}

/// Two files that begin with one text, which a client wrote: both count.
#[test]
fn logs_that_a_client_made_begin_alike_count_each() {
    let time = "261124 11:00:00\t     9 Query\tselect 1'\n";
    let begin = |log: String| log.replace(HEADING, &format!("{HEADING}\t\t     9 Query\tselect '\n{time}"));
    let one = judged(1, |log| begin(log) + TLS);
    let now: Timestamp = NOW.parse().expect("a time");
    let mut fleet = mariadb(NOW, "general/mysql-general.log");
    let files = &mut fleet.instances[0].files;
    files.clear();
    let from = now - SignedDuration::from_hours(1);
    for (name, end) in [("general/mysql-general.log", TLS.to_owned()), ("general/mysql-general.log.7", TLS.repeat(9))] {
        let written = (from + SignedDuration::from_mins(58)).as_millisecond();
        files.insert(name.to_owned(), LogFile::new(begin(hour(from)) + &end, written));
    }
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet);
    let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json", "--days", "1", "--now", NOW]));
    let both = &run.json()["instances"][0];
    assert_eq!((&one["connections"]["tls"], &both["connections"]["tls"]), (&1.into(), &10.into()), "{both:#}");
}

#[test]
fn a_refusal_in_a_statement_hides_no_session() {
    let refusal = "Connect\tAccess denied for user 'careful'@'10.0.0.8' (using password: YES)";
    for end in ["'", "\n\t\t     9 Quit\t", "\n261124 11:01:00\t     9 Quit\t"] {
        let statement = format!("{TLS}\t\t     9 Query\tselect '\n\t\t     8 {refusal}{end}\n");
        let shop = judged(24, |log| behind_a_session(log, &statement));
        assert_eq!((&shop["rotation"], &shop["usage"]), (&"required".into(), &"in_use".into()), "{end}: {shop:#}");
    }
}

/// Records of every hour of the window, in a statement that was written at one time.
#[test]
fn records_in_a_statement_cover_no_hours() {
    let now: Timestamp = NOW.parse().expect("a time");
    for step in [1, -1] {
        let forged = |number: i64| {
            let ago = if step > 0 { 24 - number } else { number + 1 };
            let from = now - SignedDuration::from_hours(ago);
            let at = |minute: i64| Some(from + SignedDuration::from_mins(minute));
            let who = "shop@10.0.0.7 on orders using TCP/IP";
            connect(at(5), 100 + number as u32, who) + &connect(at(50), 200 + number as u32, who)
        };
        let statement: String = (0..24).map(forged).collect();
        let inner = format!("\t\t     9 Query\tselect '\n{statement}'\n");
        let places: [&dyn Fn(String) -> String; 3] = [
            &|log| behind_a_session(log, &inner),
            &|log| log + &inner,
            // A log that begins with it, as where the first of it is gone.
            &|_| statement.clone(),
        ];
        for change in places {
            let shop = judged(1, change);
            let share = shop["coverage"]["share"].as_f64().expect("a share");
            assert!(share < 0.13, "{step}: {shop:#}");
            assert_eq!((&shop["rotation"], &shop["usage"]), (&"required".into(), &"undetermined".into()), "{shop:#}");
        }
    }
}

/// The verdict on a MySQL server whose general log is exported to CloudWatch Logs.
fn exported(log: &str) -> Run {
    let mut fleet = mariadb(NOW, "general/mysql-general.log");
    let shop = fleet.instance("shop");
    (shop.engine, shop.version) = ("mysql".to_owned(), "8.0.35".to_owned());
    shop.files = [("general/mysql-general.log".to_owned(), LogFile::new(log.as_bytes(), 0))].into();
    shop.export_joining("general", "general/", Joins::Nothing);
    shop.files.clear();
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet);
    Run::of(against(&aws, home.path()).args(["analyze", "--format", "json", "--days", "1", "--now", NOW]))
}

/// There, each line of a statement is an event, with the time that it begins with.
#[test]
fn records_in_a_statement_cover_no_hours_of_an_exported_log() {
    let begins: Timestamp = "2026-11-23T12:00:00Z".parse().expect("a time");
    let record = |minutes: i64, thread: i64, argument: &str| {
        let at = begins + SignedDuration::from_mins(minutes);
        at.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string() + &format!("\t{thread:5} {argument}\n")
    };
    let session = "Connect\tshop@10.0.0.7 on orders using TCP/IP";
    let sessions = |hours: std::ops::Range<i64>| -> String {
        let of_hour = |hour: i64| [5, 55].map(|minute| record(60 * hour + minute, 100 + hour, session)).concat();
        hours.map(of_hour).collect()
    };
    let honest = exported(&sessions(0..24)).json()["instances"][0].clone();
    assert_eq!(honest["rotation"], "deferrable", "{honest:#}");
    // Only the last hour was logged; a statement in it tells of all the others.
    let forged = record(60 * 23 + 4, 9, "Query\tselect '") + &sessions(0..23) + "'\n" + &sessions(23..24);
    let run = exported(&forged);
    let shop = &run.json()["instances"][0];
    assert!(shop["coverage"]["share"].as_f64().is_some_and(|share| share < 0.2), "{shop:#}");
    assert_eq!((run.status, &shop["rotation"], &shop["usage"]), (3, &"required".into(), &"undetermined".into()));
    assert!(run.err.contains("more than 10 minutes late"), "{run:?}");
}
