//! Logins that SQL Server recorded in files of Extended Events, if an event session records `process_login_finish`.
//!
//! The event names the TLS version and the cipher of the login. SQL Server encrypts the login of every client that can do so,
//! even if the session is not encrypted after it. So it says which clients logged in, and with which TLS version, and nothing
//! about sessions: it decides no verdict.
//!
//! Sources: "sys.fn_xe_file_target_read_file", "sys.dm_xe_sessions", "sys.dm_xe_session_targets" and "sys.dm_xe_session_events"
//! in the SQL Server documentation, which require VIEW SERVER STATE (VIEW SERVER PERFORMANCE STATE from 2022 on); \[MS-TDS\],
//! section 2.2.6.5; "Using extended events with Amazon RDS for Microsoft SQL Server" in the RDS user guide: Enterprise and
//! Standard Edition alone, with files in `D:\rdsdbdata\log`. Microsoft documents no fields of the event: their names are those
//! of the provider's manifest and of scripts that are published. No SQL Server was at hand.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::database::{Database, QueryError, Row};
use super::number;
use crate::text::one_line;

/// The logins, by protocol, cipher, success, application and address: the most frequent ones first.
const LOGINS: &str = include_str!("sqlserver/logins.sql");

/// Columns of [`LOGINS`]; the last one is the number of groups.
const COLUMNS: usize = 9;
/// Most groups that are read, as in [`LOGINS`].
const MOST: usize = 500;
/// Most characters of a message of the server that are kept.
const LONGEST: usize = 300;

/// Logins in the files of Extended Events.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LoginEvents {
    /// The logins, by what they have in common.
    pub groups: Vec<LoginGroup>,
    /// What is missing; none if all that was recorded is there.
    pub note: Option<String>,
}

/// Logins that have the same fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LoginGroup {
    /// TLS version of the login, as the server names it; none without TLS.
    pub tls_version: Option<String>,
    /// Cipher, likewise.
    pub cipher: Option<String>,
    /// Whether the login was accepted; none if the event does not say it.
    pub accepted: Option<bool>,
    /// Application name.
    pub application: Option<String>,
    /// Address.
    pub address: Option<String>,
    /// How many.
    pub count: u64,
    /// When the first one ended.
    pub first_at: Timestamp,
    /// When the last one ended.
    pub last_at: Timestamp,
}

impl LoginEvents {
    /// Reads them. What fails is a note.
    pub(super) async fn read(database: &mut Database) -> Self {
        match database.rows(LOGINS).await {
            Ok(rows) => Self::of(&rows),
            Err(QueryError { code, message }) => Self::missing(&format!("{message} {code}")),
        }
    }

    /// None could be read.
    pub(super) fn missing(why: &str) -> Self {
        let note = format!("the Extended Events could not be read: {}", one_line(why, LONGEST));
        Self { groups: Vec::new(), note: Some(note) }
    }

    fn of(rows: &[Row]) -> Self {
        let groups: Vec<LoginGroup> = rows.iter().take(MOST).filter_map(group).collect();
        let is_whole = |row: &Row| number(row.last().cloned().flatten().as_deref()) == Some(rows.len());
        let note = match (groups.len() == rows.len(), rows.iter().all(is_whole)) {
            (true, true) if rows.is_empty() => {
                Some("no running event session records process_login_finish in a file, or it recorded no login")
            }
            (true, true) => None,
            (false, _) => Some("a part of the server's answer could not be read"),
            (_, false) => Some("some of the logins are left out"),
        };
        Self { groups, note: note.map(str::to_owned) }
    }

    /// Logins with TLS that were accepted.
    pub fn with_tls(&self) -> impl Iterator<Item = (&str, &LoginGroup)> {
        let accepted = self.groups.iter().filter(|group| group.accepted == Some(true));
        accepted.filter_map(|group| Some((group.tls_version.as_deref()?, group)))
    }
}

fn group(row: &Row) -> Option<LoginGroup> {
    let column = |at: usize| row.get(at).and_then(Option::as_deref);
    let owned = |at: usize| column(at).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let is_time = |millisecond: &i64| (0..253_339_228_800_000).contains(millisecond);
    let time = |at: usize| Timestamp::from_millisecond(number(column(at)).filter(is_time)?).ok();
    let is_tls = |name: &String| ["TLS", "SSL"].iter().any(|word| name.to_ascii_uppercase().contains(word));
    let (first_at, last_at) = (time(6)?, time(7)?);
    let accepted = match column(2) {
        Some("true" | "1") => Some(true),
        Some("false" | "0") => Some(false),
        _ => None,
    };
    Some(LoginGroup {
        tls_version: owned(0).filter(is_tls),
        cipher: owned(1),
        accepted,
        application: owned(3),
        address: owned(4),
        count: number(column(5)).filter(|count| *count > 0)?,
        first_at,
        last_at,
    })
    .filter(|_| row.len() == COLUMNS && first_at <= last_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(of: [Option<&str>; COLUMNS]) -> Row {
        of.map(|text| text.map(str::to_owned)).to_vec()
    }

    const TLS: [Option<&str>; COLUMNS] = [
        Some("TLS1.2"),
        Some("AES256"),
        Some("true"),
        Some("orders"),
        Some("10.0.0.7"),
        Some("5"),
        Some("1795392000000"),
        Some("1795395600000"),
        Some("1"),
    ];

    /// How many groups are left of rows, and the note.
    fn read(rows: &[[Option<&str>; COLUMNS]]) -> (usize, Option<String>) {
        let events = LoginEvents::of(&rows.iter().map(|of| row(*of)).collect::<Vec<_>>());
        (events.groups.len(), events.note)
    }

    fn with(at: usize, text: Option<&'static str>) -> [Option<&'static str>; COLUMNS] {
        let mut row = TLS;
        row[at] = text;
        row
    }

    #[test]
    fn what_cannot_be_read_is_a_note() {
        assert_eq!(read(&[TLS]), (1, None));
        let noted = |rows: &[_], groups: usize, words: &str| {
            let (read, note) = read(rows);
            assert!(read == groups && note.as_ref().is_some_and(|note| note.contains(words)), "{read} {note:?}");
        };
        noted(&[], 0, "no running event session");
        noted(&[with(8, Some("2"))], 1, "left out");
        for (at, text) in [
            (5, Some("-1")),
            (5, Some("0")),
            (5, None),
            (6, Some("yesterday")),
            (6, Some("9999999999999999")),
            (7, Some("1")),
        ] {
            noted(&[with(at, text)], 0, "could not be read");
        }
        assert_eq!(LoginEvents::of(&[vec![None]]).groups, []);
        assert!(LoginEvents::of(&vec![row(TLS); MOST + 1]).note.is_some());
    }

    #[test]
    fn only_accepted_logins_with_tls_are_called_so() {
        let counted = |row: [Option<&str>; COLUMNS]| {
            LoginEvents::of(&[row.map(|text| text.map(str::to_owned)).to_vec()]).with_tls().count()
        };
        assert_eq!(counted(TLS), 1);
        let others =
            [with(0, Some("None")), with(0, None), with(2, Some("false")), with(2, Some("maybe")), with(2, None)];
        assert_eq!(others.map(counted), [0; 5]);
    }
}
