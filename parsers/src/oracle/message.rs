//! What follows the time in a record of the listener.
//!
//! The client chooses what stands in `CONNECT_DATA`: parentheses, asterisks, whole addresses. The server writes what
//! follows: the address that it sees, the command, the service, and the code. So a record is read from its right end.
//!
//! It does not read the time: each format does, and gives the text behind it. The code at the end is 0 for a session.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use memchr::{memchr, memmem, memrchr_iter};

use crate::bytes::ByteSet;
use crate::digits::{self, short_number};
use crate::event::{Client, HandshakeFailure, Malformed, Parsed, Record, SessionStep, Text, Tls, Transport};
use crate::format::Chunk;
use crate::lines::{LINE_MAX, NEARBY, undecorated};

/// One of the first two stands in every record of an attempt. The star before the first is no part of it: two that share
/// one, as where a service is called `establish`, would count as one. The third is for records that are cut.
pub(super) const NEEDLES: &[&[u8]] = &[ESTABLISHED, UNKNOWN_DATA, CONNECT_DATA];
/// A client asked for a service.
pub(super) const ESTABLISHED: &[u8] = b" establish *";
/// A client left before it asked for a service.
const UNKNOWN_DATA: &[u8] = b"unknown connect data";
/// The beginning of a record of an attempt.
pub(super) const CONNECT_DATA: &[u8] = b" * (CONNECT_DATA=";

/// What stands between the parts of a record.
const STAR: &[u8] = b" * ";
/// What stands before the service. A client can write it too, so a record is split at each of them.
const ESTABLISH: &[u8] = b" * establish * ";
/// What stands before the address. The last one before the service is the server's.
const ADDRESS: &[u8] = b" * (ADDRESS=";
/// What stands for the data of a client that sent none. A star and the code follow it.
const NO_DATA: &[u8] = b"<unknown connect data>";

/// What every record is searched for, prepared once.
struct Searches {
    /// [`ESTABLISH`], from the left.
    establish: Finder<'static>,
    /// What stands before the client's operating system user.
    user: Finder<'static>,
    /// What stands before the client's program.
    program: Finder<'static>,
    /// What stands behind the program: a path may hold parentheses, as `C:\Program Files (x86)` does.
    host: Finder<'static>,
    /// [`CONNECT_DATA`], of each record that a line may hold.
    data: Finder<'static>,
}

/// All searches.
static SEARCHES: LazyLock<Searches> = LazyLock::new(|| Searches {
    establish: Finder::new(ESTABLISH),
    user: Finder::new("(USER="),
    program: Finder::new("(PROGRAM="),
    host: Finder::new(")(HOST="),
    data: Finder::new(CONNECT_DATA),
});

/// Where data of clients begin in a text.
pub(super) fn connect_data(text: &[u8]) -> impl Iterator<Item = usize> {
    SEARCHES.data.find_iter(text)
}

/// Where the last [`ADDRESS`] stands: a client's own words stand to the left of the server's. Its star is usually the last one.
fn address(text: &[u8]) -> Option<usize> {
    let at =
        |star: usize| star.checked_sub(1).filter(|at| text.get(*at..).is_some_and(|text| text.starts_with(ADDRESS)));
    memrchr_iter(b'*', text).find_map(at)
}

/// Commands that open no session.
const COMMANDS: &[&[u8]] = &[
    b"status",
    b"ping",
    b"services",
    b"version",
    b"reload",
    b"stop",
    b"trace",
    b"show",
    b"log_status",
    b"log_file",
    b"log_directory",
    b"trc_level",
    b"trc_file",
    b"trc_directory",
    b"save_config",
    b"change_password",
    b"spawn",
    b"service_register",
    b"service_update",
    b"service_died",
    b"service_register_NSGR",
];

/// The address that the listener, or the server, saw.
pub(super) struct Address<'a> {
    /// `tcp`, `tcps`, `ipc` or `beq`, in either case.
    protocol: &'a [u8],
    /// None if it is missing, empty, or there twice.
    host: Option<&'a [u8]>,
}

impl<'a> Address<'a> {
    /// Reads all of `(ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698))`.
    ///
    /// None without a protocol, or if that is there twice. Keys match in either case, and other keys are skipped.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        let mut rest = text.strip_prefix(b"(ADDRESS=")?.strip_suffix(b")")?;
        // A key that stands twice has no value.
        let (mut protocol, mut host) = (None, None);
        while !rest.is_empty() {
            let (key, value, after) = pair(rest)?;
            rest = after;
            let slot = match key {
                _ if key.eq_ignore_ascii_case(b"PROTOCOL") => &mut protocol,
                _ if key.eq_ignore_ascii_case(b"HOST") => &mut host,
                _ => continue,
            };
            *slot = Some(Some(value).filter(|_| slot.is_none()));
        }
        Some(Self { protocol: protocol.flatten()?, host: host.flatten().filter(|host| !host.is_empty()) })
    }

    /// `tcp` may still be encrypted by Oracle's own encryption, which is not TLS and needs no certificate.
    pub(super) fn transport(&self) -> Transport<'static> {
        let is = |word: &[u8]| self.protocol.eq_ignore_ascii_case(word);
        match self.host {
            _ if is(b"tcps") => Transport::Tls(Tls::default()),
            _ if is(b"ipc") || is(b"beq") => Transport::Local,
            Some(host) if is(b"tcp") => Transport::unmarked(Some(host)),
            _ => Transport::Unknown,
        }
    }

    /// `[local]` where a client came by no network.
    ///
    /// A host in the address is kept, without the port. None for a network address that names no host.
    pub(super) fn client(&self) -> Option<Text<'a>> {
        match self.transport() {
            Transport::Local => Some(Cow::Borrowed(self.host.unwrap_or(b"[local]"))),
            _ => self.host.map(Cow::Borrowed),
        }
    }

    /// Whether the client used TLS.
    fn is_tls(&self) -> bool {
        self.protocol.eq_ignore_ascii_case(b"tcps")
    }
}

/// Splits `(HOST=10.0.0.7)` off.
///
/// The three parts are `HOST`, `10.0.0.7`, and the text behind. None for a value with a parenthesis, a star or a blank.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (inner, rest) = text.strip_prefix(b"(")?.split_at_checked(memchr(b')', text)?.checked_sub(1)?)?;
    let (key, value) = inner.split_at_checked(memchr(b'=', inner)?)?;
    let value = value.get(1..)?;
    /// Letters, digits and `_`.
    static KEY: ByteSet = ByteSet::of(&[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z'), (b'_', b'_')]);
    /// All but `(`, `*`, blanks, tabs and line breaks.
    static VALUE: ByteSet = ByteSet::of(&[(0, 8), (11, 12), (14, 31), (b'!', b'\''), (b')', b')'), (b'+', 255)]);
    let known = !key.is_empty() && KEY.leading(key) == key.len() && VALUE.leading(value) == value.len();
    known.then_some((key, value, rest.get(1..)?))
}

/// The parts of a record. A record can be split in several ways.
struct Parts<'a> {
    /// The client's own words, with its user and its program.
    connect_data: &'a [u8],
    /// What the server saw of the client.
    address: Address<'a>,
    /// The service that the client asked for, which is shown as the database.
    service: &'a [u8],
}

/// Reads what follows the time: ` * (CONNECT_DATA=...) * (ADDRESS=...) * establish * ORCL * 0`.
///
/// If the ways to split it have different transports, it is ambiguous. Otherwise the last one counts.
/// A command such as `status` or `service_update` is no record of a session.
pub(super) fn establish(body: &[u8]) -> Parsed<'_> {
    let Some((rest, code)) = code(body) else {
        return imitable(body).map_or(Parsed::Malformed(Malformed::UnknownLayout), Parsed::Record);
    };
    let mut candidates = SEARCHES.establish.find_iter(rest).filter_map(|at| {
        let (before, after) = rest.split_at_checked(at)?;
        let service = after.get(ESTABLISH.len()..)?;
        // A session needs a service that the listener knows; a refused client may have asked for anything.
        if code == 0 && !service.iter().all(|byte| byte.is_ascii_graphic() && !b"()*".contains(byte)) {
            return None;
        }
        let (connect_data, address) = before.split_at_checked(address(before)?)?;
        Some(Parts { connect_data, address: Address::read(address.get(STAR.len()..)?)?, service })
    });
    let Some(mut parts) = candidates.next() else {
        return if is_command(rest) { Parsed::NotARecord } else { Parsed::Malformed(Malformed::UnknownLayout) };
    };
    for other in candidates {
        if other.address.transport() != parts.address.transport() {
            return Parsed::Malformed(Malformed::Ambiguous);
        }
        parts = other;
    }
    let transport = parts.address.transport();
    Parsed::Record(parts.into_record(code, transport))
}

impl<'a> Parts<'a> {
    /// The record of these parts, with its code.
    ///
    /// 0 is a session, a code of TLS a failed handshake, and any other code a rejection.
    fn into_record(self, code: u32, transport: Transport<'static>) -> Record<'a> {
        let step = match code {
            0 => SessionStep::Connected(transport),
            code if is_tls_code(code) => SessionStep::HandshakeFailed(cause(code)),
            _ => SessionStep::Rejected(transport),
        };
        let client = Client {
            user: value(self.connect_data, &SEARCHES.user).and_then(|user| text(user.get(..memchr(b')', user)?)?)),
            database: text(self.service),
            address: self.address.client(),
            application: value(self.connect_data, &SEARCHES.program).and_then(|program| {
                let end = SEARCHES.host.find(program).filter(|end| *end > 0).or_else(|| memchr(b')', program))?;
                text(program.get(..end)?)
            }),
        };
        Record { at: None, session: None, client, step }
    }
}

/// Reads a record by TLS that has text behind its code. A client may have written all of it into a name, and the end of
/// its own record may be missing.
///
/// None for a record without TLS, and if no service and no code follow the last ` * establish * `.
fn imitable(body: &[u8]) -> Option<Record<'_>> {
    let read = |at: usize| {
        let (before, after) = body.split_at_checked(at)?;
        let after = after.get(ESTABLISH.len()..)?;
        let (service, after) = after.split_at_checked(memmem::find(after, STAR)?)?;
        let code = after.get(STAR.len()..)?;
        let code = code.get(..digits::leading(code)).and_then(short_number)?;
        let (connect_data, address) = before.split_at_checked(address(before)?)?;
        let address = Address::read(address.get(STAR.len()..)?)?;
        let tls = Tls { imitable: true, ..Tls::default() };
        address.is_tls().then(|| Parts { connect_data, address, service }.into_record(code, Transport::Tls(tls)))
    };
    // One without TLS behind it may be the client's own.
    memmem::rfind(body, ESTABLISH).and_then(read)
}

/// Reads what follows the time where a client was gone before it asked for a service:
/// ` * (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698)) * <unknown connect data> * 29019`. `notes` are the lines of
/// the record that follow.
///
/// Without TLS this is any port scan, and no record about a session.
pub(super) fn no_data<'a>(body: &'a [u8], notes: &[u8]) -> Parsed<'a> {
    let Some((rest, code)) = code(body) else { return Parsed::NotARecord };
    let Some(before) = rest.strip_suffix(NO_DATA).and_then(|rest| rest.strip_suffix(STAR)) else {
        return Parsed::NotARecord;
    };
    let noted = notes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| short_number(line.trim_ascii_start().strip_prefix(b"ORA-")?.get(..5)?))
        .find(|code| is_tls_code(*code));
    let handshake = [&b"TNS-00540"[..], b"TNS-00542"].iter().any(|note| memmem::find(notes, note).is_some());
    let is_tls = is_tls_code(code) || noted.is_some() || handshake;
    let address = before.strip_prefix(STAR).map(Address::read);
    if !is_tls && !matches!(&address, Some(Some(address)) if address.is_tls()) {
        return Parsed::NotARecord;
    }
    if matches!(address, Some(None)) || (address.is_none() && !before.is_empty()) {
        return Parsed::Malformed(Malformed::UnknownLayout);
    }
    let failure = noted.filter(|_| !is_tls_code(code)).unwrap_or(code);
    let client = Client { address: address.flatten().and_then(|address| address.client()), ..Client::default() };
    Parsed::Record(Record { at: None, session: None, client, step: SessionStep::HandshakeFailed(cause(failure)) })
}

/// Whether the line that goes on at `hit` ends in a code soon, as nearly all records do.
///
/// False if the line does not end within [`NEARBY`] bytes.
pub(super) fn ends_in_code(chunk: Chunk<'_>, hit: usize) -> bool {
    let rest = chunk.text.get(hit..chunk.text.len().min(hit + NEARBY)).unwrap_or_default();
    memchr(b'\n', rest).and_then(|end| rest.get(..end)).is_some_and(|line| code(line).is_some())
}

/// Why the record that begins at `hit` is no record, where its line ends too early.
///
/// None for a whole record, and if the line's end is out of sight. `Cut` if the log ends there.
pub(super) fn beginning(chunk: Chunk<'_>, hit: usize) -> Option<Malformed> {
    let rest = chunk.text.get(hit..chunk.text.len().min(hit + LINE_MAX)).unwrap_or_default();
    let (line, cause) = match memchr(b'\n', rest).and_then(|end| rest.get(..end)) {
        // Most are of this kind, and need no further look.
        Some(line) if code(line).is_some() => return None,
        Some(line) => (undecorated(line), Malformed::UnknownLayout),
        None if chunk.ends && rest.len() < LINE_MAX => (rest, Malformed::Cut),
        None => return None,
    };
    is_cut(line).then_some(cause)
}

/// Whether a line, which holds the beginning of a record, ends before it says what happened.
///
/// A `</txt>` at its end, which XML adds, is ignored.
fn is_cut(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    code(line.strip_suffix(b"</txt>").unwrap_or(line)).is_none() && !says_what_happened(line)
}

/// Whether a record holds a needle of those that are read as records.
pub(super) fn says_what_happened(record: &[u8]) -> bool {
    [ESTABLISHED, UNKNOWN_DATA].iter().any(|needle| memmem::find(record, needle).is_some())
}

/// Splits the code off: ` * 12514`.
///
/// `... * ORCL * 12514` gives `... * ORCL` and 12514. None for more than nine digits, and without a star before them.
fn code(body: &[u8]) -> Option<(&[u8], u32)> {
    let body = body.trim_ascii_end();
    let digits = body.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (rest, code) = body.split_at_checked(body.len() - digits)?;
    Some((rest.strip_suffix(STAR)?, short_number(code)?))
}

/// Whether a record without its code ends in a command that opens no session, where the server writes it.
///
/// A name that begins with `service_` stands first. The others follow the closing parenthesis of the client's data.
fn is_command(rest: &[u8]) -> bool {
    let after = rest.strip_prefix(STAR).unwrap_or_default();
    if after.starts_with(b"service_") {
        return true;
    }
    COMMANDS.iter().any(|command| {
        rest.strip_suffix(*command).and_then(|rest| rest.strip_suffix(STAR)).is_some_and(|rest| rest.ends_with(b")"))
    })
}

/// Whether a code is one of TLS: <https://docs.oracle.com/error-help/db/ora-28860/> and its neighbours, and ORA-29002 to
/// ORA-29049.
fn is_tls_code(code: u32) -> bool {
    (28750..=28899).contains(&code) || (29000..=29049).contains(&code)
}

/// Why a handshake failed. No code says that the client refused our certificate: the listener sees at most that it left.
fn cause(code: u32) -> HandshakeFailure {
    match code {
        // Negotiation failed for want of a common cipher; the version is not one of ours.
        28859 | 29019 => HandshakeFailure::ProtocolMismatch,
        // The peer closed the connection, was lost, or said nothing for too long.
        28862 | 28865 | 12170 | 12525 | 12535 | 12537 | 12547 | 12606 => HandshakeFailure::Probe,
        _ => HandshakeFailure::Other,
    }
}

/// What follows the first of a key: its value, and all behind that.
///
/// None without the key. The caller cuts it where the value ends.
fn value<'a>(connect_data: &'a [u8], key: &Finder<'_>) -> Option<&'a [u8]> {
    connect_data.get(key.find(connect_data)? + key.needle().len()..)
}

/// A text. None if it is empty.
fn text(text: &[u8]) -> Option<Text<'_>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

/// Whether a record is of a client that asked for a service, and has an answer in unknown words.
///
/// That is a record with data and an address, but without ` * establish * ` or a `COMMAND`.
pub(super) fn is_unreadable(record: &[u8]) -> bool {
    memmem::find(record, CONNECT_DATA).is_some()
        && memmem::find(record, ADDRESS).is_some()
        && memmem::find(record, ESTABLISH).is_none()
        && memmem::find(record, b"(COMMAND=").is_none()
}
