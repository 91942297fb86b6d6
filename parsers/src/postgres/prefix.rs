//! `log_line_prefix`: what stands before the severity of every line of a PostgreSQL stderr log.
//!
//! The escapes are those of the [documentation](https://www.postgresql.org/docs/18/runtime-config-logging.html#GUC-LOG-LINE-PREFIX),
//! 9.4 to 18. What RDS allows is in [`super::rds_prefix`].
//!
//! User and database names are written raw, so that they may hold every separator and even newlines. A prefix is
//! therefore matched by trying where each name may end, shortest first. Nothing else can hold a newline: servers make
//! application names printable (`pg_clean_ascii`), and the resolver gives host names.

use std::cell::Cell;

use super::rds_prefix::{self, RDS, rds_head};
use crate::time::{LogTime, epoch_time, has_time_shape, postgres_time, syslog_time};

/// Longest user or database name, in bytes (`NAMEDATALEN - 1`).
pub(super) const NAME_MAX: usize = 63;
/// Longest application name: 63 bytes, each written as `\xNN` at worst.
const APPLICATION_MAX: usize = 4 * NAME_MAX;
/// Longest host name (`NI_MAXHOST`).
const HOST_MAX: usize = 1025;

/// Longest prefix that is looked for, in bytes.
pub(super) const PREFIX_MAX: usize = 2048;

/// One part of a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Field(Field),
    /// What `%-10u` and `%10u` put behind and before a short value.
    Padding,
    /// `%q`: processes without a session write nothing from here on.
    SessionOnly,
    /// What syslog puts before the message, up to `[3-1] `.
    Syslog,
}

impl Piece {
    /// Whether it can hold a newline.
    fn is_name(&self) -> bool {
        matches!(self, Self::Field(Field::User | Field::Database))
    }
}

/// What an escape stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Time,
    Epoch,
    Remote,
    Host,
    /// The server's own address (`%L`, from 18 on), which says nothing of the client.
    LocalHost,
    User,
    Database,
    Application,
    Pid,
    Digits,
    SqlState,
    SessionStart,
    VirtualTransaction,
    SessionId,
    Words,
}

/// The escapes of `log_line_prefix`, but for `%%` and `%q`.
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

/// Severities, and the words that open the further lines of a report.
const SEVERITIES: &[&[u8]] = &[
    b"FATAL",
    b"ERROR",
    b"WARNING",
    b"DETAIL",
    b"HINT",
    b"STATEMENT",
    b"CONTEXT",
    b"QUERY",
    b"LOCATION",
    b"NOTICE",
    b"INFO",
    b"PANIC",
    b"BACKTRACE",
    b"DEBUG",
    b"DEBUG1",
    b"DEBUG2",
    b"DEBUG3",
    b"DEBUG4",
    b"DEBUG5",
];

/// The severity of connection records, also where it is translated, so that a translated log is known for what it is.
const LOG: &[&[u8]] = &[
    b"LOG",
    "LOGG".as_bytes(),
    "DZIENNIK".as_bytes(),
    "СООБЩЕНИЕ".as_bytes(),
    "ЗАПИСУВАННЯ".as_bytes(),
    "日志".as_bytes(),
    "日誌".as_bytes(),
    "로그".as_bytes(),
    "ჟურნალი".as_bytes(),
    "REGISTRO".as_bytes(),
    "JOURNAL".as_bytes(),
    "ПРОТОКОЛ".as_bytes(),
];

/// Prefixes to try on a text whose `log_line_prefix` is not known, most telling first.
pub(super) const KNOWN: &[&str] = &[
    // RDS and Aurora PostgreSQL: the values that they allow.
    RDS,
    rds_prefix::RDS_16_COLON,
    rds_prefix::RDS_16,
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
    setting: String,
    pieces: Vec<Piece>,
    syslog_year: i16,
    /// Whether lines begin with RDS's default and nothing else.
    is_rds: bool,
    /// See [`Self::reach`].
    reach: usize,
    /// The longest text from the first name to the end of the last.
    names_max: usize,
    /// The byte before the severity, where it is always the same.
    ends_in: Option<u8>,
}

/// What a prefix said of its line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub at: Option<LogTime>,
    pub pid: Option<u64>,
    /// `%c`.
    pub session: Option<&'a [u8]>,
    pub address: Option<&'a [u8]>,
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

/// Places from which no severity can be reached, once a line has taken many steps: names can be read in very many ways.
#[derive(Default)]
struct DeadEnds {
    steps: usize,
    /// Whether names decide which reading is accepted, so that a place is no dead end for all of them.
    by_names: bool,
    /// A bit for each state.
    known: Vec<u64>,
}

impl DeadEnds {
    /// Where the bit of a state is: how many pieces are left, the place, and whether a session wrote the line as far as it was
    /// read.
    fn bit(left: usize, at: usize, of_session: bool) -> (usize, u64) {
        let state = (left * (PREFIX_MAX + 1) + at) * 2 + usize::from(of_session);
        (state / 64, 1 << (state % 64))
    }

    fn contains(&self, (word, bit): (usize, u64)) -> bool {
        self.known.get(word).is_some_and(|known| known & bit != 0)
    }

    fn insert(&mut self, (word, bit): (usize, u64)) {
        if self.known.len() <= word {
            self.known.resize(word + 1, 0);
        }
        if let Some(known) = self.known.get_mut(word) {
            *known |= bit;
        }
    }
}

/// Steps through a line that need no memory of dead ends, as nearly all lines do.
const FEW_STEPS: usize = 512;
/// Most steps through a line where names decide which reading is accepted.
const MOST_STEPS: usize = 16 * 1024;

/// Whether a reading of a prefix, which ends where its severity begins, is the one that is looked for.
type Accept<'f, 'a> = &'f mut dyn FnMut(&Head<'a>) -> bool;

impl<'a> Head<'a> {
    /// Whether two lines are of one session, as far as they tell.
    pub(super) fn is_of_same_session(&self, other: &Self) -> bool {
        (self.pid, self.session, self.address, self.port) == (other.pid, other.session, other.address, other.port)
            && (self.user, self.database, self.application) == (other.user, other.database, other.application)
    }

    /// Whether a client's session wrote the line, as far as it was read. Other processes have neither user nor database.
    fn of_session(&self) -> bool {
        [self.user, self.database].iter().flatten().any(|name| !name.is_empty())
    }

    /// Whether the line may be one of a session that is being established: its application is not known yet.
    /// `[unknown]` is translated with everything else.
    pub(super) fn may_establish(&self) -> bool {
        self.application.is_none_or(|name| {
            let inner = name.strip_prefix(b"[").and_then(|name| name.strip_suffix(b"]"));
            name.is_empty() || inner.is_some_and(|word| !word.iter().any(|byte| b"[]:".contains(byte)))
        })
    }

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
    /// Compiles a setting. An escape that no server knows is written by servers as nothing, and is read so.
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

    /// The same prefix behind what syslog puts before each line. Traditional syslog leaves the year out: `year` is it.
    #[must_use]
    pub fn in_syslog(mut self, year: i16) -> Self {
        self.pieces.insert(0, Piece::Syslog);
        self.syslog_year = year;
        self.is_rds = false;
        self
    }

    /// The prefixes that may take turns with this one: RDS's setting is dynamic, and can change in the middle of a file.
    pub(super) fn others(&self) -> Vec<Self> {
        let all: &[&str] =
            if self.is_syslog() || !rds_prefix::ALL.contains(&self.setting()) { &[] } else { &rds_prefix::ALL };
        all.iter().filter(|other| **other != self.setting).map(|other| Self::compile(other)).collect()
    }

    /// Whether this one reads lines of another one, and not as they are meant.
    pub(super) fn reads_lines_of(&self, other: &Self) -> bool {
        self.setting == rds_prefix::RDS_16 && other.setting == rds_prefix::RDS_16_COLON
    }

    /// Whether the server tells which session a line is of before a client's names begin, which can imitate all behind them. No
    /// two sessions have the same process, or the same port of one address, at the same time.
    pub(super) fn identifies(&self, head: &Head<'_>) -> bool {
        self.pieces.iter().take_while(|piece| !piece.is_name()).any(|piece| match piece {
            Piece::Field(Field::Pid | Field::SessionId) | Piece::Syslog => true,
            Piece::Field(Field::Remote) => head.port.is_some(),
            _ => false,
        })
    }

    /// Whether names of applications stand in it.
    pub(super) fn has_application(&self) -> bool {
        self.pieces.contains(&Piece::Field(Field::Application))
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

    /// Reads the prefix and the severity at the start of `line`; names end as early as they can.
    pub(super) fn head<'a>(&self, line: &'a [u8]) -> Option<Head<'a>> {
        self.reading(line, &mut |_| true)
    }

    /// Reads the prefix at the start of `line` such that the severity begins at `at`.
    pub(super) fn head_upto<'a>(&self, line: &'a [u8], at: usize) -> Option<Head<'a>> {
        // Nearly all text that imitates a record is told by the byte before it.
        if self.ends_in.is_some_and(|last| line.get(..at).and_then(<[u8]>::last) != Some(&last)) {
            return None;
        }
        self.reading(line, &mut |head| head.severity_at == at)
    }

    /// The first reading of the prefix at the start of `line` that is accepted. Names can hold what separates them, so
    /// that there may be several.
    pub(super) fn reading<'a>(&self, line: &'a [u8], accept: Accept<'_, 'a>) -> Option<Head<'a>> {
        let line = line.get(..line.len().min(PREFIX_MAX))?;
        // Nearly all text of clients is told by that.
        if self.pieces.first() == Some(&Piece::Field(Field::Time)) && !has_time_shape(line) {
            return None;
        }
        if self.is_rds
            && let Some(head) = rds_head(line).filter(&mut *accept)
        {
            return Some(head);
        }
        let mut head = Head::default();
        self.walk(&self.pieces, line, 0, &mut head, accept, &mut DeadEnds::default()).then_some(head)
    }

    /// The same, where names decide whether a reading is accepted. Not all are tried of a line that can be read in thousands of
    /// ways.
    pub(super) fn reading_by_names<'a>(&self, line: &'a [u8], accept: Accept<'_, 'a>) -> Option<Head<'a>> {
        let line = line.get(..line.len().min(PREFIX_MAX))?;
        let (mut head, mut dead) = (Head::default(), DeadEnds { by_names: true, ..DeadEnds::default() });
        self.walk(&self.pieces, line, 0, &mut head, accept, &mut dead).then_some(head)
    }

    /// Whether a name at the start of `line` may go on behind its byte `newline`, as far as its length alone tells.
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

    /// Whether `line` begins as a record does: with all that stands before the first free text.
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

    /// Matches `pieces` from `at` on; where a field may end in several places, tries them all, shortest first.
    fn walk<'a>(
        &self,
        pieces: &[Piece],
        line: &'a [u8],
        at: usize,
        head: &mut Head<'a>,
        accept: Accept<'_, 'a>,
        dead: &mut DeadEnds,
    ) -> bool {
        dead.steps += 1;
        if dead.steps <= FEW_STEPS {
            return self.walk_on(pieces, line, at, head, accept, dead);
        }
        if dead.by_names {
            return dead.steps <= MOST_STEPS && self.walk_on(pieces, line, at, head, accept, dead);
        }
        let state = DeadEnds::bit(pieces.len(), at, head.of_session());
        if dead.contains(state) {
            return false;
        }
        let found = self.walk_on(pieces, line, at, head, accept, dead);
        if !found {
            dead.insert(state);
        }
        found
    }

    fn walk_on<'a>(
        &self,
        pieces: &[Piece],
        line: &'a [u8],
        at: usize,
        head: &mut Head<'a>,
        accept: Accept<'_, 'a>,
        dead: &mut DeadEnds,
    ) -> bool {
        let Some((piece, rest)) = pieces.split_first() else {
            return reached(line, at, head, accept);
        };
        let (shortest, longest) = match piece {
            // Sessions first: a user may be called `LOG:  x`.
            Piece::SessionOnly => {
                return self.walk(rest, line, at, head, accept, dead)
                    || (!head.of_session() && reached(line, at, head, accept));
            }
            Piece::Field(Field::User | Field::Database) => (0, NAME_MAX),
            // Where there is a session, there is a name, if only `[unknown]`.
            Piece::Field(Field::Application) => (usize::from(head.of_session()), APPLICATION_MAX),
            Piece::Field(Field::Words) => (0, APPLICATION_MAX),
            Piece::Field(Field::Host | Field::LocalHost) => (0, HOST_MAX),
            Piece::Literal(literal) => {
                return line.get(at..).is_some_and(|input| strip(input, literal).is_some())
                    && self.walk(rest, line, at + literal.len(), head, accept, dead);
            }
            Piece::Padding => (0, APPLICATION_MAX),
            Piece::Syslog | Piece::Field(_) => {
                let Some(next) = self.step(piece, line, at, head) else { return false };
                return self.walk(rest, line, next, head, accept, dead);
            }
        };
        let first = match rest.first() {
            Some(Piece::Literal(literal)) => literal.first().copied(),
            _ => None,
        };
        let limit = line.len().min(at + longest);
        let mut end = at + shortest;
        let mut held = at;
        loop {
            match first {
                Some(byte) => {
                    // Names are short: a plain loop is at their end before a search has begun.
                    let mut text = line.get(end..line.len().min(limit + 1)).unwrap_or_default().iter();
                    match text.position(|other| *other == byte) {
                        Some(found) => end += found,
                        None => return false,
                    }
                }
                None if end > limit => return false,
                None => {}
            }
            let (Some(text), Some(added)) = (line.get(at..end), line.get(held..end)) else { return false };
            if !may_hold(piece, added) {
                return false;
            }
            held = end;
            head.put(piece, Some(text));
            if self.walk(rest, line, end, head, accept, dead) {
                return true;
            }
            head.put(piece, None);
            end += 1;
        }
    }

    /// Matches a piece that can end in one place only; returns where.
    fn step<'a>(&self, piece: &Piece, line: &'a [u8], at: usize, head: &mut Head<'a>) -> Option<usize> {
        let input = line.get(at..)?;
        let field = match piece {
            Piece::Literal(literal) => return strip(input, literal).map(|_| at + literal.len()),
            Piece::Syslog => return self.syslog(line, at, head),
            Piece::SessionOnly | Piece::Padding => return Some(at),
            Piece::Field(field) => field,
        };
        let rest = match field {
            Field::Time => {
                let (length, time) = time(input)?;
                head.at = Some(time);
                return Some(at + length);
            }
            Field::Epoch => {
                let (rest, time) = epoch_time(input).ok()?;
                head.at = Some(time);
                rest
            }
            Field::SessionStart => whole_time(input)?.0,
            Field::Pid => {
                let (rest, pid) = number(input)?;
                head.pid = Some(pid);
                rest
            }
            // Query identifiers are signed.
            Field::Digits => skip(input.strip_prefix(b"-").unwrap_or(input), |byte| byte.is_ascii_digit())?,
            Field::SqlState => {
                let (state, rest) = input.split_at_checked(5)?;
                state.iter().all(u8::is_ascii_alphanumeric).then_some(rest)?
            }
            Field::VirtualTransaction => skip(input, |byte| byte.is_ascii_digit() || byte == b'/')?,
            Field::SessionId => {
                let (rest, pid) = session_id(input)?;
                head.pid = head.pid.or(pid);
                head.session = input.get(..input.len() - rest.len());
                rest
            }
            Field::Remote => {
                let (rest, remote) = remote(input);
                (head.address, head.port) = (remote.address, remote.port);
                rest
            }
            Field::Host | Field::LocalHost | Field::User | Field::Database | Field::Application | Field::Words => {
                return None;
            }
        };
        Some(line.len() - rest.len())
    }

    /// Where the message of a line begins that syslog wrapped.
    pub(super) fn syslog_end(&self, line: &[u8]) -> Option<usize> {
        self.syslog(line, 0, &mut Head::default())
    }

    /// The process and the chunk number of a line that syslog wrapped.
    pub(super) fn syslog_chunk(&self, line: &[u8]) -> Option<(u64, u64)> {
        let mut head = Head::default();
        self.syslog(line, 0, &mut head)?;
        Some((head.pid?, head.chunk?))
    }

    /// `Nov 23 18:39:57 host postgres[123]: [3-1] `, with an RFC 3339 time in newer dialects and a `<134>` before it. Without
    /// `syslog_sequence_numbers`, and from the journal, there is no `[3-1] `.
    ///
    /// Source: PostgreSQL `elog.c`, `write_syslog`: `[sequence-chunk] text`, chunks of at most 900 bytes.
    fn syslog<'a>(&self, line: &'a [u8], at: usize, head: &mut Head<'a>) -> Option<usize> {
        let input = line.get(at..)?;
        let end = memchr::memmem::find(input.get(..input.len().min(HOST_MAX))?, b"]: ")?;
        let before = input.get(..end)?;
        let before = match before.first() {
            Some(b'<') => before.get(memchr::memchr(b'>', before)? + 1..)?,
            _ => before,
        };
        if let Ok((_, time)) = syslog_time(before, self.syslog_year) {
            head.at = Some(time);
        } else {
            let word = before.split(|byte| *byte == b' ').next()?;
            let time: jiff::Timestamp = std::str::from_utf8(word).ok()?.parse().ok()?;
            head.at = Some(LogTime { at: time.as_microsecond(), zone_known: true });
        }
        let pid = before.get(memchr::memrchr(b'[', before)? + 1..)?;
        let (_, pid) = number(pid)?;
        head.pid = Some(pid);
        let message = input.get(end + 3..)?;
        let counted = || {
            let (rest, _) = number(message.strip_prefix(b"[")?)?;
            let (rest, chunk) = number(rest.strip_prefix(b"-")?)?;
            Some((rest.strip_prefix(b"] ")?, chunk))
        };
        let (rest, chunk) = counted().map_or((message, None), |(rest, chunk)| (rest, Some(chunk)));
        head.chunk = chunk;
        Some(line.len() - rest.len())
    }
}

/// The longest text from the first name on.
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

/// Whether a field of any length can have this text.
fn may_hold(piece: &Piece, text: &[u8]) -> bool {
    match piece {
        Piece::Padding => text.iter().all(|byte| *byte == b' '),
        Piece::Field(Field::Host | Field::LocalHost) => text.iter().all(u8::is_ascii_graphic),
        Piece::Field(Field::Application | Field::Words) => !text.iter().any(u8::is_ascii_control),
        _ => true,
    }
}

/// Whether a severity stands at `at`, and the reading that it ends is accepted.
fn reached<'a>(line: &'a [u8], at: usize, head: &mut Head<'a>, accept: Accept<'_, 'a>) -> bool {
    let Some(message_at) = severity(line, at) else { return false };
    head.severity_at = at;
    head.message_at = message_at;
    accept(head)
}

/// Where the message begins, if a severity stands at `at`: `LOG:  `, with `00000: ` behind it when verbose.
pub(super) fn severity(line: &[u8], at: usize) -> Option<usize> {
    let input = line.get(at..)?;
    let word = LOG
        .iter()
        .chain(SEVERITIES)
        .find(|word| strip(input, word).is_some_and(|rest| rest.first_chunk() == Some(b":  ")))?;
    let message = input.get(word.len() + 3..)?;
    let state = message.get(..7).is_some_and(|state| {
        state.ends_with(b": ") && state.iter().take(5).all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    });
    Some(at + word.len() + if state { 10 } else { 3 })
}

/// Whether a severity is that of connection records.
pub(super) fn is_log(severity: &[u8]) -> bool {
    LOG.contains(&severity)
}

/// Whether a text ends in a severity.
pub(super) fn ends_in_severity(text: &[u8]) -> bool {
    LOG.iter().chain(SEVERITIES).any(|word| text.ends_with(word))
}

/// The length of a time at the start of `input`, and what it is. A busy log writes the same second hundreds of times:
/// what was read last is compared before anything is read.
pub(super) fn time(input: &[u8]) -> Option<(usize, LogTime)> {
    /// A time, its text with the byte behind it, and how much of that is filled.
    type Last = ([u8; 32], usize, LogTime);
    thread_local! {
        static LAST: Cell<Option<Last>> = const { Cell::new(None) };
    }
    if let Some((text, filled, time)) = LAST.get()
        && text.get(..filled).is_some_and(|text| input.starts_with(text))
    {
        return Some((filled - 1, time));
    }
    let (rest, time) = whole_time(input)?;
    let length = input.len() - rest.len();
    // A zone of letters ends with its last letter, and one byte tells that it does.
    let named = input.get(length - 1).is_some_and(u8::is_ascii_alphabetic);
    let mut text = [0; 32];
    if named && let Some((to, from)) = text.get_mut(..=length).zip(input.get(..=length)) {
        to.copy_from_slice(from);
        LAST.set(Some((text, length + 1, time)));
    }
    Some((length, time))
}

/// A time, and what follows it. Where the severity follows at once, as with the prefix `%m`, it is no part of the zone.
fn whole_time(input: &[u8]) -> Option<(&[u8], LogTime)> {
    let (rest, time) = postgres_time(input).ok()?;
    if !rest.starts_with(b":  ") {
        return Some((rest, time));
    }
    let stamp = input.get(..input.len() - rest.len())?;
    let severity = LOG.iter().chain(SEVERITIES).find(|word| stamp.ends_with(word)).map_or(0, |word| word.len());
    let stamp = stamp.get(..stamp.len() - severity)?;
    let (none, time) = postgres_time(stamp).ok()?;
    none.is_empty().then(|| (input.get(stamp.len()..).unwrap_or_default(), time))
}

/// What stands behind `start` in `input`. For a few bytes, a loop is faster than a call that compares memory.
pub(super) fn strip<'a>(input: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (begin, rest) = input.split_at_checked(start.len())?;
    begin.iter().zip(start).all(|(byte, other)| byte == other).then_some(rest)
}

pub(super) fn number(input: &[u8]) -> Option<(&[u8], u64)> {
    let mut rest = input;
    let mut value = 0u64;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = after;
    }
    (rest.len() < input.len()).then_some((rest, value))
}

fn skip(input: &[u8], accept: impl Fn(u8) -> bool) -> Option<&[u8]> {
    let length = input.iter().position(|byte| !accept(*byte)).unwrap_or(input.len());
    input.get(length..)
}

/// `6924dca7.1267`: when the session began, and its process, in hexadecimal.
fn session_id(input: &[u8]) -> Option<(&[u8], Option<u64>)> {
    let rest = skip(input, |byte| byte.is_ascii_hexdigit())?;
    let Some(process) = rest.strip_prefix(b".") else { return Some((rest, None)) };
    let rest = skip(process, |byte| byte.is_ascii_hexdigit())?;
    let pid = process.get(..process.len() - rest.len()).and_then(|pid| std::str::from_utf8(pid).ok());
    Some((rest, pid.and_then(|pid| u64::from_str_radix(pid, 16).ok())))
}

/// What `%r` says of a client: its address, and its port where that is known.
#[derive(Clone, Copy, Default)]
pub(super) struct Remote<'a> {
    pub address: Option<&'a [u8]>,
    pub port: Option<u64>,
}

/// `10.0.0.1(5432)`, `[local]`, a host name, `???(???)` where it could not be found out, or nothing at all (a process without
/// a session).
pub(super) fn remote(input: &[u8]) -> (&[u8], Remote<'_>) {
    const LOCAL: &[u8] = b"[local]";
    if let Some(rest) = input.strip_prefix(LOCAL) {
        return (rest, Remote { address: Some(LOCAL), port: None });
    }
    let with_port = || {
        let rest = skip(input, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_' | b'%' | b'?')
        })?;
        let address = input.get(..input.len() - rest.len()).filter(|host| !host.is_empty())?;
        let digits = rest.strip_prefix(b"(")?;
        let (rest, port) = match digits.strip_prefix(b"???") {
            Some(rest) => (rest, None),
            None => number(digits).map(|(rest, port)| (rest, Some(port)))?,
        };
        Some((rest.strip_prefix(b")")?, Remote { address: Some(address), port }))
    };
    with_port().unwrap_or((input, Remote::default()))
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
