//! The message of a session that was established: `connection authorized: ...`.
//!
//! ```text
//! user=app database=orders application_name=api SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)
//! user=repl application_name=walreceiver SSL enabled (protocol=TLSv1.2, cipher=ECDHE-RSA-AES256-GCM-SHA384, bits=256)
//! user=app database=orders application_name=psql GSS (authenticated=yes, encrypted=yes, principal=app@EXAMPLE.COM)
//! ```
//!
//! The parts are cut off from the end, because names in front are free text. Layouts by version are in `message`.

use memchr::memmem;
use nom::Parser;
use nom::bytes::complete::{tag, take, take_while1};
use nom::combinator::{all_consuming, opt};
use nom::error::Error;

use super::babelfish;
use super::message::{Context, Message, text};
use crate::bytes::ByteSet;
use crate::digits;
use crate::event::{Client, Malformed, SessionStep, Tls, Transport};

/// Reads what stands behind `connection authorized: `.
pub(super) fn authorized<'a>(body: &'a [u8], context: &Context<'a>) -> Message<'a> {
    session(body, context, true)
}

/// Reads what stands behind `replication connection authorized: `.
pub(super) fn authorized_replication<'a>(body: &'a [u8], context: &Context<'a>) -> Message<'a> {
    session(body, context, false)
}

/// `user=U[ database=D][ application_name=A][ SSL enabled (...)][ GSS (...)]`.
///
/// Malformed results:
///
/// - `Cut`: the text ends as a mark or ` application_name=` begins.
/// - `Ambiguous`: the names differ from those of the prefix, or text stands between the names and the marks.
/// - `UnknownLayout`: the body does not begin with `user=`, or a mark has another shape.
fn session<'a>(body: &'a [u8], context: &Context<'a>, has_database: bool) -> Message<'a> {
    let unknown = Message::Malformed(Malformed::UnknownLayout);
    let Some(names) = body.strip_prefix(b"user=") else { return unknown };
    if let Some(session) = has_database.then(|| babelfish::session(names, context)).flatten() {
        return session;
    }
    // A name can hold a whole TLS mark; what the record says of the names elsewhere decides where they end.
    let known = known_names(names, context, has_database);
    // The line may have been cut inside of a mark, which then reads as the end of a name.
    let cut = |text: &[u8]| !context.quoted && ends_as_a_mark_begins(text);
    if known.is_none() && cut(names) {
        return Message::Malformed(Malformed::Cut);
    }
    let split = match known {
        Some(Ok(split)) => Some(split),
        // Only a name made to mislead differs.
        Some(Err(())) => return Message::Malformed(Malformed::Ambiguous),
        None => split_names(names, context, has_database),
    };
    let Some((user, database, end)) = split else { return unknown };
    let Some((end, gss)) = split_gss(end) else { return unknown };
    if cut(end) {
        return Message::Malformed(Malformed::Cut);
    }
    let (end, tls) = match split_tls(end) {
        Ok(split) => split,
        Err(cause) => return Message::Malformed(cause),
    };
    let application = match (end.is_empty(), end.strip_prefix(APPLICATION)) {
        (true, _) => None,
        (false, Some(application)) => Some(application),
        // The line may have been cut in the middle of a word.
        (false, None) if APPLICATION.starts_with(end) => return Message::Malformed(Malformed::Cut),
        (false, None) => return Message::Malformed(Malformed::Ambiguous),
    };
    let transport = match (tls, gss) {
        (Some(tls), _) => Transport::Tls(tls),
        (None, Gss::Encrypted) => Transport::Gss,
        // What a client without GSS calls its application may look so: nothing follows from it.
        (None, Gss::Unclear) => return unknown,
        (None, Gss::No) if context.marks_tls => Transport::unmarked(context.address),
        (None, Gss::No) => Transport::Unknown,
    };
    let client = Client {
        user: text(user),
        database: database.and_then(text),
        address: context.address.and_then(text),
        application: application.and_then(text),
    };
    Message::About(client, SessionStep::Connected(transport))
}

/// Whether a session is encrypted by GSSAPI.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gss {
    /// No mark, or a mark with `encrypted=no`.
    No,
    /// A whole mark with `encrypted=yes`.
    Encrypted,
    /// A mark, and text behind it.
    Unclear,
}

/// Cuts ` GSS (authenticated=.., encrypted=..[, ..])` off the end; and says whether it encrypts the session.
///
/// None for a mark that is closed and has another shape. The last mark counts.
/// The principal may hold parentheses: it runs to the end of the text.
fn split_gss(body: &[u8]) -> Option<(&[u8], Gss)> {
    const PRINCIPAL: &[u8] = b", principal=";
    // Every GSS session has the mark at its end, and hardly any session has GSS.
    if body.ends_with(b")") && last_group(body).is_some_and(|at| starts_at(body, at, TLS_MARK)) {
        return Some((body, Gss::No));
    }
    // A search takes longer to prepare than to see that there is no parenthesis at all.
    let mark = || memchr::memchr(b'(', body).and_then(|_| memmem::rfind(body, GSS_MARK));
    let Some(at) = mark() else { return Some((body, Gss::No)) };
    let (before, mark) = body.split_at_checked(at)?;
    if !mark.ends_with(b")") {
        return Some((body, Gss::Unclear));
    }
    let yes_no = || take_while1::<_, &[u8], Error<&[u8]>>(|byte: u8| byte.is_ascii_alphabetic());
    let mut grammar = all_consuming((
        tag(GSS_MARK),
        yes_no(),
        tag(&b", encrypted="[..]),
        yes_no(),
        opt((tag(&b", delegated_credentials="[..]), yes_no())),
        opt((
            tag(PRINCIPAL),
            take(mark.len().saturating_sub(memmem::find(mark, PRINCIPAL).map_or(0, |at| at + PRINCIPAL.len() + 1))),
        )),
        tag(&b")"[..]),
    ));
    let (_, parts) = grammar.parse_complete(mark).ok()?;
    Some((before, if parts.3 == b"yes" { Gss::Encrypted } else { Gss::No }))
}

/// How the GSS mark begins.
const GSS_MARK: &[u8] = b" GSS (authenticated=";
/// How the TLS mark begins.
const TLS_MARK: &[u8] = b" SSL enabled (";

/// Cuts ` SSL enabled (protocol=P, cipher=C[, bits=N][, compression=X])` off the end, or that and what follows it.
///
/// # Errors
///
/// When a mark begins that is not whole.
fn split_tls(body: &[u8]) -> Result<(&[u8], Option<Tls<'_>>), Malformed> {
    let split = |at: usize| {
        let (before, mark) = body.split_at_checked(at)?;
        tls_mark(mark).map(|(rest, tls)| (before, Some(Tls { imitable: !rest.is_empty(), ..tls })))
    };
    let whole = |(_, tls): &(&[u8], Option<Tls<'_>>)| tls.as_ref().is_some_and(|tls| !tls.imitable);
    let last = last_group(body).filter(|at| body.ends_with(b")") && starts_at(body, *at, TLS_MARK));
    if let Some(split) = last.and_then(split).filter(whole) {
        return Ok(split);
    }
    // Nearly every line without a mark has no parenthesis either.
    let marks = || memchr::memchr_iter(b'(', body).filter_map(|open| begins_mark(body, open));
    match marks().next() {
        Some(_) => marks().find_map(split).ok_or(Malformed::UnknownLayout),
        None => Ok((body, None)),
    }
}

/// Where a TLS mark begins whose parenthesis opens at `open`.
///
/// None where the parenthesis opens something else, such as `my (app)`.
fn begins_mark(body: &[u8], open: usize) -> Option<usize> {
    (open + 1).checked_sub(TLS_MARK.len()).filter(|at| starts_at(body, *at, TLS_MARK))
}

/// Whether a text ends in ` S`, ` SSL en` and so on: the line may have been cut inside of a mark.
///
/// At least two bytes of the mark must stand there: one blank is no sign of a cut.
fn ends_as_a_mark_begins(body: &[u8]) -> bool {
    let may =
        body.last().is_some_and(|last| TLS_MARK.get(1..TLS_MARK.len() - 1).is_some_and(|mark| mark.contains(last)));
    may && (2..TLS_MARK.len()).any(|length| TLS_MARK.get(..length).is_some_and(|begin| body.ends_with(begin)))
}

/// Reads a whole mark at the start of a text, and returns what follows it.
///
/// None where a part is missing or in another order. Bits and compression may be missing.
/// Bits that need more than 32 bits are left out.
fn tls_mark(mark: &[u8]) -> Option<(&[u8], Tls<'_>)> {
    let (version, rest) = word(mark.strip_prefix(TLS_MARK)?.strip_prefix(b"protocol=")?)?;
    let (cipher, rest) = word(rest.strip_prefix(b", cipher=")?)?;
    let bits = rest.strip_prefix(b", bits=").and_then(|behind| behind.split_at_checked(digits::leading(behind)));
    let (bits, rest) = match bits {
        Some((bits, behind)) if !bits.is_empty() => (Some(bits), behind),
        _ => (None, rest),
    };
    let rest = match rest.strip_prefix(b", compression=") {
        Some(behind) => word(behind)?.1,
        None => rest,
    };
    let bits = bits.and_then(|bits| u32::try_from(digits::number(bits)?).ok());
    Some((rest.strip_prefix(b")")?, Tls { version: text(version), cipher: text(cipher), bits, imitable: false }))
}

/// A word of a TLS mark, and the text behind it. None without a letter, a digit or `._-` at the start.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    static WORD: ByteSet = ByteSet::of(&[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z'), (b'-', b'.'), (b'_', b'_')]);
    text.split_at_checked(WORD.leading(text)).filter(|(word, _)| !word.is_empty())
}

/// Where ` SSL enabled (` would begin if its parenthesis were the last that opens.
///
/// None without a parenthesis, or where fewer bytes stand before it than a mark has.
fn last_group(body: &[u8]) -> Option<usize> {
    memchr::memrchr(b'(', body)?.checked_sub(TLS_MARK.len() - 1)
}

/// Whether a mark stands at `at`.
///
/// False where `at` is behind the end of `body`.
fn starts_at(body: &[u8], at: usize, mark: &[u8]) -> bool {
    body.get(at..).is_some_and(|rest| rest.starts_with(mark))
}

/// What stands before the database.
const DATABASE: &[u8] = b" database=";
/// What stands before the application name.
const APPLICATION: &[u8] = b" application_name=";

/// User, database, and what follows them.
pub(super) type Names<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

/// Splits `U[ database=D]` off by the names that the rest of the record gives.
///
/// # Errors
///
/// When the names differ. None if the record does not give them.
pub(super) fn known_names<'a>(
    names: &'a [u8],
    context: &Context<'a>,
    has_database: bool,
) -> Option<Result<Names<'a>, ()>> {
    let user = context.user?;
    let split = |database: Option<&'a [u8]>| {
        let end = names.strip_prefix(user)?;
        match database {
            Some(database) => Some((user, Some(database), end.strip_prefix(DATABASE)?.strip_prefix(database)?)),
            None => Some((user, None, end)),
        }
    };
    let database = if has_database { Some(context.database?) } else { None };
    Some(split(database).ok_or(()))
}

/// Splits `U[ database=D]` off by the words around them.
///
/// Without a known user, a name with such words in it ends too early.
/// None where a database is expected and ` database=` is missing.
pub(super) fn split_names<'a>(names: &'a [u8], context: &Context<'a>, has_database: bool) -> Option<Names<'a>> {
    let until = |text: &'a [u8], ends: &[&[u8]]| {
        let end = ends.iter().filter_map(|end| memmem::find(text, end)).min();
        text.split_at_checked(end.unwrap_or(text.len())).unwrap_or((text, b""))
    };
    let ends: &[&[u8]] = &[APPLICATION, TLS_MARK, GSS_MARK];
    if !has_database {
        let (user, end) = until(names, ends);
        return Some((user, None, end));
    }
    let user = context.user.filter(|user| names.strip_prefix(*user).is_some_and(|end| end.starts_with(DATABASE)));
    let (user, end) = match user {
        Some(user) => names.split_at_checked(user.len())?,
        None => until(names, &[DATABASE]),
    };
    let (database, end) = until(end.strip_prefix(DATABASE)?, ends);
    Some((user, Some(database), end))
}

#[cfg(test)]
mod tests {
    use nom::character::complete::digit1;

    use super::*;

    /// The grammar of a mark, with nothing in it that is made for speed.
    fn by_grammar(mark: &[u8]) -> Option<(&[u8], Tls<'_>)> {
        let word =
            || take_while1::<_, &[u8], Error<&[u8]>>(|byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let mut grammar = (
            tag(TLS_MARK),
            tag(&b"protocol="[..]),
            word(),
            tag(&b", cipher="[..]),
            word(),
            opt((tag(&b", bits="[..]), digit1)),
            opt((tag(&b", compression="[..]), word())),
            tag(&b")"[..]),
        );
        let (rest, parts) = grammar.parse_complete(mark).ok()?;
        let bits = parts.5.and_then(|(_, bits)| u32::try_from(digits::number(bits)?).ok());
        Some((rest, Tls { version: text(parts.2), cipher: text(parts.4), bits, imitable: false }))
    }

    proptest::proptest! {
        /// Marks, and what is nearly one: parts are left out, changed or cut.
        #[test]
        fn a_mark_is_read_as_its_grammar_says(
            version in "[A-Za-z0-9._ -]{0,8}",
            cipher in "[A-Z0-9_,-]{0,24}",
            bits in proptest::option::of("[0-9x]{0,12}"),
            compression in proptest::option::of("[a-z)]{0,4}"),
            end in "[) x]{0,3}",
            cut in 0usize..200,
        ) {
            let bits = bits.map_or(String::new(), |bits| format!(", bits={bits}"));
            let compression = compression.map_or(String::new(), |word| format!(", compression={word}"));
            let mark = format!(" SSL enabled (protocol={version}, cipher={cipher}{bits}{compression}){end}");
            let cut = &mark.as_bytes()[..cut.min(mark.len())];
            for mark in [mark.as_bytes(), cut] {
                proptest::prop_assert_eq!(tls_mark(mark), by_grammar(mark), "{}", mark.escape_ascii());
            }
        }
    }
}
