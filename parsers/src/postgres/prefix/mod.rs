//! `log_line_prefix`: what stands before the severity of every line of a PostgreSQL stderr log.
//!
//! The escapes are those of the [documentation](https://www.postgresql.org/docs/18/runtime-config-logging.html#GUC-LOG-LINE-PREFIX),
//! 9.4 to 18. What RDS allows is in [`rds`].
//!
//! User and database names are written raw, so that they may hold every separator and even newlines. A prefix is
//! therefore matched by trying where each name may end, shortest first. Nothing else can hold a newline: servers make
//! application names printable (`pg_clean_ascii`), and the resolver gives host names.
//!
//! Module `walk` tries the ends of names, `values` reads single values, and `severity` finds the word that ends a prefix.
//! The setting itself is not chosen here: `infer` does that.

pub(super) mod rds;
mod severity;
mod syslog;
pub(super) mod values;
mod walk;

use rds::{RDS, rds_head};
use severity::severity;
pub(super) use severity::{ends_in_severity, is_log};
use walk::{Accept, DeadEnds};

use super::time::has_time_shape;
use crate::time::LogTime;

/// Longest user or database name, in bytes (`NAMEDATALEN - 1`).
pub(super) const NAME_MAX: usize = 63;
/// Longest application name: 63 bytes, each written as `\xNN` at worst.
const APPLICATION_MAX: usize = 4 * NAME_MAX;
/// Longest host name (`NI_MAXHOST`).
const HOST_MAX: usize = 1025;

/// Longest prefix, in bytes.
///
/// Lines are matched no further than this.
pub(super) const PREFIX_MAX: usize = 2048;

/// One part of a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Fixed text, which must stand there byte by byte. `%%` is a part of it.
    Literal(Vec<u8>),
    /// The value of an escape.
    Field(Field),
    /// The blanks that `%-10u` and `%10u` put behind and before a short value.
    Padding,
    /// `%q`: processes without a session write nothing from here on.
    SessionOnly,
    /// What syslog puts before the message, up to `[3-1] `.
    Syslog,
}

impl Piece {
    /// Whether it can hold a newline.
    ///
    /// Only users and databases are names in this sense: application names and hosts are printable.
    fn is_name(&self) -> bool {
        matches!(self, Self::Field(Field::User | Field::Database))
    }
}

/// What an escape stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// `%t` and `%m`: `2026-11-23 18:39:57 UTC`, with or without milliseconds.
    Time,
    /// `%n`: `1795459197.242`.
    Epoch,
    /// `%r`: `10.0.0.7(49698)`, or `[local]`.
    Remote,
    /// `%h`: the address or host name without its port.
    Host,
    /// The server's own address (`%L`, from 18 on), which says nothing of the client.
    LocalHost,
    /// `%u`: raw, 63 bytes at most.
    User,
    /// `%d`: raw, 63 bytes at most.
    Database,
    /// `%a`: printable; `[unknown]` until the session is established.
    Application,
    /// `%p`: the process of the session.
    Pid,
    /// Numbers that are not used, such as `%l`, the number of the line within its session.
    Digits,
    /// `%e`: five letters or digits, `00000` for success.
    SqlState,
    /// `%s`: the time at which the process began.
    SessionStart,
    /// `%v`: `3/1`.
    VirtualTransaction,
    /// `%c`: `6924dca7.1267`, the start and the process in hexadecimal.
    SessionId,
    /// `%b` and `%i`: words of the server, such as `client backend`.
    Words,
}

/// The escapes of `log_line_prefix`, but for `%%` and `%q`.
///
/// An escape that is missing here is left out of a compiled prefix.
const ESCAPES: &[(u8, Field)] = &[
    (b't', Field::Time),
    (b'm', Field::Time),
    (b'n', Field::Epoch),
    (b'r', Field::Remote),
    (b'h', Field::Host),
    (b'L', Field::LocalHost),
    (b'u', Field::User),
    (b'd', Field::Database),
    (b'a', Field::Application),
    (b'p', Field::Pid),
    (b'P', Field::Digits),
    (b'l', Field::Digits),
    (b'x', Field::Digits),
    (b'Q', Field::Digits),
    (b'e', Field::SqlState),
    (b's', Field::SessionStart),
    (b'v', Field::VirtualTransaction),
    (b'c', Field::SessionId),
    (b'b', Field::Words),
    (b'i', Field::Words),
];

/// Prefixes to try on a text whose `log_line_prefix` is not known, those with most fields first.
///
/// Of two that match equally well, the earlier one wins.
pub(super) const KNOWN: &[&str] = &[
    // RDS and Aurora PostgreSQL: the values that they allow.
    RDS,
    rds::RDS_16_COLON,
    rds::RDS_16,
    // Debian's and Ubuntu's packages.
    "%m [%p] %q%u@%d ",
    // pgBadger's recommendation and its common variants.
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d ",
    // Cloud SQL.
    "%m [%p]: [%l-1] db=%d,user=%u ",
    // Azure Database for PostgreSQL.
    "%t-%c-",
    // The default since PostgreSQL 10.
    "%m [%p] ",
    "%t [%p] ",
    "%t ",
    // The default before.
    "",
];

/// A compiled `log_line_prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The text that was compiled.
    setting: String,
    /// Its parts, in their order.
    pieces: Vec<Piece>,
    /// The year of traditional syslog's times; 1970 where no syslog is expected.
    syslog_year: i16,
    /// Whether the prefix is RDS's default and nothing else.
    is_rds: bool,
    /// See [`Self::reach`].
    reach: usize,
    /// The longest text from the first name to the end of the last.
    names_max: usize,
    /// The byte before the severity, where it is always the same.
    ends_in: Option<u8>,
}

/// The values that a prefix gives for its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head<'a> {
    /// When the line was written.
    pub at: Option<LogTime>,
    /// `%p`, or the process within `%c`, or that of syslog.
    pub pid: Option<u64>,
    /// `%c`.
    pub session: Option<&'a [u8]>,
    /// `%r` without its port, or `%h`.
    pub address: Option<&'a [u8]>,
    /// The port of `%r`, which is not checked against 65535.
    pub port: Option<u64>,
    pub user: Option<&'a [u8]>,
    pub database: Option<&'a [u8]>,
    pub application: Option<&'a [u8]>,
    /// Syslog's number of the chunk of a message: 1 begins one.
    pub chunk: Option<u64>,
    /// Where the severity begins.
    pub severity_at: usize,
    /// Where the message begins.
    pub message_at: usize,
}

impl<'a> Head<'a> {
    /// Whether two lines have the same values of a session.
    pub(super) fn is_of_same_session(&self, other: &Self) -> bool {
        (self.pid, self.session, self.address, self.port) == (other.pid, other.session, other.address, other.port)
            && (self.user, self.database, self.application) == (other.user, other.database, other.application)
    }

    /// Whether a client's session wrote the line, as far as it was matched. Other processes have neither user nor database.
    ///
    /// False while no name was matched yet.
    fn of_session(&self) -> bool {
        [self.user, self.database].iter().flatten().any(|name| !name.is_empty())
    }

    /// Whether the line may be of a session that is being established: its application is not known yet.
    /// Servers translate `[unknown]`.
    ///
    /// True for no application, an empty one, `[unknown]` and its translations; false for `[a:b]`, which is a client's text.
    pub(super) fn may_establish(&self) -> bool {
        self.application.is_none_or(|name| {
            let inner = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]"));
            name.is_empty() || inner.is_some_and(|word| !word.iter().any(|byte| b"[]:".contains(byte)))
        })
    }

    /// Takes the value of a piece of variable length.
    ///
    /// `None` takes the value back, when another end is tried. Other pieces leave the head as it is.
    fn put(&mut self, piece: &Piece, text: Option<&'a [u8]>) {
        match piece {
            Piece::Field(Field::User) => self.user = text,
            Piece::Field(Field::Database) => self.database = text,
            Piece::Field(Field::Application) => self.application = text,
            Piece::Field(Field::Host) => self.address = text.filter(|text| !text.is_empty()),
            _ => {}
        }
    }
}

impl Prefix {
    /// Compiles a setting. Servers write nothing for an escape that they do not know.
    ///
    /// Digits and a minus sign behind `%` are padding, as in `%-10u`. A `%` at the end is dropped.
    /// The result is not validated: any text compiles.
    pub fn compile(setting: &str) -> Self {
        let mut pieces = Vec::new();
        let mut bytes = setting.bytes().peekable();
        let mut literal = Vec::new();
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                literal.push(byte);
                continue;
            }
            let behind = bytes.next_if_eq(&b'-').is_some();
            let mut padded = false;
            while bytes.next_if(u8::is_ascii_digit).is_some() {
                padded = true;
            }
            let piece = match bytes.next() {
                Some(b'%') => {
                    literal.push(b'%');
                    continue;
                }
                Some(b'q') => Piece::SessionOnly,
                Some(letter) => match ESCAPES.iter().find(|(escape, _)| *escape == letter) {
                    Some((_, field)) => Piece::Field(*field),
                    None => continue,
                },
                None => continue,
            };
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            let field = matches!(piece, Piece::Field(_));
            pieces.extend((field && padded && !behind).then_some(Piece::Padding));
            pieces.push(piece);
            pieces.extend((field && padded && behind).then_some(Piece::Padding));
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        let last_name = pieces.iter().rposition(Piece::is_name).map_or(0, |last| last + 1);
        let (reach, names_max) = (reach(&pieces), reach(pieces.get(..last_name).unwrap_or_default()));
        let ends_in = match pieces.last() {
            Some(Piece::Literal(literal)) if !pieces.contains(&Piece::SessionOnly) => literal.last().copied(),
            _ => None,
        };
        let setting = setting.to_owned();
        Self { is_rds: setting == RDS, setting, pieces, syslog_year: 1970, reach, names_max, ends_in }
    }

    /// The same prefix behind the text that syslog puts before each line. `year` is the year of traditional syslog's times.
    ///
    /// The short way for RDS's default is not taken then.
    #[must_use]
    pub fn in_syslog(mut self, year: i16) -> Self {
        self.pieces.insert(0, Piece::Syslog);
        self.syslog_year = year;
        self.is_rds = false;
        self
    }

    /// The prefixes that may alternate with this one: RDS's setting is dynamic and can change in the middle of a file.
    ///
    /// Empty for a setting that RDS does not allow, and within syslog. The order is that of [`rds::ALL`].
    pub(super) fn others(&self) -> Vec<Self> {
        let all: &[&str] = if self.is_syslog() || !rds::ALL.contains(&self.setting()) { &[] } else { &rds::ALL };
        all.iter().filter(|other| **other != self.setting).map(|other| Self::compile(other)).collect()
    }

    /// Whether this prefix matches lines of another one, with wrong values.
    ///
    /// Only RDS's second value does, for the same value with a final colon: the colon becomes a part of the application.
    pub(super) fn reads_lines_of(&self, other: &Self) -> bool {
        self.setting == rds::RDS_16 && other.setting == rds::RDS_16_COLON
    }

    /// Whether the server identifies the session of a line before the first name, which can imitate all that follows. No two
    /// sessions have the same process, or the same port of one address, at the same time.
    pub(super) fn identifies(&self, head: &Head<'_>) -> bool {
        self.pieces.iter().take_while(|piece| !piece.is_name()).any(|piece| match piece {
            Piece::Field(Field::Pid | Field::SessionId) | Piece::Syslog => true,
            Piece::Field(Field::Remote) => head.port.is_some(),
            _ => false,
        })
    }

    /// Whether it has the name of the application.
    pub(super) fn has_application(&self) -> bool {
        self.pieces.contains(&Piece::Field(Field::Application))
    }

    /// Whether every line begins with a time.
    pub(super) fn begins_with_time(&self) -> bool {
        self.pieces.first() == Some(&Piece::Field(Field::Time))
    }

    /// The most bytes that a line can have behind the first newline in a name, up to its severity; 0 without names.
    pub(super) fn reach(&self) -> usize {
        self.reach
    }

    /// The setting that this was compiled from.
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// Whether lines are wrapped by syslog.
    pub(super) fn is_syslog(&self) -> bool {
        self.pieces.first() == Some(&Piece::Syslog)
    }

    /// Matches the prefix and the severity at the start of `line`. Names end as early as they can.
    ///
    /// None where the line has another prefix, or no known severity behind it.
    pub(super) fn head<'a>(&self, line: &'a [u8]) -> Option<Head<'a>> {
        // Nearly every line is read so.
        if self.is_rds
            && let Some(head) = rds_head(line.get(..PREFIX_MAX).unwrap_or(line))
        {
            return Some(head);
        }
        self.head_where(line, &mut |_| true)
    }

    /// Matches the prefix at the start of `line` such that the severity begins at `at`.
    pub(super) fn head_up_to<'a>(&self, line: &'a [u8], at: usize) -> Option<Head<'a>> {
        // Nearly all text that imitates a record has another byte before it.
        if self.ends_in.is_some_and(|last| line.get(..at).and_then(<[u8]>::last) != Some(&last)) {
            return None;
        }
        self.head_where(line, &mut |head| head.severity_at == at)
    }

    /// The first match of the prefix at the start of `line` that is accepted. Names can hold separators, so there may be
    /// several.
    ///
    /// Only the first [`PREFIX_MAX`] bytes of `line` are matched.
    pub(super) fn head_where<'a>(&self, line: &'a [u8], accept: Accept<'_, 'a>) -> Option<Head<'a>> {
        let line = line.get(..line.len().min(PREFIX_MAX))?;
        if self.is_rds
            && let Some(head) = rds_head(line).filter(&mut *accept)
        {
            return Some(head);
        }
        // This excludes nearly all text of clients.
        if self.begins_with_time() && !has_time_shape(line) {
            return None;
        }
        self.walk(line, accept, DeadEnds::default())
    }

    /// The same, if names decide whether a match is accepted. Of a line with thousands of matches, only some are tried.
    pub(super) fn head_by_names<'a>(&self, line: &'a [u8], accept: Accept<'_, 'a>) -> Option<Head<'a>> {
        let line = line.get(..line.len().min(PREFIX_MAX))?;
        self.walk(line, accept, DeadEnds::by_names())
    }

    /// Whether a name at the start of `line` may go on behind its byte `newline`, by its length alone.
    ///
    /// False for a prefix without names, and where the pieces before the first name do not match.
    pub(super) fn may_go_on(&self, line: &[u8], newline: usize) -> bool {
        let mut head = Head::default();
        let mut at = 0;
        for piece in &self.pieces {
            match piece {
                name if name.is_name() => return newline <= at + self.names_max,
                Piece::Field(Field::Host | Field::LocalHost | Field::Application | Field::Words) | Piece::Padding => {
                    return true;
                }
                piece => match self.step(piece, line, at, &mut head) {
                    Some(next) => at = next,
                    None => return false,
                },
            }
        }
        false
    }

    /// Whether `line` begins as a record does: with all the pieces before the first free text.
    ///
    /// A time at the start is enough. A prefix without a time or free text needs the severity too.
    pub(super) fn begins(&self, line: &[u8]) -> bool {
        let mut head = Head::default();
        let mut at = 0;
        for piece in &self.pieces {
            match piece {
                Piece::Field(Field::Time) if at == 0 => return has_time_shape(line),
                Piece::Field(Field::Time | Field::Epoch | Field::SessionStart | Field::Pid | Field::Digits)
                | Piece::Literal(_)
                | Piece::Syslog => match self.step(piece, line, at, &mut head) {
                    Some(next) => at = next,
                    None => return false,
                },
                Piece::Field(_) | Piece::Padding | Piece::SessionOnly => return true,
            }
        }
        severity(line, at).is_some()
    }
}

/// The longest text from the first name on.
///
/// In bytes, up to the severity; 0 where no piece is a name.
fn reach(pieces: &[Piece]) -> usize {
    let longest = |piece: &Piece| match piece {
        Piece::Literal(literal) => literal.len(),
        Piece::Field(Field::User | Field::Database) => NAME_MAX,
        Piece::Field(Field::Application | Field::Words) | Piece::Padding => APPLICATION_MAX,
        Piece::Field(Field::Remote | Field::Host | Field::LocalHost) => HOST_MAX,
        Piece::Field(_) => 48,
        Piece::SessionOnly | Piece::Syslog => 0,
    };
    pieces.iter().skip_while(|piece| !piece.is_name()).map(longest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head<'a>(setting: &str, line: &'a str) -> Option<Head<'a>> {
        Prefix::compile(setting).head(line.as_bytes())
    }

    #[test]
    fn background_processes_have_no_session() {
        let line = "2026-11-23 18:39:57 UTC::@:[7]:LOG:  checkpoint starting: time";
        assert_eq!(head(RDS, line).map(|head| head.message_at), Some(line.find("checkpoint").expect("there")));
        assert!(
            head("%m [%p] %q%u@%d ", "2026-11-23 18:39:57.1 UTC [7] LOG:  x").is_none(),
            "milliseconds are three digits"
        );
        assert!(head("%m [%p] %q%u@%d ", "2026-11-23 18:39:57.123 UTC [7] LOG:  x").is_some());
    }

    #[test]
    fn the_first_severity_wins() {
        let line =
            "2026-11-23 18:39:57 UTC:10.0.0.1(1):u@d:[7]:LOG:  statement: select ':[7]:LOG:  connection authorized'";
        assert_eq!(head(RDS, line).map(|head| head.severity_at), line.find("LOG"));
    }

    /// Source: PostgreSQL `elog.c`, `process_log_prefix_padding` and `%*s`.
    #[test]
    fn padded_values_are_read_without_their_blanks() {
        let line = "2026-11-23 18:39:57.123 UTC    123 app        LOG:  x";
        let head = head("%m %6p %-10u ", line).expect("padded");
        assert_eq!((head.pid, head.user), (Some(123), Some(&b"app"[..])));
    }

    #[test]
    fn the_journal_leaves_the_counter_out() {
        let prefix = Prefix::compile("%m [%p] %q%u@%d ").in_syslog(2026);
        let line = b"Nov 23 18:39:57 db1 postgres[123]: 2026-11-23 18:39:57.123 UTC [123] u@d LOG:  x";
        assert_eq!(prefix.head(line).map(|head| (head.pid, head.chunk)), Some((Some(123), None)));
    }

    #[test]
    fn syslog_wraps_any_prefix() {
        let prefix = Prefix::compile("%m [%p] %q%u@%d ").in_syslog(2026);
        let line = b"Nov 23 18:39:57 db1 postgres[123]: [3-1] 2026-11-23 18:39:57.123 UTC [123] u@d LOG:  x";
        let head = prefix.head(line).expect("syslog");
        assert_eq!((head.pid, head.chunk, head.user), (Some(123), Some(1), Some(&b"u"[..])));
    }
}
